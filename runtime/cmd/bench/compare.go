package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"runtime/debug"
	"strings"
	"sync"
	"time"
)

// compareFigures are what compare measures: the same users at the same moments, on the same servers, one system after the
// other.
type compareFigures struct {
	Workers int      `json:"workers"`
	Hosts   int      `json:"hosts"`
	Rate    float64  `json:"rate"`
	Systems []system `json:"systems"`
	Seed    uint64   `json:"seed"`
	Machine machine  `json:"machine"`
}

// system is what one of them gave.
type system struct {
	Name    string `json:"name"`
	Claims  int    `json:"claims"`
	Failed  int    `json:"failed"`
	Doubled int    `json:"doubled"` // users on a worker that somebody else was given too
	// Ready is from the scheduled arrival until the user's worker knows that it is the user's.
	ReadyP50Ms float64 `json:"readyP50Ms"`
	ReadyP99Ms float64 `json:"readyP99Ms"`
	// What store and database computed: while nobody came, in percent of one core, and for each claim on top of that, which is
	// below 0 where they had less to do than while nobody came.
	IdlePercent    float64 `json:"idlePercent"`
	MicrosPerClaim float64 `json:"microsPerClaim"`
	// Ratios are over those of the first system, which is this platform.
	ReadyRatio  float64 `json:"readyP50Ratio"`
	TailRatio   float64 `json:"readyP99Ratio"`
	ServerRatio float64 `json:"serverRatio"`
}

// rival is a way to give users workers. It is started, and claims; what it started is ended by stop.
type rival interface {
	// claim returns the worker once it knows that it is the user's; "" with an error if there is none.
	claim(ctx context.Context, user int) (worker string, err error)
	spent(ctx context.Context) spent
	stop()
}

// rivals in the order in which they run; the first is what others are compared with.
func rivals() []struct {
	name  string
	start func(ctx context.Context, o runOptions, s *servers) (rival, error)
} {
	return []struct {
		name  string
		start func(ctx context.Context, o runOptions, s *servers) (rival, error)
	}{
		{"workerfleet", startOurs}, {"queue-claim", startQueueClaim}, {"skip-locked", startSkipLocked}, {"asynq", startAsynq},
	}
}

// runCompare measures the platform beside the queue-claim baseline, claims by SKIP LOCKED in PostgreSQL, and a job queue in
// Redis. Only the platform's way writes to the database who may act, seals credentials, and fences; the others have no word
// for that, and their figures are without.
func runCompare(ctx context.Context, args []string, out, errs io.Writer) error {
	var o runOptions
	var rate float64
	var long time.Duration
	var only string
	flags := flag.NewFlagSet("bench compare", flag.ContinueOnError)
	o.flags(flags)
	flags.Lookup("workers").DefValue, flags.Lookup("hosts").DefValue = "3500", "15"
	o.workers, o.hosts = 3500, 15
	flags.Float64Var(&rate, "rate", 50, "claims a second, on a Poisson schedule")
	flags.DurationVar(&long, "for", 15*time.Second, "how long users come to each")
	flags.StringVar(&only, "only", "", "one of them, beside the platform")
	if err := parse(flags, args, errs); err != nil {
		return err
	}
	o.users = min(o.workers, int(2*rate*long.Seconds())+16) // more than a Poisson schedule ever draws
	if err := check(flags, append(o.sizes(), limit{"rate", int(rate), 1, 10_000}, limit{"for", int(long.Milliseconds()), 100, 600_000})...); err != nil {
		return err
	}
	before := look()
	defer debug.SetGCPercent(debug.SetGCPercent(collectAt))
	dir, remove, err := workDir()
	if err != nil {
		return err
	}
	defer remove()
	s, err := startServers(ctx, o.serverOptions, dir)
	if err != nil {
		return err
	}
	defer s.stop()
	fmt.Fprintf(out, "store     %s\ndatabase  %s\n", s.storeName, s.databaseName)
	figures := compareFigures{Workers: o.workers, Hosts: o.hosts, Rate: rate, Seed: o.seed}
	for i, r := range rivals() {
		if i > 0 && only != "" && only != r.name {
			continue
		}
		// Each begins with a collected heap and empty servers.
		debug.FreeOSMemory()
		started, err := r.start(ctx, o, s)
		if err != nil {
			return fmt.Errorf("%s: %w", r.name, err)
		}
		settle(ctx, o.workers)
		measured := contest(ctx, started, schedule{rate, long, o.seed, o.users})
		measured.Name = r.name
		started.stop()
		figures.Systems = append(figures.Systems, measured)
	}
	var words strings.Builder
	fmt.Fprintf(&words, "%d workers on %d hosts, %.0f claims a second\n%-12s %7s %7s %8s %14s %14s %8s %12s %22s\n", o.workers, o.hosts, rate,
		"", "claims", "failed", "doubled", "ready p50", "ready p99", "idle", "a claim", "ratio p50, p99, server")
	first := figures.Systems[0]
	for i := range figures.Systems {
		r := &figures.Systems[i]
		r.ReadyRatio, r.TailRatio, r.ServerRatio = r.ReadyP50Ms/first.ReadyP50Ms, r.ReadyP99Ms/first.ReadyP99Ms, r.MicrosPerClaim/max(1, first.MicrosPerClaim)
		fmt.Fprintf(&words, "%-12s %7d %7d %8d %11.1f ms %11.1f ms %6.1f %% %9.0f µs %8.1f %6.1f %6.2f\n", r.Name, r.Claims, r.Failed, r.Doubled,
			r.ReadyP50Ms, r.ReadyP99Ms, r.IdlePercent, r.MicrosPerClaim, r.ReadyRatio, r.TailRatio, r.ServerRatio)
	}
	figures.Machine = before.until(look())
	fmt.Fprintf(&words, "failed    count as %v\nmachine   %s\n", patience, figures.Machine)
	return tellJudged(out, o.json, figures, words.String())
}

// wrong: see [judged]. What the others have wrong is what they are compared for.
func (f compareFigures) wrong() error {
	ours := f.Systems[0]
	return errors.Join(never(ours.Failed, "users were not served by the platform"), never(ours.Doubled, "users are on somebody else's worker"))
}

// schedule says when users come.
type schedule struct {
	rate float64
	long time.Duration
	seed uint64
	most int
}

// quietTime is how long a system is watched while nobody comes.
const quietTime = 4 * time.Second

// contest lets users come to one system.
func contest(ctx context.Context, r rival, at schedule) (s system) {
	quiet := r.spent(ctx)
	select {
	case <-ctx.Done():
	case <-time.After(min(quietTime, at.long)):
	}
	before := r.spent(ctx)
	idle := (before.servers() - quiet.servers()) / before.at.Sub(quiet.at).Seconds()
	random := rand.New(rand.NewPCG(at.seed, 0))
	var mu sync.Mutex
	var ready []time.Duration
	taken := map[string]int{}
	var group sync.WaitGroup
	began, next := time.Now(), time.Duration(0)
	for i := range at.most {
		if next += time.Duration(random.ExpFloat64() / at.rate * float64(time.Second)); next > at.long || ctx.Err() != nil {
			break
		}
		due := began.Add(next)
		time.Sleep(time.Until(due))
		s.Claims++
		group.Go(func() {
			ctx, cancel := context.WithTimeout(ctx, patience)
			defer cancel()
			worker, err := r.claim(ctx, i)
			took := time.Since(due)
			mu.Lock()
			defer mu.Unlock()
			if err != nil {
				s.Failed++
				return
			}
			ready = append(ready, took)
			taken[worker]++
		})
	}
	group.Wait()
	after := r.spent(ctx)
	s.IdlePercent = 100 * idle
	s.MicrosPerClaim = (after.servers() - before.servers() - idle*after.at.Sub(before.at).Seconds()) * 1e6 / float64(max(1, s.Claims))
	ready = withFailed(ready, s.Failed, patience)
	s.ReadyP50Ms, s.ReadyP99Ms = milliseconds(quantile(ready, 0.5)), milliseconds(quantile(ready, 0.99))
	for _, users := range taken {
		s.Doubled += users - 1
	}
	if counts, ok := r.(interface{ doubled() int }); ok { // of which all but the last user hear nothing
		s.Doubled = counts.doubled()
	}
	return s
}

// servers is what store and database have computed together, in seconds.
func (s spent) servers() float64 { return s.storage + s.database }
