package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"strconv"
	"sync"
	"time"

	"workerfleet/runtime/claim"
	"workerfleet/runtime/control"
	"workerfleet/runtime/fleet"
	"workerfleet/runtime/keeper"
	"workerfleet/runtime/queue"
	"workerfleet/runtime/session"
	"workerfleet/runtime/signals"
)

// reapFigures are what reap measures. Times count from the second signal, or with --lease from the keeper's first round.
type reapFigures struct {
	Dead                  int     `json:"dead"`
	Hosts                 int     `json:"hosts"`
	By                    string  `json:"by"`                    // "signal" or "lease"
	HeldBefore            int     `json:"heldBefore"`            // workers that were spared although their leases had run out
	FencedSeconds         float64 `json:"fencedSeconds"`         // until the store gives none of them a right any more
	DatabaseFencedSeconds float64 `json:"databaseFencedSeconds"` // until no session is open
	DoneSeconds           float64 `json:"doneSeconds"`           // until every word was taken, or the round was over
	Waiting               int     `json:"waiting"`               // users in the queue then
	StoreMicrosPerWorker  float64 `json:"storeMicrosPerWorker"`  // server time
	shares
	Seed    uint64  `json:"seed"`
	Machine machine `json:"machine"`
}

// runReap lets every worker of a fleet that serves somebody die at once, and measures how soon all are fenced: on word of
// the cluster, which the index waits for when all hosts are silent, or when the leases of hosts that beat have run out.
func runReap(ctx context.Context, args []string, out, errs io.Writer) error {
	var o runOptions
	var byLease bool
	flags := flag.NewFlagSet("bench reap", flag.ContinueOnError)
	o.flags(flags)
	flags.BoolVar(&byLease, "lease", false, "no second signal: hosts beat, and the leases of all workers have run out")
	if err := parse(flags, args, errs); err != nil {
		return err
	}
	if err := check(flags, o.sizes()...); err != nil {
		return err
	}
	before := look()
	p, err := openPopulation(ctx, o.serverOptions, out)
	if err != nil {
		return err
	}
	defer p.close()
	figures := reapFigures{Hosts: o.hosts, By: "signal", Seed: o.seed}
	if byLease {
		figures.By = "lease"
	}
	began := time.Now()
	if err := p.register(ctx, o.workers, o.hosts); err != nil {
		return err
	}
	on, err := p.serve(ctx, o.workers)
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "fleet     %d workers on %d hosts, all in a session after %.0f s\n", o.workers, o.hosts, time.Since(began).Seconds())
	if err := o.profiled(func() error { return figures.measure(ctx, p, on) }); err != nil {
		return err
	}
	figures.Machine = before.until(look())
	return tellJudged(out, o.json, figures, fmt.Sprintf(`dead      %d workers on %d hosts, by %s; %d had been held before
fenced    in the store after %.2f s (aim < 1), in the database after %.2f s; %.1f µs of the store's server for each
users     %d in the queue; all words taken after %.1f s
cores     %s
machine   %s
`, figures.Dead, figures.Hosts, figures.By, figures.HeldBefore, figures.FencedSeconds, figures.DatabaseFencedSeconds, figures.StoreMicrosPerWorker,
		figures.Waiting, figures.DoneSeconds, figures.shares, figures.Machine))
}

// wrong: see [judged].
func (r reapFigures) wrong() error {
	err := never(r.Dead-r.Waiting, "users of dead workers do not stand in the queue")
	if r.By == "signal" {
		err = errors.Join(never(r.Dead-r.HeldBefore, "workers were given up while all hosts were silent"), err)
	}
	return err
}

// seen is the cluster's word: which workers ended with a host.
type seen map[fleet.Host][]fleet.Worker

// Ended: see [control.Witness].
func (s seen) Ended(_ context.Context, host fleet.Host) ([]fleet.Worker, error) { return s[host], nil }

// reapLimit is how long the last session may take to be fenced.
const reapLimit = 2 * time.Minute

func (r *reapFigures) measure(ctx context.Context, p *population, on seen) (err error) {
	for _, workers := range on {
		r.Dead += len(workers)
	}
	// What a dead fleet's lease says is brought about here, not waited for.
	if err := p.lapse(ctx, on, r.By == "signal"); err != nil {
		return err
	}
	sessions := session.New(session.Config{
		Claims: p.path.Store, Directory: p.path.Store, Authority: p.path.Database, Mailbox: p.path.Mail, Terms: p.path.Terms,
		HandOn: func(context.Context, claim.Binding) error { return nil },
	})
	if r.By == "signal" {
		held, err := p.path.Store.Reap(ctx, p.path.Terms)
		if err != nil || !held.Held {
			return errors.Join(err, errors.New("silence of all hosts was not held"))
		}
		r.HeldBefore = r.Dead - len(held.Dead)
	}
	before := p.spent(ctx)
	began := time.Now()
	var watching sync.WaitGroup
	defer watching.Wait()
	watched, stop := context.WithTimeout(ctx, reapLimit)
	defer stop()
	fenced := make(chan error, 1)
	watching.Go(func() { fenced <- r.watch(watched, p, began) })
	if r.By == "signal" {
		err = p.confirmDeaths(ctx, sessions, on)
	} else {
		k := keeper.New(keeper.Config{Store: p.path.Store, Sessions: sessions, Authority: p.path.Database, Recorder: signals.Discard{}, Terms: p.path.Terms})
		_, err = k.Pass(ctx)
	}
	if err != nil {
		return err
	}
	r.DoneSeconds = time.Since(began).Seconds()
	if err := <-fenced; err != nil {
		return err
	}
	after := p.spent(ctx)
	r.shares = after.shares(before)
	r.StoreMicrosPerWorker = (after.storage - before.storage) * 1e6 / float64(r.Dead)
	census, err := p.path.Store.Census(ctx)
	r.Waiting = census.Waiting
	return err
}

// watch notes when nobody is left: in the store, and then in the database.
func (r *reapFigures) watch(ctx context.Context, p *population, began time.Time) error {
	err := until(ctx, 5*time.Millisecond, reapLimit, func() (bool, error) {
		census, err := p.path.Store.Census(ctx)
		return len(census.Workers) == 0, err
	})
	r.FencedSeconds = time.Since(began).Seconds()
	return errors.Join(err, until(ctx, 5*time.Millisecond, reapLimit, func() (bool, error) {
		open, err := p.path.Database.Open(ctx, "", 1)
		r.DatabaseFencedSeconds = time.Since(began).Seconds()
		return len(open) == 0, err
	}))
}

// confirmDeaths lets the control function's code take one message for each host.
func (p *population) confirmDeaths(ctx context.Context, sessions *session.Sessions, on seen) error {
	c := control.New(control.Config{
		Store: p.path.Store, Sessions: sessions, Authority: p.path.Database, Witness: on, Recorder: signals.Discard{}, Terms: p.path.Terms,
	})
	var hosts []fleet.Host
	for host := range on {
		hosts = append(hosts, host)
	}
	return failing(len(hosts), func(i int) error {
		task, err := queue.Task{Type: queue.HostLost, ID: strconv.Itoa(i), Host: hosts[i], Status: "DRAINING", At: time.Now()}.Outgoing(queue.WorkerControl)
		if err != nil {
			return err
		}
		return c.WorkerControl(ctx, queue.Message{ID: strconv.Itoa(i), Body: task.Body})
	})
}

// lapse lets all leases have run out longer ago than the guard, and their hosts have been silent as long, or beat now.
// Nobody was away meanwhile: the time that filling took is no gap.
func (p *population) lapse(ctx context.Context, on seen, silent bool) error {
	if err := p.path.Client.Del(ctx, "{pool}:gaps").Err(); err != nil {
		return err
	}
	long := float64(time.Now().Add(-ttl - 2*guard).UnixMilli())
	return failing(len(on), func(i int) error {
		host := hostName(i)
		pipe := p.path.Client.Pipeline()
		for _, worker := range on[host] {
			pipe.ZAdd(ctx, "{pool}:lease", member(long, string(worker)))
		}
		if silent {
			pipe.ZAdd(ctx, "{pool}:hosts", member(long, string(host)))
		} else {
			pipe.ZAdd(ctx, "{pool}:hosts", member(float64(time.Now().UnixMilli()), string(host)))
		}
		_, err := pipe.Exec(ctx)
		return err
	})
}
