package agent

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net"
	"sync"
	"time"

	"workerfleet/runtime/claim"
	"workerfleet/runtime/fleet"
	"workerfleet/runtime/hostlink"
	"workerfleet/runtime/signals"
)

// Config is what an agent is made of. Host, Socket, Store and Post must be set.
type Config struct {
	Host fleet.Host
	// Socket is the path on which workers call, unless there is a Door.
	Socket string
	// Door takes calls from within this process, where a whole fleet is simulated; nil is the socket.
	Door  Door
	Store claim.Hosts
	Post  Post
	// Terms are the pool's; zero is [claim.DefaultTerms].
	Terms claim.Terms
	// Beat is the time between batches; 0 is 2 s.
	Beat time.Duration
	// Parked is how long workers are not reaped after the agent stops; 0 is 120 s.
	Parked time.Duration
	// Log is nil for none, Signals for none.
	Log     *slog.Logger
	Signals signals.Recorder
	// Now and Instant read the host's clocks; nil is [time.Now] and [hostlink.Now].
	Now     func() time.Time
	Instant func() hostlink.Instant
}

// Bounds of what the agent waits for.
const (
	// callLimit ends a call to the store: a beat must not make the next one late.
	callLimit = 2 * time.Second
	// calls is the most calls to the store under way at once, beside the beats.
	calls = 64
	// parkLimit ends the attempts to park: a container's stop is not held up for longer.
	parkLimit = 5 * time.Second
)

// Agent serves the workers of one host.
type Agent struct {
	Config
	means
	turns chan turn
	// work ends when everything that runs beside the roster has to.
	work  context.Context
	group sync.WaitGroup
	slots chan struct{}
	// beating says that a batch is under way, fresh that another for new workers must follow it. Both, and watched,
	// are the owner's.
	beating, fresh bool
	watched        map[int]*process
}

// turn is a piece of news for the roster.
type turn func(r *roster, now time.Time) []effect

// New checks the configuration. Errors name the field.
func New(c Config) (*Agent, error) {
	if _, err := fleet.ParseHost(string(c.Host)); err != nil {
		return nil, err
	}
	if c.Socket == "" && c.Door == nil || c.Store == nil || c.Post == nil {
		return nil, errors.New("socket, store, post: one is missing; allowed: all set")
	}
	if c.Terms == (claim.Terms{}) {
		c.Terms = claim.DefaultTerms()
	}
	if c.Beat == 0 {
		c.Beat = 2 * time.Second
	}
	if c.Parked == 0 {
		c.Parked = 120 * time.Second
	}
	if c.Beat < 0 || c.Parked < 0 {
		return nil, fmt.Errorf("beat, parked: are %v and %v; allowed: above 0", c.Beat, c.Parked)
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	if c.Signals == nil {
		c.Signals = signals.Discard{}
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Instant == nil {
		c.Instant = hostlink.Now
	}
	a := &Agent{Config: c, turns: make(chan turn), slots: make(chan struct{}, calls), watched: map[int]*process{}}
	a.means = means{spawn: a.group.Go, turn: a.hand, pause: a.wait, now: c.Now, instant: c.Instant}
	return a, nil
}

// means are how an agent has things run beside its owner and finds out the time: by goroutines and the host's clocks,
// unless a [Stepper] says otherwise.
type means struct {
	spawn func(func())
	// turn hands news to the owner; pause waits after so many failures, false: the agent ends.
	turn    func(turn)
	pause   func(failures int) bool
	now     func() time.Time
	instant func() hostlink.Instant
}

// Run serves until ctx ends; then it parks its workers and leaves them running for the next agent. Any error but of
// the socket is logged and tried again.
func (a *Agent) Run(ctx context.Context) error {
	door := a.Door
	if door == nil {
		listener, err := listen(ctx, a.Socket)
		if err != nil {
			return err
		}
		door = socketDoor{listener}
	}
	work, finish := context.WithCancel(context.WithoutCancel(ctx))
	a.work = work
	a.group.Go(func() { a.accept(door) })
	a.group.Go(a.carry)
	names := a.own(ctx)
	finish()
	err := door.Close()
	a.group.Wait()
	a.park(names)
	return err
}

// own is the one goroutine that holds the roster. It returns the workers that are left when ctx ends.
func (a *Agent) own(ctx context.Context) []fleet.Worker {
	r := newRoster(a.Host, a.Terms.TTL)
	// Agents that were started together, as by a deployment, would all call the store in the same moment of every round.
	beat := time.NewTicker(1 + rand.N(a.Beat))
	defer beat.Stop()
	spread := true
	a.beat(r, false) // the host is there, whether it has workers or not
	for {
		select {
		case news := <-a.turns:
			a.take(r, news)
		case <-beat.C:
			if spread {
				spread = false
				beat.Reset(a.Beat)
			}
			a.tick(r)
		case <-ctx.Done():
			return r.names()
		}
	}
}

// take does what follows from news.
func (a *Agent) take(r *roster, news turn) {
	for _, e := range news(r, a.now()) {
		a.perform(e)
	}
	if a.fresh && !a.beating {
		a.fresh = false
		a.beat(r, true)
	}
}

// tick is what the time of a beat brings.
func (a *Agent) tick(r *roster) {
	r.forget(a.now())
	for _, e := range r.republish(a.now()) {
		a.perform(e)
	}
	if !a.beating {
		a.beat(r, false)
	}
}

// hand gives news to the owner, unless there is none any more.
func (a *Agent) hand(news turn) {
	select {
	case a.turns <- news:
	case <-a.work.Done():
	}
}

// accept takes calls until the door closes.
func (a *Agent) accept(door Door) {
	for {
		call, err := door.Accept()
		switch {
		case errors.Is(err, net.ErrClosed):
			return
		case err != nil: // out of file descriptors: they come back
			a.Log.Error("accept", "error", err)
			select {
			case <-time.After(100 * time.Millisecond):
			case <-a.work.Done():
				return
			}
		default:
			a.group.Go(func() { a.receive(call) })
		}
	}
}

// receive takes hold of the process behind a connection before a word of it is heard.
func (a *Agent) receive(call Call) {
	p, err := call.process()
	if err != nil {
		a.Log.Warn("connection refused", "error", err)
		_ = call.Stream.Close()
		return
	}
	adopted := make(chan *process, 1)
	a.turn(func(r *roster, _ time.Time) []effect {
		adopted <- a.adopt(p)
		return nil
	})
	select {
	case known := <-adopted:
		a.converse(hostlink.NewConn(call.Stream), known)
	case <-a.work.Done():
		p.release()
		_ = call.Stream.Close()
	}
}

// adopt watches a process once, however often it calls.
func (a *Agent) adopt(p *process) *process {
	if known := a.watched[p.pid]; known != nil && !known.ended() {
		p.release()
		return known
	}
	a.watched[p.pid] = p
	a.group.Go(func() { a.watch(p) })
	return p
}

// watch reports the end of a process.
func (a *Agent) watch(p *process) {
	stop := context.AfterFunc(a.work, p.release)
	defer stop()
	if !p.wait() {
		return
	}
	a.turn(func(r *roster, _ time.Time) []effect {
		if a.watched[p.pid] == p {
			delete(a.watched, p.pid)
		}
		p.release()
		return r.exited(p)
	})
}
