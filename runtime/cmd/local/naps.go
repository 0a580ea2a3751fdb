package main

import (
	"fmt"
	"slices"
	"time"

	"workerfleet/runtime/fleet"
	"workerfleet/runtime/order"
	"workerfleet/runtime/paper"
)

// nap is one stop of a worker for longer than its lease.
type nap struct {
	epoch fleet.Epoch // of the session that it had
	// stopped is a moment at which the worker had stopped already, and woken one at which it had not begun to wake. A zero
	// woken is one that sleeps.
	stopped, woken time.Time
}

// waking is how long after its waking a call of a worker may arrive that it had begun before. What is left of such a call is
// microseconds of work in two processes, each of which waits for a core in between: with ten others that want the same core
// and have it for four milliseconds at a time, five such waits are 200 ms. A worker that goes on as if nothing had happened
// is told from one that ends a call by what it sends: for as long as this only what had been accepted before the stop is
// excused, and later nothing. On a machine so busy that an innocent call takes longer, a run fails, and the note says by how
// much it was late; a bound that grew with the load would excuse the most where workers are the most likely to be late.
const waking = 200 * time.Millisecond

// explained says that a call was begun before one of the worker's stops, as far as can be told from outside: it is of the
// session that the worker had then and of an order that was accepted before, and it came during the stop or as the worker woke.
func explained(naps []nap, s paper.Seen, r *order.Record) bool {
	return r != nil && slices.ContainsFunc(naps, func(n nap) bool {
		inTime := n.woken.IsZero() || !s.At.After(n.woken.Add(waking))
		return s.Epoch == n.epoch && s.At.After(n.stopped) && inTime && r.AcceptedAt.Before(n.stopped)
	})
}

// lastNap says how long before a moment a worker was stopped and woken, for people.
func lastNap(naps []nap, at time.Time) string {
	for _, n := range slices.Backward(naps) {
		switch {
		case n.stopped.After(at):
		case n.woken.IsZero() || n.woken.After(at):
			return fmt.Sprintf("was stopped under epoch %d %s before", n.epoch, at.Sub(n.stopped))
		default:
			return fmt.Sprintf("was stopped under epoch %d %s before and woke %s before", n.epoch, at.Sub(n.stopped), at.Sub(n.woken))
		}
	}
	return "was never stopped"
}

// stopped notes that a worker has been stopped for longer than its lease.
func (t *trading) stopped(worker fleet.Worker, epoch fleet.Epoch) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.naps[worker] = append(t.naps[worker], nap{epoch: epoch, stopped: time.Now()})
}

// wakes notes that a worker is about to go on. It may have been stopped again meanwhile: the first waking ends that, too.
func (t *trading) wakes(worker fleet.Worker) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for i, n := range t.naps[worker] {
		if n.woken.IsZero() {
			t.naps[worker][i].woken = time.Now()
		}
	}
}

// slept is a copy of all naps so far.
func (t *trading) slept() map[fleet.Worker][]nap {
	all := map[fleet.Worker][]nap{}
	for worker, naps := range t.naps {
		all[worker] = slices.Clone(naps)
	}
	return all
}
