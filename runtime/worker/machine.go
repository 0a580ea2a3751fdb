package worker

import (
	"bytes"
	"errors"
	"fmt"
	"time"

	"workerfleet/runtime/fleet"
	"workerfleet/runtime/hostlink"
	"workerfleet/runtime/order"
	"workerfleet/runtime/seal"
)

// State is where a life stands.
type State string

// The states.
const (
	// Idle lives hold nobody's data.
	Idle State = "idle"
	// Accepted lives have opened a user's credentials and wait for the confirmation.
	Accepted State = "accepted"
	// Serving lives are confirmed, and may log in.
	Serving State = "serving"
	// Ended lives take nothing any more.
	Ended State = "ended"
)

// Self is what a worker says of itself.
type Self struct {
	Worker   fleet.Worker
	Life     fleet.Life
	Revision int64
}

// Machine is one life's decisions. It is owned by one goroutine.
type Machine struct {
	self  Self
	key   seal.Key
	lease Lease
	state State
	// The session, from the acceptance on.
	user        fleet.User
	epoch       fleet.Epoch
	credentials []byte
	login       login
	trade       trade
}

// login is how far the broker is.
type login struct {
	running, done bool
	failures      int
	due           hostlink.Instant // of the next attempt
}

// NewMachine begins a life, which is idle.
func NewMachine(self Self, key seal.Key, trust time.Duration) *Machine {
	return &Machine{self: self, key: key, lease: Lease{Trust: trust}, state: Idle}
}

// State is where the life stands.
func (m *Machine) State() State { return m.state }

// MayCall says whether a call to the broker may start now.
func (m *Machine) MayCall(now hostlink.Instant) bool {
	return m.state == Serving && m.lease.MayCall(now)
}

// MayOrder says whether an order may be emitted now: logged in, under a lease, and orders are not switched off.
func (m *Machine) MayOrder(now hostlink.Instant) bool {
	return m.MayCall(now) && m.login.done && !m.trade.halted
}

// Wake names the next moment at which the machine wants [Due]; false: none.
func (m *Machine) Wake(now hostlink.Instant) (hostlink.Instant, bool) {
	at, ok := m.trade.wake(now)
	if m.wantsLogin() && m.login.due > now && (!ok || m.login.due < at) {
		return m.login.due, true
	}
	return at, ok
}

// Step takes an event and returns what is to be done, in order.
func (m *Machine) Step(now hostlink.Instant, e Event) []Effect {
	m.trade.now = now
	if m.state == Ended {
		if a, ok := e.(CallEnded); ok { // what a call came to is said after the end, too
			return m.answered(now, a)
		}
		return nil
	}
	var effects []Effect
	switch e := e.(type) {
	case Connected:
		effects = append([]Effect{Say{m.hello()}}, m.repeat(now, true)...)
	case Heard:
		effects = m.heard(now, e.Message)
	case Ordered:
		switch {
		case e.Epoch != m.epoch || m.state == Idle:
		case e.Kind == hostlink.Withdraw:
			m.trade.withdraw(*e.Order, e.EmitBy)
		default:
			m.trade.execute(*e.Order, e.EmitBy)
		}
	case CallEnded:
		effects = m.answered(now, e)
		if errors.Is(e.Err, order.ErrCredentials) {
			effects = append(effects, m.deny(e.Err)...)
		}
	case News:
		effects = m.news(now, e.Report)
	case LoginEnded:
		effects = m.loginEnded(now, e)
	case Stopped:
		effects = m.end("stopped", true)
	}
	if m.state == Ended {
		return effects
	}
	effects = append(effects, m.attempt(now)...)
	effects = append(effects, m.advance(now)...)
	return append(effects, m.repeat(now, false)...)
}

func (m *Machine) heard(now hostlink.Instant, msg hostlink.Message) []Effect {
	switch msg.Kind {
	case hostlink.Announce:
		return []Effect{Say{m.hello()}}
	case hostlink.Assign:
		return m.assign(msg)
	case hostlink.Confirmed:
		if m.state == Accepted && msg.Epoch == m.epoch {
			m.state, m.login = Serving, login{due: now}
		}
	case hostlink.BeatOk:
		m.trade.halted = msg.Off
		// The word for another epoch is about another session, or comes from before this one.
		if msg.Epoch == m.epoch {
			m.lease.Prolong(now, msg.SentAt)
		}
	case hostlink.Release:
		if msg.Epoch == m.epoch {
			return m.end("released", false)
		}
	case hostlink.Fenced:
		if msg.Life == m.self.Life && msg.Epoch == m.epoch {
			return m.end("fenced", false)
		}
	case hostlink.Cancel, hostlink.Verify, hostlink.Committed:
		m.asked(msg)
	}
	return nil
}

// asked takes what is asked of an order of this session.
func (m *Machine) asked(msg hostlink.Message) {
	switch {
	case msg.Epoch != m.epoch || m.state == Idle:
	case msg.Kind == hostlink.Cancel:
		m.trade.cancel(*msg.Order)
	case msg.Kind == hostlink.Verify:
		m.trade.verify(*msg.Order)
	case msg.Kind == hostlink.Committed:
		m.trade.committed(msg.Number)
	}
}

// assign makes the worker the judge of its own occupancy: whatever the store believes, one life takes one session.
func (m *Machine) assign(msg hostlink.Message) []Effect {
	refuse := func(reason string) []Effect {
		return []Effect{Say{hostlink.Message{Kind: hostlink.Refused, Epoch: msg.Epoch, Reason: reason}}}
	}
	accepted := Say{hostlink.Message{Kind: hostlink.Accepted, User: msg.User, Epoch: msg.Epoch}}
	switch {
	case msg.Life != m.self.Life:
		return refuse(fmt.Sprintf("meant for life %d; this is life %d", msg.Life, m.self.Life))
	case m.state != Idle && msg.Epoch == m.epoch && msg.User == m.user:
		return []Effect{accepted} // delivered twice
	case m.state != Idle:
		return refuse("occupied")
	}
	credentials, err := m.key.Open(seal.Context{User: msg.User, Worker: m.self.Worker, Life: msg.Life, Epoch: msg.Epoch}, msg.Sealed)
	if err != nil {
		return refuse(err.Error())
	}
	m.state, m.user, m.epoch, m.credentials = Accepted, msg.User, msg.Epoch, credentials
	halted := m.trade.halted
	m.trade = newTrade(msg.BeginAt)
	m.trade.halted = halted
	return []Effect{accepted}
}

func (m *Machine) hello() hostlink.Message {
	return hostlink.Message{
		Kind: hostlink.Hello, Worker: m.self.Worker, Life: m.self.Life, Revision: m.self.Revision, Key: m.key.Public(),
		User: m.user, Epoch: m.epoch, Serving: m.state == Serving, Sequence: m.trade.last,
	}
}

func (m *Machine) end(reason string, stop bool) []Effect {
	effects := m.withdraw()
	leaving := hostlink.Message{Kind: hostlink.Leaving, Life: m.self.Life, Epoch: m.epoch, Reason: reason}
	m.state = Ended
	clear(m.credentials)
	return append(effects, Say{leaving}, End{Reason: reason, Stop: stop})
}

// deny ends the life because the broker refuses the credentials, and says so first: another session with them would come to
// the same end. The agent keeps the word until it is committed.
func (m *Machine) deny(err error) []Effect {
	m.trade.number++
	said := fleet.Outcome{
		User: m.user, Epoch: m.epoch, Number: m.trade.number, State: fleet.OutcomeDenied, Reason: brief(err.Error()),
		Uncalled: !m.login.done, // every call about an order waits for the login, and none begins after the end
	}
	denied := Say{hostlink.Message{Kind: hostlink.Denied, Epoch: m.epoch, Outcome: &said}}
	return append([]Effect{denied}, m.end(order.ErrCredentials.Error(), false)...)
}

func (m *Machine) wantsLogin() bool { return m.state == Serving && !m.login.running && !m.login.done }

// attempt starts the login that is wanted, due and allowed. After a lease that ran out, the next confirmed beat does.
func (m *Machine) attempt(now hostlink.Instant) []Effect {
	if !m.wantsLogin() || now < m.login.due || !m.MayCall(now) {
		return nil
	}
	m.login.running = true
	return []Effect{Login{
		Holder:      order.Holder{User: m.user, Worker: m.self.Worker, Epoch: m.epoch},
		Credentials: bytes.Clone(m.credentials), Until: m.lease.Until(),
	}}
}

func (m *Machine) loginEnded(now hostlink.Instant, e LoginEnded) []Effect {
	m.login.running = false
	err := e.Err
	switch {
	case err == nil:
		m.login.done, m.trade.traits = true, e.Traits
		clear(m.credentials)
	case errors.Is(err, order.ErrCredentials):
		return m.deny(err)
	case errors.Is(err, errLapsed): // no call was made; the next confirmed beat allows one
		m.login.due = now
	default:
		m.login.failures++
		m.login.due = now.Add(pause(m.login.failures, m.epoch))
	}
	return nil
}

// Pauses between failed logins, doubling from the first to the longest.
const (
	firstPause   = 500 * time.Millisecond
	longestPause = 30 * time.Second
)

// pause spreads the fleet's attempts after a broker's outage: by the epoch, which no two sessions share, each waits up
// to twice as long as the shortest.
func pause(failures int, epoch fleet.Epoch) time.Duration {
	base := longestPause
	if failures <= 6 {
		base = min(base, firstPause<<(failures-1))
	}
	return base/2 + base/2*time.Duration(epoch%1021)/1021
}
