package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"runtime/debug"
	"strconv"
	"sync"
	"time"

	"workerfleet/runtime/fleet"
)

// claimOptions are what the command line of claims says.
type claimOptions struct {
	runOptions
	arrivals
	ramp  bool
	first int // number of the first user
}

// Of the published fleet of 100,000 users: 35,000 workers on 73 hosts, claimed at 600 a second at the market's open.
const publishedWorkers, publishedHosts, publishedRate = 35_000, 73, 600

func parseClaims(args []string, errs io.Writer) (claimOptions, error) {
	var o claimOptions
	flags := flag.NewFlagSet("bench claims", flag.ContinueOnError)
	o.flags(flags)
	flags.Float64Var(&o.rate, "rate", publishedRate, "claims a second, on a Poisson schedule")
	flags.DurationVar(&o.long, "for", 20*time.Second, "how long users come")
	flags.IntVar(&o.users, "users", 0, "users who come, at most (default: rate × for; never more than workers)")
	flags.BoolVar(&o.ramp, "ramp", false, "raise the rate until what gets ready does not follow; each stage as long as --for")
	if err := parse(flags, args, errs); err != nil {
		return o, err
	}
	if o.ramp && o.users == 0 {
		o.users = o.workers
	}
	if o.users == 0 {
		o.users = min(o.workers, int(o.rate*o.long.Seconds()))
	}
	return o, errors.Join(o.arrivals.check(time.Hour), check(flags, append(o.sizes(), limit{"users", o.users, 1, o.workers})...))
}

// claimFigures are what claims measures.
type claimFigures struct {
	Workers             int     `json:"workers"`
	Hosts               int     `json:"hosts"`
	Rate                float64 `json:"rate"`
	Claims              int     `json:"claims"`
	ClaimP50Ms          float64 `json:"claimP50Ms"`
	ClaimP99Ms          float64 `json:"claimP99Ms"`
	ReadyP50Ms          float64 `json:"readyP50Ms"`
	ReadyP99Ms          float64 `json:"readyP99Ms"`
	ReadyP999Ms         float64 `json:"readyP999Ms"`
	Errors              int     `json:"errors"`
	HeartbeatsPerSecond float64 `json:"heartbeatsPerSecond"`
	ServerCPUPercent    float64 `json:"serverCPUPercent"`
	// The store's server time for a heartbeat is of a time without claims, with the rounds of keeper and agents in it; that
	// for a claim is what comes on top, from the request to the worker's confirmation.
	BeatServerMicros    float64 `json:"beatServerMicros"`
	ClaimServerMicros   float64 `json:"claimServerMicros"`
	ClaimDatabaseMicros float64 `json:"claimDatabaseMicros"`
	ProcessCPUPercent   float64 `json:"processCPUPercent"`
	IdlePercent         float64 `json:"idlePercent"` // of all cores, whoever uses the rest
	Seed                uint64  `json:"seed"`
	Machine             machine `json:"machine"`
}

// runClaims lets users come to a warm fleet and measures when each one's worker is ready: the claim's script, the
// database's row, the sealed credentials, the mail, the agent, the worker's opening of them, and the confirmation.
func runClaims(ctx context.Context, args []string, out, errs io.Writer) error {
	o, err := parseClaims(args, errs)
	if err != nil {
		return err
	}
	// Agents and workers of a whole fleet live in this process, in hundreds of thousands of goroutines. Collecting what they
	// leave at the usual pace would be measured as the platform's own pauses, which run in small processes.
	defer debug.SetGCPercent(debug.SetGCPercent(collectAt))
	return o.profiled(func() error { return measureClaims(ctx, o, out) }) // the start included
}

func measureClaims(ctx context.Context, o claimOptions, out io.Writer) error {
	before := look()
	f, err := startFleet(ctx, o.fleetOptions, out)
	if err != nil {
		return err
	}
	defer f.stop()
	fmt.Fprintf(out, "store     %s\ndatabase  %s\nfleet     %d workers on %d hosts, warm after %.1f s\n", f.storeName, f.databaseName, o.workers, o.hosts, f.warmed.Seconds())
	settle(ctx, o.workers)
	if o.ramp {
		figures := f.ramp(ctx, o, out)
		figures.Machine = before.until(look())
		return tellJudged(out, o.json, figures, figures.String())
	}
	quiet := f.quiet(ctx, min(2*f.settings.Lease.Beat, o.long))
	beats, used, began := f.beats.Load(), f.spent(ctx), time.Now()
	m := f.open(ctx, o)
	took, after := time.Since(began).Seconds(), f.spent(ctx)
	shared := after.shares(used)
	beaten := float64(f.beats.Load() - beats)
	figures := claimFigures{
		Workers: o.workers, Hosts: o.hosts, Rate: o.rate, Claims: len(m.ready),
		ClaimP50Ms: milliseconds(m.claimed(0.5)), ClaimP99Ms: milliseconds(m.claimed(0.99)),
		ReadyP50Ms: milliseconds(m.readied(0.5)), ReadyP99Ms: milliseconds(m.readied(0.99)), ReadyP999Ms: milliseconds(m.readied(0.999)),
		Errors: m.errors, ProcessCPUPercent: shared.ProcessCPUPercent, IdlePercent: shared.IdlePercent, HeartbeatsPerSecond: beaten / took, BeatServerMicros: quiet,
		ClaimServerMicros:   ((after.storage-used.storage)*1e6 - beaten*quiet) / float64(max(1, len(m.ready))),
		ClaimDatabaseMicros: (after.database - used.database) * 1e6 / float64(max(1, len(m.ready))),
		ServerCPUPercent:    100 * (after.storage - used.storage) / took, Seed: o.seed, Machine: before.until(look()),
	}
	return tellJudged(out, o.json, figures, fmt.Sprintf(`claims    %d at %.0f a second; %d failed, and count as %v below
ready     p50 %.2f ms, p99 %.2f ms, p99.9 %.2f ms after the scheduled arrival
API       p50 %.2f ms, p99 %.2f ms by its own count
server    %.1f %% of one core, with %.0f heartbeats a second: %.1f µs each, and %.0f µs a claim; the database %.0f µs a claim
cores     this process %.0f %% of one; %.0f %% of all were idle
machine   %s
`, figures.Claims, o.rate, figures.Errors, patience, figures.ReadyP50Ms, figures.ReadyP99Ms, figures.ReadyP999Ms, figures.ClaimP50Ms, figures.ClaimP99Ms,
		figures.ServerCPUPercent, figures.HeartbeatsPerSecond, figures.BeatServerMicros, figures.ClaimServerMicros, figures.ClaimDatabaseMicros, figures.ProcessCPUPercent, figures.IdlePercent, figures.Machine))
}

// wrong: see [judged].
func (f claimFigures) wrong() error {
	if f.Claims+f.Errors == 0 {
		return errors.New("nobody came")
	}
	return never(f.Errors, "users were not served")
}

// quiet is what the store's server computes for each heartbeat, in microseconds, while nobody comes.
func (f *simulated) quiet(ctx context.Context, long time.Duration) float64 {
	beats, cpu := f.beats.Load(), f.serverCPU(ctx)
	select {
	case <-ctx.Done():
	case <-time.After(long):
	}
	return (f.serverCPU(ctx) - cpu) * 1e6 / float64(max(1, f.beats.Load()-beats))
}

// collectAt lets the heap grow tenfold before it is collected, in percent.
const collectAt = 1000

// settle lets what the start left to do come to an end: a small fleet's is over at once.
func settle(ctx context.Context, workers int) {
	select {
	case <-ctx.Done():
	case <-time.After(min(5*time.Second, time.Duration(workers)*time.Millisecond)):
	}
}

// measured are the durations of an open loop.
type measured struct {
	mu           sync.Mutex
	ready, claim []time.Duration
	errors       int
}

// readied and claimed are quantiles of what users waited, and of what the API says that it took; who failed counts as having
// been waited for as long as anybody is.
func (m *measured) readied(q float64) time.Duration {
	return quantile(withFailed(m.ready, m.errors, patience), q)
}

func (m *measured) claimed(q float64) time.Duration {
	return quantile(withFailed(m.claim, m.errors, patience), q)
}

// open lets users come at the times of a Poisson process.
func (f *simulated) open(ctx context.Context, o claimOptions) *measured {
	random := rand.New(rand.NewPCG(o.seed, 0))
	m := &measured{}
	var group sync.WaitGroup
	began, at := time.Now(), time.Duration(0)
	for i := range o.users {
		at += time.Duration(random.ExpFloat64() / o.rate * float64(time.Second))
		if at > o.long || ctx.Err() != nil {
			break
		}
		due := began.Add(at)
		time.Sleep(time.Until(due))
		group.Go(func() { f.come(ctx, user(o.first+i), due, m) })
	}
	group.Wait()
	return m
}

// patience is how long a user asks for a worker before the claim counts as failed.
const patience = 10 * time.Second

// come asks for a session until it is ready.
func (f *simulated) come(ctx context.Context, who fleet.User, due time.Time, m *measured) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	for ctx.Err() == nil {
		request := httptest.NewRequestWithContext(ctx, http.MethodPost, "/v1/sessions", nil)
		request.Header.Set(userHeader, string(who))
		answer := httptest.NewRecorder()
		f.api.ServeHTTP(answer, request)
		if answer.Code == http.StatusOK {
			took := time.Since(due)
			var s struct {
				ReadyMs float64 `json:"readyMs"`
			}
			if json.Unmarshal(answer.Body.Bytes(), &s) == nil {
				m.mu.Lock()
				m.ready, m.claim = append(m.ready, took), append(m.claim, time.Duration(s.ReadyMs*float64(time.Millisecond)))
				m.mu.Unlock()
				return
			}
		}
		time.Sleep(5 * time.Millisecond)
	}
	m.mu.Lock()
	m.errors++
	m.mu.Unlock()
}

func user(n int) fleet.User { return fleet.User("user-" + strconv.Itoa(n)) }
