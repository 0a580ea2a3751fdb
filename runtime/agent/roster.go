package agent

import (
	"cmp"
	"slices"
	"time"

	"workerfleet/runtime/claim"
	"workerfleet/runtime/fleet"
	"workerfleet/runtime/hostlink"
)

// roster is what the agent knows of its host's workers, and decides what follows from each piece of news. It calls
// nothing and waits for nothing: its methods take the time and return effects, in order.
type roster struct {
	host    fleet.Host
	ttl     time.Duration
	workers map[fleet.Worker]*member
	// early is mail for workers that have not said hello: for a life that has just begun, or on a connection that has
	// just closed.
	early map[fleet.Worker][]held
	// outcomes are kept until they are committed, whatever becomes of their workers.
	outcomes map[outcomeName]*kept
	// halted says that orders are switched off for all.
	halted bool
}

// held is an early letter and when it came.
type held struct {
	Letter
	at time.Time
}

// earlyLimit is the most letters kept for one absent worker; the oldest go first.
const earlyLimit = 64

// member is one worker. Its registration is what it last said of itself.
type member struct {
	claim.Registration
	process *process
	link    *link     // nil while its connection is closed
	heard   time.Time // its last sign of life

	registered bool // the store has agreed to this life
	fresh      bool // … and no beat has been confirmed since
	confirmed  bool // the store has acknowledged Epoch
	doubt      bool // the worker has said hello since a beat was confirmed
	leaving    bool // the worker has said that this life ends
	gone       bool // its process has ended; kept until the call that registers it is answered
	// confirming is the epoch that the store is being asked to acknowledge; 0 is none.
	confirming fleet.Epoch
	// calling says that a registration is under way, and again that another must follow it.
	calling, again bool
	// assignment is the letter that the worker has not answered.
	assignment *Letter
	replyTo    string // who waits for the session to be ready
}

// effect is something to be done.
type effect interface{ effect() }

type (
	// say speaks on a connection.
	say struct {
		to *link
		hostlink.Message
	}
	// drop closes one.
	drop struct {
		link *link
		why  string
	}
	// register, confirm and exit call the store. tries counts the calls before this one, which failed.
	register struct {
		claim.Registration
		tries int
	}
	confirm struct {
		worker fleet.Worker
		life   fleet.Life
		epoch  fleet.Epoch
		tries  int
	}
	exit struct {
		worker fleet.Worker
		life   fleet.Life
		// polite says that the worker had said it would end.
		polite bool
		tries  int
	}
	// later takes a turn after the pause that follows so many calls that failed.
	later struct {
		tries int
		turn  func(r *roster) []effect
	}
	// tell answers whoever waits for a session.
	tell struct {
		to string
		fleet.Ready
	}
	// publish hands an outcome on.
	publish struct {
		fleet.Outcome
		tries int
	}
	// beatSoon asks for a beat before the next is due: only a confirmed one lets a worker call its broker.
	beatSoon struct{}
)

func (say) effect()      {}
func (drop) effect()     {}
func (register) effect() {}
func (confirm) effect()  {}
func (exit) effect()     {}
func (later) effect()    {}
func (tell) effect()     {}
func (publish) effect()  {}
func (beatSoon) effect() {}

func newRoster(host fleet.Host, ttl time.Duration) *roster {
	return &roster{host: host, ttl: ttl, workers: map[fleet.Worker]*member{}, early: map[fleet.Worker][]held{}, outcomes: map[outcomeName]*kept{}}
}

// hello takes a worker's word for who it is. A name belongs to the process that first used it until that process ends,
// and a process has one name.
func (r *roster) hello(now time.Time, l *link, said hostlink.Message) []effect {
	m := r.workers[said.Worker]
	switch {
	case m != nil && m.process != l.process:
		return []effect{drop{l, "another process has that name"}}
	case m != nil && said.Life < m.Life:
		return []effect{drop{l, "an older life than the one that is known"}}
	case m == nil && r.named(l.process):
		return []effect{drop{l, "its process has another name"}}
	}
	var effects []effect
	if m == nil || said.Life > m.Life {
		fresh := &member{process: l.process}
		if m != nil {
			fresh.link, fresh.calling = m.link, m.calling
			effects = m.abandon("the worker began another life")
		}
		m = fresh
		r.workers[said.Worker] = m
	}
	if m.link != nil && m.link != l {
		effects = append(effects, drop{m.link, "replaced by a newer connection"})
	}
	m.link, m.heard, m.confirmed, m.doubt = l, now, said.Serving, true
	l.worker = said.Worker
	m.Registration = claim.Registration{
		Worker: said.Worker, Host: r.host, Life: said.Life, Revision: said.Revision, Key: said.Key, User: said.User, Epoch: said.Epoch,
	}
	effects = append(effects, r.register(m)...)
	if asked := m.assignment; asked != nil { // it may be lost with the earlier connection; accepting twice is harmless
		m.assignment = nil
		effects = append(effects, r.deliver(m, *asked)...)
	}
	waiting := r.early[m.Worker]
	delete(r.early, m.Worker)
	for _, letter := range waiting {
		effects = append(effects, r.arrived(letter.at, letter.Letter)...)
	}
	return effects
}

func (r *roster) named(p *process) bool {
	for _, m := range r.workers {
		if m.process == p {
			return true
		}
	}
	return false
}

// heardFrom takes what a worker says after its hello.
func (r *roster) heardFrom(now time.Time, l *link, said hostlink.Message) []effect {
	m := r.on(l)
	if m == nil {
		return nil
	}
	m.heard = now
	switch said.Kind {
	case hostlink.Accepted:
		return r.accepted(m, said)
	case hostlink.Refused:
		return r.refused(m, said)
	case hostlink.Reported, hostlink.Denied:
		return r.reported(now, m, *said.Outcome)
	case hostlink.Leaving:
		m.leaving = true
		return m.abandon(said.Reason)
	}
	return nil
}

// on finds the worker that speaks on a connection: none if another connection has replaced it.
func (r *roster) on(l *link) *member {
	if m := r.workers[l.worker]; m != nil && m.link == l {
		return m
	}
	return nil
}

// accepted has the acceptance confirmed. The worker must have been asked to: an epoch out of the blue, or one that another
// assignment has followed, is not confirmed, and the worker would wait for that for ever.
func (r *roster) accepted(m *member, said hostlink.Message) []effect {
	asked := m.assignment
	switch {
	case asked != nil && asked.Epoch == said.Epoch:
	case m.Epoch == said.Epoch:
		return nil // said twice
	default:
		return []effect{say{m.link, hostlink.Message{Kind: hostlink.Fenced, Life: m.Life, Epoch: said.Epoch}}}
	}
	m.User, m.Epoch, m.confirmed = asked.User, asked.Epoch, false
	m.replyTo, m.assignment = asked.ReplyTo, nil
	return r.confirm(m, 0)
}

func (r *roster) refused(m *member, said hostlink.Message) []effect {
	asked := m.assignment
	if asked == nil || asked.Epoch != said.Epoch {
		return nil
	}
	m.assignment = nil
	return answer(asked.ReplyTo, fleet.Ready{Worker: m.Worker, User: asked.User, Epoch: asked.Epoch, Refused: said.Reason})
}

// abandon tells whoever waits for a session that this life will not bring it.
func (m *member) abandon(reason string) []effect {
	ready := fleet.Ready{Worker: m.Worker, User: m.User, Epoch: m.Epoch, Refused: reason}
	to := m.replyTo
	if asked := m.assignment; asked != nil {
		to, ready.User, ready.Epoch = asked.ReplyTo, asked.User, asked.Epoch
	}
	m.replyTo, m.assignment = "", nil
	return answer(to, ready)
}

func answer(to string, ready fleet.Ready) []effect {
	if to == "" {
		return nil
	}
	return []effect{tell{to, ready}}
}

// closed notes that a connection has ended. It says nothing about the process.
func (r *roster) closed(l *link) {
	if m := r.on(l); m != nil {
		m.link = nil
	}
}

// exited reports a process's end to the store. While the store is still being asked to register the worker, it waits for
// that: the other way round a worker that no longer exists would be registered.
func (r *roster) exited(p *process) []effect {
	for _, m := range r.workers {
		if m.process != p {
			continue
		}
		m.gone, m.link = true, nil
		if m.calling {
			return nil
		}
		return r.bury(m)
	}
	return nil
}

func (r *roster) bury(m *member) []effect {
	delete(r.workers, m.Worker)
	return append(m.abandon("the worker's process ended"), exit{worker: m.Worker, life: m.Life, polite: m.leaving})
}

// names lists the workers whose processes live.
func (r *roster) names() []fleet.Worker {
	var names []fleet.Worker
	for name, m := range r.workers {
		if !m.gone {
			names = append(names, name)
		}
	}
	return slices.SortedFunc(slices.Values(names), cmp.Compare[fleet.Worker])
}
