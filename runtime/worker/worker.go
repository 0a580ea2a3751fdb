package worker

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"time"

	"workerfleet/runtime/fleet"
	"workerfleet/runtime/hostlink"
	"workerfleet/runtime/order"
	"workerfleet/runtime/seal"
)

// Config is what one life is made of. Worker, Life, Dial, Broker, Beat and Trust must be set.
type Config struct {
	Self
	// Beat is the time between the worker's signs of life.
	Beat time.Duration
	// Trust is how long a confirmed beat allows calls to the broker: TTL − guard.
	Trust time.Duration
	// Dial connects to the host's agent.
	Dial   func(context.Context) (net.Conn, error)
	Broker order.Broker
	// Log is nil for none.
	Log *slog.Logger
	// Now reads the host's clock; nil is [hostlink.Now].
	Now func() hostlink.Instant
}

// Ending is how a life ended.
type Ending string

// The endings.
const (
	// Recycled lives make room for the next one.
	Recycled Ending = "recycled"
	// Halted lives end with their process, which was asked to stop.
	Halted Ending = "halted"
)

// Bounds of the work that a worker waits for.
const (
	// callLimit ends a call to the broker that does not answer.
	callLimit = 5 * time.Second
	// loginGrace is how long a login's answer is waited for after the end of its life: whoever is logged in has to log out, and a
	// login that is called off may have been one.
	loginGrace = time.Second
	// resetLimit ends a reset, so that the next life is registered within 5 s of this one's end.
	resetLimit = 4 * time.Second
	// clearLimit ends the wait for child processes that were killed.
	clearLimit = 500 * time.Millisecond
)

// Worker is one life's loop.
type Worker struct {
	Config
	means
	machine *Machine
	link    Line // nil while there is none
	events  chan Event
	// account is the broker's, once logged in. calling counts the calls under way, whose ends come as answers.
	account order.Account
	calling int
	answers chan Event
	// newsEnded is closed when nothing listens to the account's news any more; nil before the login.
	newsEnded chan struct{}
}

// means are how a life has things run beside its loop: by goroutines, unless a [Stepper] says otherwise.
type means struct {
	spawn func(func())
	// report hands the loop an event, false: nobody takes it any more; answer hands it the end of a call.
	report func(context.Context, Event) bool
	answer func(Event)
	// wall is the wall clock.
	wall func() time.Time
}

// opened and closed are the link's news: a connection to speak on, and its end.
type (
	opened struct{ conn Line }
	closed struct{ conn Line }
)

func (opened) event()   {}
func (closed) event()   {}
func (loggedIn) event() {}

// loggedIn is what a login came to.
type loggedIn struct {
	account order.Account
	err     error
}

// New makes a life with a key of its own. Errors name the field.
func New(c Config) (*Worker, error) {
	if _, err := fleet.ParseWorker(string(c.Worker)); err != nil {
		return nil, err
	}
	switch {
	case c.Life == 0:
		return nil, errors.New("life: is 0; allowed: from 1 up")
	case c.Beat <= 0 || c.Trust <= 0:
		return nil, fmt.Errorf("beat, trust: are %v and %v; allowed: above 0", c.Beat, c.Trust)
	case c.Dial == nil || c.Broker == nil:
		return nil, errors.New("dial, broker: one is missing; allowed: both set")
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	if c.Now == nil {
		c.Now = hostlink.Now
	}
	key, err := seal.NewKey()
	if err != nil {
		return nil, err
	}
	w := &Worker{
		Config: c, machine: NewMachine(c.Self, key, c.Trust),
		events: make(chan Event), answers: make(chan Event, 64),
	}
	w.means = means{
		spawn: func(run func()) { go run() }, report: w.hand, answer: func(e Event) { w.answers <- e }, wall: time.Now,
	}
	return w, nil
}

// Run lives until the life ends. With no error no call to the broker is under way any more and the user is logged out;
// an error says that this could not be had in time, and that only the end of the process will bring it about. The end
// of ctx asks the worker to stop.
func (w *Worker) Run(ctx context.Context) (Ending, error) {
	linked, unlink := context.WithCancel(context.WithoutCancel(ctx))
	linkEnded := make(chan struct{})
	go func() {
		defer close(linkEnded)
		w.keepLinked(linked)
	}()
	calls, hangUp := context.WithCancel(context.WithoutCancel(ctx))
	end := w.live(ctx, calls)
	w.Log.Info("life ends", "life", w.Life, "reason", end.Reason)
	hangUp()
	err := w.reset()
	unlink()
	<-linkEnded
	if err != nil {
		return "", fmt.Errorf("end life %d: %w", w.Life, err)
	}
	if end.Stop {
		return Halted, nil
	}
	return Recycled, nil
}

// live turns events into effects until the life ends.
func (w *Worker) live(ctx, calls context.Context) End {
	alive := time.NewTicker(w.Beat)
	defer alive.Stop()
	for {
		var due <-chan time.Time
		now := w.Now()
		if at, ok := w.machine.Wake(now); ok {
			due = time.After(at.Sub(now))
		}
		var event Event
		select {
		case <-ctx.Done():
			event = Stopped{}
		case event = <-w.events:
		case event = <-w.answers:
			w.calling--
		case <-due:
			event = Due{}
		case <-alive.C:
			w.say(hostlink.Message{Kind: hostlink.Alive})
			event = Due{} // which is due in the same moment must not wait for another event
		}
		if end, ended := w.take(calls, event); ended {
			return end
		}
	}
}

// take steps the machine and does what it decides.
func (w *Worker) take(calls context.Context, event Event) (End, bool) {
	switch news := event.(type) {
	case opened:
		w.link, event = news.conn, Connected{}
	case closed:
		if w.link == news.conn {
			w.link = nil
		}
		return End{}, false
	case loggedIn:
		event = w.loggedIn(calls, news)
	case Heard:
		if news.Kind == hostlink.Execute || news.Kind == hostlink.Withdraw {
			event = Ordered{news.Message, w.Now().Add(news.Order.EmitBy.Sub(w.wall()))}
		}
	}
	for _, effect := range w.machine.Step(w.Now(), event) {
		switch effect := effect.(type) {
		case Say:
			w.say(effect.Message)
		case Login:
			w.calling++
			w.spawn(func() { w.login(calls, effect) })
		case Call:
			w.calling++
			w.spawn(func() { w.call(calls, effect) })
		case End:
			return effect, true
		}
	}
	return End{}, false
}

// say speaks to the agent if there is one. A connection that takes nothing is closed; the link then makes another.
func (w *Worker) say(m hostlink.Message) {
	if w.link == nil {
		return
	}
	if err := w.link.Send(m); err != nil {
		w.Log.Warn("agent does not listen", "message", m.Kind, "error", err)
		_ = w.link.Close()
		w.link = nil
	}
}

// login makes one call. The lease is looked at last of all, because this process may have been stopped since it was
// decided on.
func (w *Worker) login(ctx context.Context, l Login) {
	ctx, cancel := outlive(ctx, loginGrace)
	defer cancel()
	ctx, end := context.WithTimeout(ctx, callLimit)
	defer end()
	defer clear(l.Credentials)
	if w.Now() >= l.Until {
		w.answer(loggedIn{err: errLapsed})
		return
	}
	account, err := w.Broker.Login(w.startBy(ctx, l.Until), l.Holder, l.Credentials)
	if err != nil {
		w.Log.Warn("login failed", "error", err)
	}
	w.answer(loggedIn{account, err})
}

// outlive is a context that ends so long after ctx.
func outlive(ctx context.Context, grace time.Duration) (context.Context, context.CancelFunc) {
	longer, cancel := context.WithCancel(context.WithoutCancel(ctx))
	stop := context.AfterFunc(ctx, func() { time.AfterFunc(grace, cancel) })
	return longer, func() { stop(); cancel() }
}

// loggedIn begins to listen to the account that a login has opened.
func (w *Worker) loggedIn(calls context.Context, r loggedIn) Event {
	if r.err == nil {
		w.account, w.newsEnded = r.account, make(chan struct{})
		w.spawn(func() { w.listenTo(calls, r.account) })
	}
	return LoginEnded{r.err, w.Broker.Traits()}
}
