package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"syscall"
	"time"

	"workerfleet/runtime/fleet"
	"workerfleet/runtime/session"
)

// deed is one thing that chaos does to the platform.
type deed string

// The deeds.
const (
	killWorker  deed = "kill worker"
	stopWorker  deed = "stop worker" // for longer than its lease: it wakes up fenced
	killProgram deed = "kill program"
	stopProgram deed = "stop program"
	flushStore  deed = "flush store"
	loseStore   deed = "restart store empty"
	ageStore    deed = "restart store with old data"
	breakLedger deed = "restart database"
)

// deck is how often each deed is done among so many: the loss of a store is the rare one.
func (d *day) deck() []deed {
	count := map[deed]int{killWorker: 5, stopWorker: 4, killProgram: 5, stopProgram: 4}
	if d.storeAgain != nil {
		count[flushStore], count[loseStore], count[ageStore] = 1, 1, 1
	}
	if d.databaseAgain != nil {
		count[breakLedger] = 1
	}
	var deck []deed
	for _, kind := range []deed{killWorker, stopWorker, killProgram, stopProgram, flushStore, loseStore, ageStore, breakLedger} {
		for range count[kind] {
			deck = append(deck, kind)
		}
	}
	return deck
}

const (
	// pauses is how often the longest pause of a program or a server goes into a lease: it is within the time that a worker
	// may go on without a confirmed beat, and at the usual lease beyond a request's patience.
	pauses = 5
	// aim is the time between a user's sending of an order and the stop of the user's worker, at most: an order is at the
	// broker after a few milliseconds.
	aim = 12 * time.Millisecond
)

// chaos does its deeds for the stay, each deck in another order, waits until whoever was stopped is awake, and then asks
// for every user's session: whoever gets none is lost. The first deck is played to its end, however long a busy machine
// takes for it: no day of chaos lacks a kind of deed.
func (d *day) chaos(ctx context.Context) error {
	var cards []deed
	whole, end := len(d.deck()), time.Now().Add(d.stay)
	for played := 0; (played < whole || time.Now().Before(end)) && ctx.Err() == nil; played++ {
		time.Sleep(time.Duration(d.random.ExpFloat64() * float64(d.turmoil)))
		if len(cards) == 0 {
			cards = d.deck()
			d.random.Shuffle(len(cards), func(i, j int) { cards[i], cards[j] = cards[j], cards[i] })
		}
		if err := d.do(ctx, cards[0]); err != nil {
			return fmt.Errorf("%s: %w", cards[0], err)
		}
		d.deeds[cards[0]]++
		cards = cards[1:]
	}
	time.Sleep(time.Until(d.awake))
	for i := range d.users {
		s, err := d.claim(ctx, d.user(i), "")
		if err != nil {
			d.lost++
			continue
		}
		d.sessions[d.user(i)] = s
	}
	return ctx.Err()
}

func (d *day) do(ctx context.Context, kind deed) error {
	switch programs := d.programs(); kind {
	case killWorker:
		if s, serves := d.current(ctx, d.user(d.random.IntN(d.users))); serves {
			return d.killWorker(string(s.Worker))
		}
		return nil
	case stopWorker:
		return d.stopWorker(ctx)
	case killProgram:
		mortal := d.mortal()
		_ = mortal[d.random.IntN(len(mortal))].signal(syscall.SIGKILL) // it may be between two starts
		return nil
	case stopProgram:
		d.stopFor(programs[d.random.IntN(len(programs))].command().Process.Pid, between(d.random, 0, d.ttl/pauses), func() {})
		return nil
	case flushStore:
		return d.path.Client.FlushAll(ctx).Err()
	case breakLedger:
		return d.restartDatabase(ctx, between(d.random, 0, d.ttl/pauses))
	default:
		return d.restartStore(ctx, kind == ageStore, between(d.random, 0, d.ttl/pauses))
	}
}

// mortal are the programs that may be killed: all, or those whose growth nobody watches.
func (d *day) mortal() []*program {
	return slices.DeleteFunc(d.programs(), func(g *program) bool { return d.metricsAt[g.name] != "" })
}

func between(random *rand.Rand, from, to time.Duration) time.Duration {
	return from + time.Duration(random.Float64()*float64(to-from))
}

// stopWorker stops the worker of whoever sends an order next, about when it calls the broker, until its session is
// somebody else's: a worker that looked at its lease before, and calls after.
func (d *day) stopWorker(ctx context.Context) error {
	user := d.user(d.random.IntN(d.users))
	pause := between(d.random, d.ttl+d.guard, d.ttl+d.guard+d.ttl/pauses)
	early := between(d.random, 0, aim)
	select {
	case <-d.trading.sending: // an old one
	default:
	}
	select {
	case user = <-d.trading.sending:
		time.Sleep(early)
	case <-time.After(d.turmoil):
	case <-ctx.Done():
		return nil
	}
	s, serves := d.current(ctx, user)
	if !serves {
		return nil
	}
	pid, err := pidOf(string(s.Worker))
	if err != nil || pid == 0 {
		return err
	}
	d.accounts.killed(string(s.Worker)) // it must not act any more; a login after it has woken counts
	d.stopFor(pid, pause, func() { d.trading.wakes(s.Worker) })
	d.trading.stopped(s.Worker, s.Epoch)
	return nil
}

// current is who acts for a user now; nobody, or a database that is away, is no error.
func (d *day) current(ctx context.Context, user fleet.User) (session.Session, bool) {
	s, open, err := d.path.Database.Current(ctx, user)
	return s, open && err == nil
}

// stopFor stops a process for a while, and says when it is about to go on.
func (d *day) stopFor(pid int, pause time.Duration, wakes func()) {
	_ = syscall.Kill(pid, syscall.SIGSTOP) // it may have ended
	if until := time.Now().Add(pause); until.After(d.awake) {
		d.awake = until
	}
	time.AfterFunc(pause, func() {
		wakes()
		_ = syscall.Kill(pid, syscall.SIGCONT)
	})
}
