package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"workerfleet/runtime/claim"
	"workerfleet/runtime/cmd/internal/claimpath"
	"workerfleet/runtime/control"
	"workerfleet/runtime/fleet"
	"workerfleet/runtime/lambda"
	"workerfleet/runtime/queue"
	"workerfleet/runtime/signals"
	"workerfleet/stacks/sizing"
)

// racers is how many of each run at once: keepers, and the functions that claim and that control.
const racers = 3

// functions are the two functions' code, each as often as there are racers, with a function's share of connections. Every
// message comes to all of them at once: a queue may deliver twice, and passes may run anywhere.
type functions struct {
	*theatre
	work            context.Context
	claims, control []lambda.Function
	ended           seen
	messages        atomic.Int64

	sending sync.Mutex
	over    bool // nobody may join the group any more
	group   sync.WaitGroup
}

// open connects them.
func (f *functions) open(ctx context.Context) error {
	log := slog.New(slog.DiscardHandler)
	share := claimpath.Connections{Valkey: sizing.FunctionToValkey, Database: sizing.FunctionToDatabase}
	for i := range racers {
		path, err := f.through(ctx, fmt.Sprint("claims-", i), share)
		if err != nil {
			return err
		}
		c := control.New(control.Config{Store: path.Store, Sessions: path.Sessions, Authority: path.Database, Recorder: signals.Discard{}, Terms: path.Terms})
		f.claims = append(f.claims, lambda.Function{Handle: c.PoolClaim, Log: log})
	}
	for i := range racers {
		path, err := f.through(ctx, fmt.Sprint("control-", i), share)
		if err != nil {
			return err
		}
		path.Sessions.HandOn = func(_ context.Context, b claim.Binding) error {
			f.wake(f.work, b.User)
			return nil
		}
		c := control.New(control.Config{Store: path.Store, Sessions: path.Sessions, Authority: path.Database, Witness: f, Recorder: signals.Discard{}, Terms: path.Terms})
		f.control = append(f.control, lambda.Function{Handle: c.WorkerControl, Log: log})
	}
	return nil
}

// Ended: see [control.Witness].
func (f *functions) Ended(ctx context.Context, host fleet.Host) ([]fleet.Worker, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.ended[host], nil
}

// wake tells the claim functions of a user.
func (f *functions) wake(ctx context.Context, who fleet.User) {
	f.send(ctx, f.claims, queue.PoolClaim, queue.Task{Type: queue.Wake, ID: fmt.Sprint(f.messages.Add(1)), User: who, At: time.Now()})
}

// lost tells the control functions of a host, as the cluster does, and knows which workers ended with it.
func (f *functions) lost(ctx context.Context, h *staged) {
	f.mu.Lock()
	for _, p := range h.players {
		f.ended[h.name] = append(f.ended[h.name], p.name)
	}
	f.mu.Unlock()
	f.send(ctx, f.control, queue.WorkerControl, queue.Task{Type: queue.HostLost, ID: fmt.Sprint(f.messages.Add(1)), Host: h.name, Status: "DRAINING", At: time.Now()})
}

// deliveries is how often a message that fails comes again.
const deliveries = 20

// send brings a message to all functions at once, and again to those where it failed.
func (f *functions) send(ctx context.Context, to []lambda.Function, name queue.Name, task queue.Task) {
	out, err := task.Outgoing(name)
	if err != nil {
		f.failed(err)
		return
	}
	event, err := json.Marshal(map[string]any{"Records": []any{map[string]any{
		"messageId": task.ID, "body": out.Body, "eventSource": "aws:sqs", "attributes": map[string]string{"MessageGroupId": out.Group},
	}}})
	if err != nil {
		f.failed(err)
		return
	}
	f.sending.Lock()
	defer f.sending.Unlock()
	if f.over {
		return
	}
	for _, function := range to {
		f.group.Go(func() {
			for range deliveries {
				answer, err := function.Event(ctx, event)
				text, _ := json.Marshal(answer)
				var left struct{ BatchItemFailures []any }
				if err == nil && json.Unmarshal(text, &left) == nil && len(left.BatchItemFailures) == 0 {
					return
				}
				if rest(ctx, time.Second) != nil {
					return
				}
			}
		})
	}
}

// finish waits for what is under way; a user who took the way to the functions before it was closed finds it closed.
func (f *functions) finish() {
	f.sending.Lock()
	f.over = true
	f.sending.Unlock()
	f.group.Wait()
}

// deaths is how many of the hosts die, of so many one, and how long apart.
const (
	deathsOf    = 12
	deathsApart = 4 // in a lease
)

// race lets hosts die, every other one with the cluster's word, while keepers and functions work on the same pool, three of
// each, and new hosts take the places of the dead.
func race(ctx context.Context, f *faulted) (err error) {
	work, stop := context.WithCancel(f.work)
	fs := &functions{theatre: f.theatre, work: work, ended: seen{}}
	defer fs.finish()
	defer stop()
	if err := fs.open(ctx); err != nil {
		return err
	}
	for i := keepers; i < racers; i++ {
		if err := f.keep(ctx, work, fmt.Sprint("keeper-", i)); err != nil {
			return err
		}
	}
	f.users.mu.Lock()
	f.users.wake = fs.wake
	f.users.mu.Unlock()
	defer func() {
		f.users.mu.Lock()
		f.users.wake = nil
		f.users.mu.Unlock()
	}()
	for i, h := range f.some(1. / deathsOf) {
		h.die()
		if i%2 == 0 {
			fs.lost(work, h)
		}
		_, failed := f.host(ctx, fleet.Host(fmt.Sprintf("%s-%d", h.name, rand.Uint32())), len(h.players))
		if err = errors.Join(failed, rest(ctx, f.terms.TTL/deathsApart)); err != nil {
			return err
		}
	}
	// The functions go on until whoever died without a word is known to be dead, too.
	return rest(ctx, f.beyond()+f.terms.Guard)
}
