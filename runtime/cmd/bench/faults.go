package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"runtime/debug"
	"slices"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"
)

// faultOptions are what the command line of faults says.
type faultOptions struct {
	runOptions
	rate   float64
	faults []deed
}

// faultFigures are what faults measures.
type faultFigures struct {
	Workers int     `json:"workers"`
	Hosts   int     `json:"hosts"`
	Users   int     `json:"users"` // with a session at the beginning
	Rate    float64 `json:"rate"`  // of comings and goings together, a second
	// LimitSeconds is how long the last user may be without a worker after a fault's end.
	LimitSeconds float64       `json:"limitSeconds"`
	Faults       []faultFigure `json:"faults"`
	Seed         uint64        `json:"seed"`
	Machine      machine       `json:"machine"`
}

// faultFigure is what one fault came to. Times count from its end.
type faultFigure struct {
	Name    string  `json:"name"`
	Seconds float64 `json:"seconds"` // from its beginning to its end
	counts
	// Lost are sessions that ended although their users did not end them.
	Lost int `json:"lost"`
	verdict
	// Without are the users who were not served when the fault ended, or not all the time since.
	Without  int     `json:"without"`
	AgainP50 float64 `json:"againP50Seconds"`
	AgainP99 float64 `json:"againP99Seconds"`
	AgainMax float64 `json:"againMaxSeconds"`
	Unserved int     `json:"unserved"` // at the time's end
	Healed   int     `json:"healed"`   // keys that a keeper had to repair
	Recalled int     `json:"recalled"` // sessions of the database that the index did not know, and keepers found
	Failed   int     `json:"failedRounds"`
	// Disagree is in what workers, database and index are not one in the end; empty if they are.
	Disagree    string  `json:"disagree"`
	IdlePercent float64 `json:"idlePercent"` // of all cores, whoever uses the rest
}

// wrong says whether something was seen that must not be, or nothing was seen at all.
func (f faultFigure) wrong() bool {
	return !f.clean() || f.Confirmed == 0 || f.Calls == 0 || f.Unserved > 0 || f.Healed > 0 || f.Disagree != ""
}

// Of the workers some are free at any time: those of a tenth of the hosts and a few more.
const busyShare = 0.6

// limitLeases is how many leases the last user may be without a worker after a fault's end.
const limitLeases = 4

func parseFaults(args []string, errs io.Writer) (faultOptions, error) {
	var o faultOptions
	flags := flag.NewFlagSet("bench faults", flag.ContinueOnError)
	o.flags(flags)
	flags.IntVar(&o.users, "users", 0, "users with a session at the beginning (default: 60 % of the workers)")
	flags.Float64Var(&o.rate, "rate", 75, "users who come or go in a second, on a Poisson schedule")
	flags.DurationVar(&o.lease.TTL, "ttl", ttl, "how long a lease lasts; beats, guard and faults shrink with it")
	var names []string
	for _, d := range deeds() {
		names = append(names, d.name)
	}
	chosen := flags.String("fault", strings.Join(names, ","), "faults to play, in their order")
	if err := parse(flags, args, errs); err != nil {
		return o, err
	}
	if o.users == 0 {
		o.users = max(1, int(busyShare*float64(o.workers)))
	}
	var problems []error
	for _, name := range strings.Split(*chosen, ",") {
		if !slices.Contains(names, name) {
			problems = append(problems, usage{fmt.Errorf("--fault: %q is not allowed; allowed: %s", name, strings.Join(names, ", "))})
		}
	}
	for _, d := range deeds() {
		if slices.Contains(strings.Split(*chosen, ","), d.name) {
			o.faults = append(o.faults, d)
		}
	}
	if !(o.rate > 0 && o.rate <= 10_000) {
		problems = append(problems, usage{errors.New("--rate: is not allowed; allowed: above 0, and at most 10000 a second")})
	}
	if o.valkey != "" {
		problems = append(problems, usage{errors.New("--valkey: is not allowed; allowed: none, because the server is killed")})
	}
	limits := append(o.sizes(), limit{"users", o.users, 1, o.workers}, limit{"ttl", int(o.lease.TTL.Milliseconds()), 1000, 60_000})
	limits[1].from = 3 // a third is cut off, and somebody must be left
	o.lease.Beat, o.lease.Guard = o.lease.TTL/(ttl/beat), o.lease.TTL/(ttl/guard)
	return o, errors.Join(append(problems, check(flags, limits...))...)
}

// runFaults plays faults on a fleet whose users come and go, and judges what the workers do meanwhile and what is left.
func runFaults(ctx context.Context, args []string, out, errs io.Writer) error {
	o, err := parseFaults(args, errs)
	if err != nil {
		return err
	}
	before := look()
	defer debug.SetGCPercent(debug.SetGCPercent(collectAt)) // as for claims: one process stands for many small ones
	defer slog.SetDefault(slog.Default())                   // the API's requests fail by the thousand while there is no store
	slog.SetDefault(slog.New(slog.DiscardHandler))
	redis.SetLogger(unheard{}) // and so do the connections
	s, err := openTheatre(ctx, o, out)
	if err != nil {
		return err
	}
	defer s.stop()
	f := &faulted{theatre: s, users: gather(ctx, s, o.users), random: rand.New(rand.NewPCG(o.seed, 0)), terms: s.path.Terms}
	fmt.Fprintf(out, "store     %s\ndatabase  %s\nfleet     %d workers on %d hosts, warm after %.1f s; %d users served\n", s.storeName, s.databaseName, o.workers, o.hosts, s.warmed.Seconds(), o.users)
	figures := faultFigures{Workers: o.workers, Hosts: o.hosts, Users: o.users, Rate: o.rate, LimitSeconds: f.limit().Seconds(), Seed: o.seed}
	var wrong []error
	err = o.profiled(func() error {
		for _, d := range o.faults {
			figure, err := f.play(ctx, d, o.rate)
			if err != nil {
				return fmt.Errorf("%s: %w", d.name, err)
			}
			figures.Faults = append(figures.Faults, figure)
			if figure.wrong() {
				wrong = append(wrong, fmt.Errorf("%s: %s", d.name, strings.Join(append(figure.notes, figure.Disagree), "; ")))
			}
			if !o.json {
				fmt.Fprint(out, figure)
			}
		}
		return nil
	})
	figures.Machine = before.until(look())
	return errors.Join(err, s.broken, tell(out, o.json, figures, fmt.Sprintf("machine   %s\n", figures.Machine)), errors.Join(wrong...))
}

// unheard is a log of nothing.
type unheard struct{}

// Printf: see [redis.SetLogger].
func (unheard) Printf(context.Context, string, ...any) {}

// limit is how long the last user may be without a worker after a fault's end.
func (f *faulted) limit() time.Duration { return limitLeases * (f.terms.TTL + f.terms.Guard) }

func (f faultFigure) String() string {
	agree := "workers, database and index agree"
	if f.Disagree != "" {
		agree = f.Disagree
	}
	return fmt.Sprintf(`%-9s %.0f s; %d came and %d went meanwhile; %d sessions lost; %d confirmed, %d calls
  never   two at once %d, epochs back %d, late calls %d; healed %d; recalled %d
  served  %d users without a worker at its end or since: again p50 %.1f s, p99 %.1f s, all after %.1f s; %d not; %d asked again, %d ended again
  end     %s; %.0f %% of all cores were idle
`, f.Name, f.Seconds, f.Comings, f.Goings, f.Lost, f.Confirmed, f.Calls, f.TwoAtOnce, f.EpochsBack, f.LateCalls, f.Healed, f.Recalled,
		f.Without, f.AgainP50, f.AgainP99, f.AgainMax, f.Unserved, f.Asked, f.Ended, agree, f.IdlePercent)
}
