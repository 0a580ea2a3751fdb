package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"time"
)

// runOptions are those that most measurements share.
type runOptions struct {
	fleetOptions
	seed    uint64
	json    bool
	profile string
}

// limit is what a flag may be.
type limit struct {
	name            string
	value, from, to int
}

// flags adds the shared flags. The numbers of workers and hosts are the published fleet's unless they are stated.
func (o *runOptions) flags(flags *flag.FlagSet) {
	o.sizeless(flags)
	flags.IntVar(&o.workers, "workers", publishedWorkers, "workers")
	flags.IntVar(&o.hosts, "hosts", publishedHosts, "hosts")
}

// sizeless adds those of the shared flags that say nothing of the fleet.
func (o *runOptions) sizeless(flags *flag.FlagSet) {
	o.serverOptions.flags(flags)
	flags.Uint64Var(&o.seed, "seed", 1, "seed of what is drawn")
	flags.BoolVar(&o.json, "json", false, "end with one JSON object")
	flags.StringVar(&o.profile, "profile", "", "file to write this process's CPU profile to")
}

// mostWorkers and mostHosts are the most that a measurement simulates.
const mostWorkers, mostHosts = 100_000, 1_000

// sizes are the limits of a fleet.
func (o *runOptions) sizes() []limit {
	return []limit{{"workers", o.workers, 1, mostWorkers}, {"hosts", o.hosts, 1, mostHosts}}
}

// arrivals are how many come in a second, on a Poisson schedule, and for how long.
type arrivals struct {
	rate float64
	long time.Duration
}

// mostRate is the most that is asked for in a second.
const mostRate = 100_000

// check reports a schedule that cannot be followed.
func (a arrivals) check(longest time.Duration) error {
	if !(a.rate > 0 && a.rate <= mostRate) || a.long <= 0 || a.long > longest {
		return usage{fmt.Errorf("--rate, --for: are not allowed; allowed: above 0, and at most %d a second and %v", mostRate, longest)}
	}
	return nil
}

// check reports everything that a command line has wrong.
func check(flags *flag.FlagSet, limits ...limit) error {
	var problems []error
	for _, l := range limits {
		if l.value < l.from || l.value > l.to {
			problems = append(problems, fmt.Errorf("--%s: %d is not allowed; allowed: %d to %d", l.name, l.value, l.from, l.to))
		}
	}
	if flags.NArg() > 0 {
		problems = append(problems, fmt.Errorf("%q is not understood", flags.Arg(0)))
	}
	if err := errors.Join(problems...); err != nil {
		return usage{err}
	}
	return nil
}

// parse reads a command line; what is wrong with it is the caller's to find.
func parse(flags *flag.FlagSet, args []string, errs io.Writer) error {
	flags.SetOutput(errs)
	if err := flags.Parse(args); err != nil {
		return usage{err}
	}
	return nil
}

// profiled writes a profile while measure runs, if one was asked for.
func (o *runOptions) profiled(measure func() error) error {
	if o.profile == "" {
		return measure()
	}
	stop, err := profile(o.profile)
	if err != nil {
		return err
	}
	defer stop()
	return measure()
}

// tell writes the figures as one JSON object, or in words.
func tell(out io.Writer, asJSON bool, figures any, words string) error {
	if asJSON {
		return json.NewEncoder(out).Encode(figures)
	}
	_, err := io.WriteString(out, words)
	return err
}

// judged are figures some of which must not be.
type judged interface {
	// wrong is nil, or all that was seen and must not be. An aim of time that was missed is nothing of that: another machine
	// is as fast as it is.
	wrong() error
}

// tellJudged writes the figures as [tell] does, whatever they are, and then says what is wrong with them.
func tellJudged(out io.Writer, asJSON bool, figures judged, words string) error {
	return errors.Join(tell(out, asJSON, figures, words), figures.wrong())
}

// never is an error if something was counted that must not be.
func never(n int, what string) error {
	if n == 0 {
		return nil
	}
	return fmt.Errorf("%d %s", n, what)
}

// errLate says that something did not come to be in its time.
var errLate = errors.New("it is not so")

// until asks every so often until something is so, or the time is up.
func until(ctx context.Context, every, limit time.Duration, so func() (bool, error)) error {
	for began := time.Now(); ; time.Sleep(every) {
		done, err := so()
		switch {
		case err != nil:
			return err
		case done:
			return nil
		case ctx.Err() != nil:
			return ctx.Err()
		case time.Since(began) > limit:
			return fmt.Errorf("%w after %v", errLate, limit)
		}
	}
}
