package worker

import (
	"context"
	"time"

	"workerfleet/runtime/fleet"
	"workerfleet/runtime/hostlink"
	"workerfleet/runtime/order"
)

// Stepper is one life without goroutines and clocks of its own: whoever holds it says what happens and when, as a
// simulation does. It decides and calls the broker exactly as [Worker] does. It is used by one goroutine at a time.
type Stepper struct {
	worker *Worker
	steps  Steps
	calls  context.Context
	hangUp context.CancelFunc
	end    *End
}

// Steps are what a stepper runs on. All must be set.
type Steps struct {
	// Spawn starts a call, later: never before it returns.
	Spawn func(func())
	// Wall is the host's wall clock.
	Wall func() time.Time
	// Stepped is told after each step: the moment to wake at may be another one, and the life may have ended.
	Stepped func()
}

// NewStepper checks the configuration as [New] does; Dial is not used.
func NewStepper(c Config, s Steps) (*Stepper, error) {
	w, err := New(c)
	if err != nil {
		return nil, err
	}
	st := &Stepper{worker: w, steps: s}
	st.calls, st.hangUp = context.WithCancel(context.Background())
	w.means = means{spawn: s.Spawn, wall: s.Wall, answer: st.answer, report: func(_ context.Context, e Event) bool {
		st.Take(e)
		return st.end == nil
	}}
	return st, nil
}

// Take is one turn of the loop. After the end nobody is listened to any more.
func (s *Stepper) Take(e Event) {
	if s.end != nil {
		return
	}
	if end, ended := s.worker.take(s.calls, e); ended {
		s.end = &end
		s.hangUp()
	}
	s.steps.Stepped()
}

// answer takes the end of a call, in the life or after it.
func (s *Stepper) answer(e Event) {
	s.worker.calling--
	if s.end == nil {
		s.Take(e)
		return
	}
	s.worker.lateAnswer(e)
	s.steps.Stepped()
}

// Connect gives the life a connection to its agent; Disconnect takes that one away again.
func (s *Stepper) Connect(conn Line)    { s.Take(opened{conn}) }
func (s *Stepper) Disconnect(conn Line) { s.Take(closed{conn}) }

// Line is a connection to the agent.
type Line interface {
	Send(hostlink.Message) error
	Close() error
}

// Beat is what each beat's time brings: a sign of life.
func (s *Stepper) Beat() {
	if s.end == nil {
		s.worker.say(hostlink.Message{Kind: hostlink.Alive})
		s.Take(Due{})
	}
}

// Wake is the next moment that wants [Due]; false: none.
func (s *Stepper) Wake() (hostlink.Instant, bool) { return s.worker.machine.Wake(s.worker.Now()) }

// HangUp has calls end that are under way, but for orders.
func (s *Stepper) HangUp() { s.hangUp() }

// Ended is how the life ended; nil while it has not.
func (s *Stepper) Ended() *End { return s.end }

// Calling counts the calls to the broker that are under way.
func (s *Stepper) Calling() int { return s.worker.calling }

// Uncommitted counts the outcomes that are not known to be in the ledger.
func (s *Stepper) Uncommitted() int { return len(s.worker.machine.trade.kept) }

// Account is the broker's; nil while the life is not logged in. It is logged out by whoever holds the stepper, once no
// call is under way any more.
func (s *Stepper) Account() order.Account { return s.worker.account }

// Session is what the life knows of itself.
func (s *Stepper) Session() (fleet.User, fleet.Epoch, State) {
	m := s.worker.machine
	return m.user, m.epoch, m.state
}

// MayCall says whether a call to the broker may start now.
func (s *Stepper) MayCall() bool { return s.worker.machine.MayCall(s.worker.Now()) }
