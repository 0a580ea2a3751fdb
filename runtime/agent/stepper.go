package agent

import (
	"context"
	"time"

	"workerfleet/runtime/fleet"
	"workerfleet/runtime/hostlink"
)

// Stepper is an agent without goroutines, sockets and clocks of its own: whoever holds it says what happens and when, as
// a simulation does. It decides and calls exactly as [Agent] does. It is used by one goroutine at a time.
type Stepper struct {
	agent     *Agent
	roster    *roster
	processes map[int]*process
}

// Steps are what a stepper runs on. All must be set.
type Steps struct {
	// Spawn starts what waits, later: never before it returns.
	Spawn func(func())
	// Pause waits after so many failures in a row; false: the agent has ended.
	Pause func(failures int) bool
	// Now and Instant are the host's wall clock and its clock since the start.
	Now     func() time.Time
	Instant func() hostlink.Instant
	// Stepped is told after each step: there may be something to take from the lines.
	Stepped func()
}

// NewStepper checks the configuration as [New] does, and needs no socket. The end of ctx ends its calls.
func NewStepper(ctx context.Context, c Config, s Steps) (*Stepper, error) {
	c.Socket = "none"
	a, err := New(c)
	if err != nil {
		return nil, err
	}
	st := &Stepper{agent: a, roster: newRoster(a.Host, a.Terms.TTL), processes: map[int]*process{}}
	a.work = ctx
	a.means = means{
		spawn: s.Spawn, pause: s.Pause, now: s.Now, instant: s.Instant,
		turn: func(news turn) {
			a.take(st.roster, news)
			s.Stepped()
		},
	}
	return st, nil
}

// Start is the agent's beginning: its first beat, and the reading of its mail.
func (s *Stepper) Start() {
	s.agent.beat(s.roster, false)
	s.agent.spawn(s.agent.carry)
}

// Tick is what each beat's time brings.
func (s *Stepper) Tick() { s.agent.tick(s.roster) }

// Ended says that a process of the host has ended. One that never called is nobody.
func (s *Stepper) Ended(pid int) {
	if p := s.processes[pid]; p != nil {
		delete(s.processes, pid)
		s.agent.turn(func(r *roster, _ time.Time) []effect { return r.exited(p) })
	}
}

// Park asks the store once to bear the silence that follows; see [Agent.Run].
func (s *Stepper) Park(ctx context.Context) error {
	return s.agent.Store.Park(ctx, s.agent.Host, s.roster.names(), s.agent.Parked)
}

// Uncommitted counts the outcomes that are not known to be in the ledger, also of workers that have ended.
func (s *Stepper) Uncommitted() int { return len(s.roster.outcomes) }

// Workers lists those whose processes live, as far as the agent knows.
func (s *Stepper) Workers() []fleet.Worker { return s.roster.names() }

// Line is one connection of a process.
type Line struct {
	stepper *Stepper
	link    *link
}

// Connect takes a call. cut is called when the agent ends the connection.
func (s *Stepper) Connect(pid int, cut func()) *Line {
	p := s.processes[pid]
	if p == nil {
		p = &process{pid: pid, exited: make(chan struct{}), released: make(chan struct{})}
		s.processes[pid] = p
	}
	return &Line{s, &link{process: p, out: make(chan hostlink.Message, linkQueue), cut: cut}}
}

// Say brings what the worker says.
func (l *Line) Say(m hostlink.Message) {
	l.stepper.agent.turn(func(r *roster, now time.Time) []effect {
		if m.Kind == hostlink.Hello {
			return r.hello(now, l.link, m)
		}
		return r.heardFrom(now, l.link, m)
	})
}

// Take returns what the agent has said since the last time.
func (l *Line) Take() (said []hostlink.Message) {
	for {
		select {
		case m := <-l.link.out:
			said = append(said, m)
		default:
			return said
		}
	}
}

// Closed says that the connection has ended.
func (l *Line) Closed() {
	l.stepper.agent.turn(func(r *roster, _ time.Time) []effect {
		r.closed(l.link)
		return nil
	})
}
