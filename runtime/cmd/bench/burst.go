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
	"sync"
	"time"

	"workerfleet/runtime/fleet"
)

// burstFigures are what burst measures. Times count from the one moment at which all users come.
type burstFigures struct {
	Workers         int     `json:"workers"`
	Hosts           int     `json:"hosts"`
	Users           int     `json:"users"`
	Ready           int     `json:"ready"`
	Doubled         int     `json:"doubled"` // users on a worker that somebody else was given too
	ReadyP50Ms      float64 `json:"readyP50Ms"`
	ReadyP99Ms      float64 `json:"readyP99Ms"`
	AllReadySeconds float64 `json:"allReadySeconds"` // 0: not all were ready
	Requests        int     `json:"requests"`
	shares
	Seed    uint64  `json:"seed"`
	Machine machine `json:"machine"`
}

// runBurst lets all users come in one moment, as after an outage of the whole service, and waits until everybody is served.
func runBurst(ctx context.Context, args []string, out, errs io.Writer) error {
	var o runOptions
	flags := flag.NewFlagSet("bench burst", flag.ContinueOnError)
	o.flags(flags)
	flags.IntVar(&o.users, "users", 0, "users who come at once (default: one for each worker)")
	if err := parse(flags, args, errs); err != nil {
		return err
	}
	if o.users == 0 {
		o.users = o.workers
	}
	if err := check(flags, append(o.sizes(), limit{"users", o.users, 1, o.workers})...); err != nil {
		return err
	}
	before := look()
	defer debug.SetGCPercent(debug.SetGCPercent(collectAt)) // as for claims: one process stands for many small ones
	f, err := startFleet(ctx, o.fleetOptions, out)
	if err != nil {
		return err
	}
	defer f.stop()
	fmt.Fprintf(out, "store     %s\ndatabase  %s\nfleet     %d workers on %d hosts, warm after %.1f s\n", f.storeName, f.databaseName, o.workers, o.hosts, f.warmed.Seconds())
	settle(ctx, o.workers)
	figures := burstFigures{Workers: o.workers, Hosts: o.hosts, Users: o.users, Seed: o.seed}
	err = o.profiled(func() error { return figures.measure(ctx, f, o) })
	if err != nil {
		return err
	}
	figures.Machine = before.until(look())
	return tellJudged(out, o.json, figures, fmt.Sprintf(`burst     %d users at once, %d ready, %d on somebody else's worker; %d requests
ready     p50 %.0f ms, p99 %.0f ms, all in %.1f s (aim < 10); who was not counts as %v
cores     %s
machine   %s
`, figures.Users, figures.Ready, figures.Doubled, figures.Requests, figures.ReadyP50Ms, figures.ReadyP99Ms, figures.AllReadySeconds, burstLimit, figures.shares, figures.Machine))
}

// wrong: see [judged].
func (r burstFigures) wrong() error {
	return errors.Join(never(r.Users-r.Ready, "users were not served"), never(r.Doubled, "users are on somebody else's worker"))
}

// burstLimit is how long the last user may take: beyond it the fleet serves a crowd no better than none.
const burstLimit = 2 * time.Minute

func (r *burstFigures) measure(ctx context.Context, f *simulated, o runOptions) error {
	ctx, cancel := context.WithTimeout(ctx, burstLimit)
	defer cancel()
	random := rand.New(rand.NewPCG(o.seed, 0))
	var mu sync.Mutex
	var ready []time.Duration
	workers := map[fleet.Worker]int{}
	var group sync.WaitGroup
	before, open := f.spent(ctx), make(chan struct{})
	var began time.Time
	for _, who := range random.Perm(o.users) {
		group.Go(func() {
			<-open
			worker, requests := f.insist(ctx, user(who))
			took := time.Since(began)
			mu.Lock()
			defer mu.Unlock()
			r.Requests += requests
			if worker != "" {
				ready = append(ready, took)
				workers[worker]++
			}
		})
	}
	began = time.Now()
	close(open)
	group.Wait()
	r.shares = f.spent(context.WithoutCancel(ctx)).shares(before)
	r.Ready = len(ready)
	for _, users := range workers {
		r.Doubled += users - 1
	}
	if r.Ready == r.Users {
		r.AllReadySeconds = quantile(ready, 1).Seconds()
	}
	ready = withFailed(ready, r.Users-r.Ready, burstLimit)
	r.ReadyP50Ms, r.ReadyP99Ms = milliseconds(quantile(ready, 0.5)), milliseconds(quantile(ready, 0.99))
	return nil
}

// insist asks for a session until there is one, and again when the answer says so.
func (f *simulated) insist(ctx context.Context, who fleet.User) (worker fleet.Worker, requests int) {
	for ctx.Err() == nil {
		request := httptest.NewRequestWithContext(ctx, http.MethodPost, "/v1/sessions", nil)
		request.Header.Set(userHeader, string(who))
		answer := httptest.NewRecorder()
		f.api.ServeHTTP(answer, request)
		requests++
		var s struct {
			WorkerID        fleet.Worker
			EstimateSeconds int
		}
		if json.Unmarshal(answer.Body.Bytes(), &s) == nil && answer.Code == http.StatusOK {
			return s.WorkerID, requests
		}
		select {
		case <-ctx.Done():
		case <-time.After(time.Duration(s.EstimateSeconds)*time.Second + rand.N(again)):
		}
	}
	return "", requests
}

// again is how much later than they were told users ask again, at most.
const again = 250 * time.Millisecond
