package main

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"workerfleet/runtime/claim"
	"workerfleet/runtime/ecs"
	"workerfleet/runtime/ecs/emulator"
	"workerfleet/runtime/fleet"
	"workerfleet/runtime/iam"
	"workerfleet/runtime/keeper"
	"workerfleet/runtime/pool"
	"workerfleet/runtime/signals"
)

// launchOptions are what the command line of launches says.
type launchOptions struct {
	workers, hosts, passes int
	starts                 time.Duration
	json                   bool
}

// launchFigures are what launches measures.
type launchFigures struct {
	Workers        int     `json:"workers"`
	Hosts          int     `json:"hosts"`
	Passes         int     `json:"passes"`
	Seconds        float64 `json:"seconds"` // from the first decision to the last idle worker
	LaunchesPerSec float64 `json:"launchesPerSecond"`
	// Sustained leaves out what the full bucket gave away at the beginning.
	SustainedPerSec float64 `json:"sustainedPerSecond"`
	Calls           int     `json:"calls"` // RunTask, throttled ones included
	Throttled       int     `json:"throttled"`
	Machine         machine `json:"machine"`
}

// The bucket that RunTask and StopTask share in an account (facts ecs.api.clustermod), and how long a worker takes from the
// answer to being idle.
const (
	bucketBurst, bucketPerSecond = claim.CallsBurst, claim.CallsPerSecond
	standardStart                = 5 * time.Second
)

func parseLaunches(args []string, errs io.Writer) (launchOptions, error) {
	var o launchOptions
	flags := flag.NewFlagSet("bench launches", flag.ContinueOnError)
	flags.SetOutput(errs)
	flags.IntVar(&o.workers, "workers", publishedWorkers, "workers to launch, all of them missing at once")
	flags.IntVar(&o.hosts, "hosts", publishedHosts, "hosts that have joined")
	flags.IntVar(&o.passes, "passes", 2, "keepers that make refill passes, a second apart each")
	flags.DurationVar(&o.starts, "starts", standardStart, "time from the launch's answer to the idle worker")
	flags.BoolVar(&o.json, "json", false, "end with one JSON object")
	if err := flags.Parse(args); err != nil {
		return o, usage{err}
	}
	if o.workers < 1 || o.workers > 100_000 || o.hosts < 1 || o.hosts > 1_000 || o.passes < 1 || o.passes > 10 || o.starts < 0 || flags.NArg() > 0 {
		return o, usage{errors.New("--workers, --hosts, --passes, --starts: are not allowed; allowed: 1 to 100000, 1 to 1000, 1 to 10, 0s or more, and no further words")}
	}
	return o, nil
}

// runLaunches lets real refill passes fill an empty fleet through the real adapter of ECS, against a server that answers
// RunTask with the bucket that AWS documents. The index is in memory, and hosts and workers are names that register.
func runLaunches(ctx context.Context, args []string, out, errs io.Writer) error {
	o, err := parseLaunches(args, errs)
	if err != nil {
		return err
	}
	before := look()
	var ends closing
	defer ends.now()
	server := emulator.New(&ends)
	server.Room(o.workers)
	server.Bucket(bucketBurst, bucketPerSecond)
	y := &yard{store: claim.NewMemory(), terms: claim.DefaultTerms(), options: o}
	if y.Provider, err = clusterOf(server); err != nil {
		return err
	}
	figures, err := y.fill(ctx)
	if err != nil {
		return err
	}
	figures.Calls, figures.Throttled = len(server.Calls("RunTask")), server.Throttled()
	figures.Machine = before.until(look())
	if o.json {
		return json.NewEncoder(out).Encode(figures)
	}
	_, err = fmt.Fprintf(out, `launched  %d workers onto %d hosts in %.1f s by %d keepers; a worker is idle %v after its launch
rate      %.0f a second, %.0f without what the full bucket gave away
calls     %d of RunTask, %d of them throttled; the account's bucket holds %d and gets %d a second
machine   %s
`, figures.Workers, figures.Hosts, figures.Seconds, figures.Passes, o.starts, figures.LaunchesPerSec, figures.SustainedPerSec,
		figures.Calls, figures.Throttled, bucketBurst, bucketPerSecond, figures.Machine)
	return err
}

// closing collects what ends with the measurement.
type closing struct{ all []func() }

// Cleanup keeps a call for the end.
func (e *closing) Cleanup(call func()) { e.all = append(e.all, call) }

func (e *closing) now() {
	for _, call := range e.all {
		call()
	}
}

func clusterOf(server *emulator.Server) (*ecs.Provider, error) {
	config, err := iam.Config(emulator.Region, func(string) string { return "bench" })
	if err != nil {
		return nil, err
	}
	config.BaseEndpoint = &server.URL
	return ecs.New(config, ecs.Config{Cluster: "fleet", TaskDefinition: "worker:1", CapacityProvider: "workers"})
}

// yard is a fleet whose workers register a while after they were launched.
type yard struct {
	pool.Provider
	store   *claim.Memory
	terms   claim.Terms
	options launchOptions
	placed  atomic.Int64
	came    sync.WaitGroup
}

// Launch launches through the adapter, and lets what was launched come.
func (y *yard) Launch(ctx context.Context, b pool.Batch) ([]fleet.Worker, error) {
	workers, err := y.Provider.Launch(ctx, b)
	for _, worker := range workers {
		host := y.host(int(y.placed.Add(1)))
		y.came.Go(func() { // whatever becomes of the round that has launched it
			time.Sleep(y.options.starts)
			_, _ = y.store.Register(context.WithoutCancel(ctx), claim.Registration{Worker: worker, Host: host, Life: 1, Revision: b.Image, Key: "key"}, y.long()) // in memory
		})
	}
	return workers, err
}

func (y *yard) host(n int) fleet.Host { return fleet.Host(fmt.Sprintf("host-%03d", n%y.options.hosts)) }

// long are terms under which nobody needs to beat while the measurement lasts.
func (y *yard) long() claim.Terms {
	t := y.terms
	t.TTL = time.Hour
	return t
}

// fill lets passes work until every worker is idle.
func (y *yard) fill(ctx context.Context) (launchFigures, error) {
	o := y.options
	figures := launchFigures{Workers: o.workers, Hosts: o.hosts, Passes: o.passes}
	if _, err := y.store.Open(ctx, "bench"); err != nil {
		return figures, err
	}
	for i := range o.hosts {
		if _, err := y.store.Beat(ctx, y.host(i), nil, y.long()); err != nil {
			return figures, err
		}
	}
	perHost := (o.workers + o.hosts - 1) / o.hosts
	working, stop := context.WithCancel(ctx)
	var group sync.WaitGroup
	began := time.Now()
	for range o.passes {
		refill, err := keeper.NewRefill(keeper.RefillConfig{
			Launches: y.store, Provider: y, Terms: y.long(), Recorder: signals.Discard{}, Rollout: pool.Rollout{Image: 1},
			Policy: pool.Policy{Peak: o.workers, PerHost: perHost, MaxHosts: o.hosts, Buffer: o.workers, MaxWorkers: o.workers}, Key: key,
		})
		if err != nil {
			stop()
			return figures, err
		}
		group.Go(func() { _ = refill.Run(working, func(error) {}) }) // what a round could not do the next one does
	}
	err := y.wait(ctx)
	figures.Seconds = time.Since(began).Seconds()
	stop()
	group.Wait()
	y.came.Wait()
	figures.LaunchesPerSec = float64(o.workers) / figures.Seconds
	if rest := o.workers - bucketBurst*pool.BatchLimit; rest > 0 && figures.Seconds > o.starts.Seconds() {
		figures.SustainedPerSec = float64(rest) / (figures.Seconds - o.starts.Seconds())
	}
	return figures, err
}

// key names a request: a key of package rand's has no character that ECS refuses.
func key() string { return strings.ToLower(rand.Text()) }

// launchPatience is how long a worker may take at the slowest rate that is worth measuring.
const launchPatience = 30 * time.Minute

func (y *yard) wait(ctx context.Context) error {
	for began := time.Now(); ; time.Sleep(10 * time.Millisecond) {
		census, err := y.store.Census(ctx)
		switch {
		case err != nil:
			return err
		case census.Free >= y.options.workers:
			return nil
		case time.Since(began) > launchPatience || ctx.Err() != nil:
			return fmt.Errorf("%d of %d workers are idle after %s", census.Free, y.options.workers, time.Since(began).Round(time.Second))
		}
	}
}
