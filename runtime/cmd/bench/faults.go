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
	// LimitSeconds is how long the last user may be without a worker after a fault's end, SilentLimitSeconds the last of those
	// who never ask again.
	LimitSeconds       float64       `json:"limitSeconds"`
	SilentLimitSeconds float64       `json:"silentLimitSeconds"`
	Faults             []faultFigure `json:"faults"`
	Seed               uint64        `json:"seed"`
	Machine            machine       `json:"machine"`
}

// faultFigure is what one fault came to. Times count from its end.
type faultFigure struct {
	Name    string  `json:"name"`
	Seconds float64 `json:"seconds"` // from its beginning to its end
	counts
	// Lost are sessions that ended although their users did not end them.
	Lost int `json:"lost"`
	verdict
	// Without are the users who were not served when the fault ended, or not all the time since; Silent are those of them who
	// never ask again, and Again is of the others. Who is not served at the time's end counts as until then.
	Without   int     `json:"without"`
	Silent    int     `json:"silent"`
	AgainP50  float64 `json:"againP50Seconds"`
	AgainP99  float64 `json:"againP99Seconds"`
	AgainMax  float64 `json:"againMaxSeconds"`
	SilentMax float64 `json:"silentMaxSeconds"`
	Unserved  int     `json:"unserved"` // at the time's end
	Healed    int     `json:"healed"`   // keys that a keeper had to repair
	Recalled  int     `json:"recalled"` // sessions of the database that the index did not know, and keepers found
	Failed    int     `json:"failedRounds"`
	// Disagree is in what workers, database and index are not one in the end; empty if they are.
	Disagree    string  `json:"disagree"`
	IdlePercent float64 `json:"idlePercent"` // of all cores, whoever uses the rest
}

// wrong: see [judged].
func (r faultFigures) wrong() error {
	var all []error
	for _, f := range r.Faults {
		if err := f.wrong(r.LimitSeconds, r.SilentLimitSeconds); err != nil {
			all = append(all, fmt.Errorf("%s: %w", f.Name, err))
		}
	}
	return errors.Join(all...)
}

// wrong says what was seen that must not be, or that there was nothing to see.
func (f faultFigure) wrong(limit, silent float64) error {
	all := []error{
		never(f.TwoAtOnce, "times two workers at once might act for a user"), never(f.EpochsBack, "epochs went back"), never(f.LateCalls, "calls were late"),
		never(f.Unserved, "users were not served again"), never(f.Healed, "keys had to be healed"),
	}
	if f.Confirmed == 0 || f.Calls == 0 {
		all = append(all, fmt.Errorf("%d sessions and %d calls are nothing to judge by", f.Confirmed, f.Calls))
	}
	if f.AgainMax > limit {
		all = append(all, fmt.Errorf("the last user was served again after %.1f s; allowed: %.1f", f.AgainMax, limit))
	}
	if f.SilentMax > silent {
		all = append(all, fmt.Errorf("the last user who does not ask was served again after %.1f s; allowed: %.1f", f.SilentMax, silent))
	}
	if f.Disagree != "" {
		all = append(all, errors.New(f.Disagree))
	}
	for _, note := range f.notes {
		all = append(all, errors.New(note))
	}
	return errors.Join(all...)
}

// Of the workers some are free at any time: those of a tenth of the hosts and a few more.
const busyShare = 0.6

// limitLeases is how many leases the last user may be without a worker after a fault's end: one in which an index that was deaf
// gives nobody up, one in which the database waits for the worker before, and one for all that is to be done.
const limitLeases = 3

// comparedEach is how long a keeper takes for each session of the database that it looks for in the index: 64 in a quarter of
// a second, and half as long again while it has other work.
const comparedEach = 6 * time.Millisecond

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
	f := &faulted{theatre: s, users: gather(ctx, s, o.users, o.seed), random: rand.New(rand.NewPCG(o.seed, 0)), terms: s.path.Terms}
	fmt.Fprintf(out, "store     %s\ndatabase  %s\nfleet     %d workers on %d hosts, warm after %.1f s; %d users served\n", s.storeName, s.databaseName, o.workers, o.hosts, s.warmed.Seconds(), o.users)
	figures := faultFigures{Workers: o.workers, Hosts: o.hosts, Users: o.users, Rate: o.rate, LimitSeconds: f.limit().Seconds(), SilentLimitSeconds: f.silentLimit(o.users).Seconds(), Seed: o.seed}
	err = o.profiled(func() error {
		for _, d := range o.faults {
			figure, err := f.play(ctx, d, o.rate)
			if err != nil {
				return fmt.Errorf("%s: %w", d.name, err)
			}
			figures.Faults = append(figures.Faults, figure)
			if !o.json {
				fmt.Fprint(out, figure)
			}
		}
		return nil
	})
	figures.Machine = before.until(look())
	return errors.Join(err, s.broken, tellJudged(out, o.json, figures, fmt.Sprintf("limits    %.0f s, %.0f s for who never asks again\nmachine   %s\n",
		figures.LimitSeconds, figures.SilentLimitSeconds, figures.Machine)))
}

// unheard is a log of nothing.
type unheard struct{}

// Printf: see [redis.SetLogger].
func (unheard) Printf(context.Context, string, ...any) {}

// limit is how long the last user may be without a worker after a fault's end. Who was refused again and again during the fault
// asks up to the longest pause after it.
func (f *faulted) limit() time.Duration {
	return limitLeases*(f.terms.TTL+f.terms.Guard) + longestAgain/2 + longestAgain
}

// silentLimit is the same for users who never ask again. A session that the index has lost, and its worker too, only keepers
// find, who look for so many one after the other.
func (f *faulted) silentLimit(sessions int) time.Duration {
	return f.limit() + time.Duration(sessions)*comparedEach
}

func (f faultFigure) String() string {
	agree := "workers, database and index agree"
	if f.Disagree != "" {
		agree = f.Disagree
	}
	return fmt.Sprintf(`%-9s %.0f s; %d came and %d went meanwhile; %d sessions lost; %d confirmed, %d calls
  never   two at once %d, epochs back %d, late calls %d; healed %d; recalled %d
  served  %d users without a worker at its end or since: again p50 %.1f s, p99 %.1f s, all after %.1f s; %d not; %d asked again, %d ended again
  silent  %d of them, who never ask again: all after %.1f s
  end     %s; %.0f %% of all cores were idle
`, f.Name, f.Seconds, f.Comings, f.Goings, f.Lost, f.Confirmed, f.Calls, f.TwoAtOnce, f.EpochsBack, f.LateCalls, f.Healed, f.Recalled,
		f.Without, f.AgainP50, f.AgainP99, f.AgainMax, f.Unserved, f.Asked, f.Ended, f.Silent, f.SilentMax, agree, f.IdlePercent)
}
