package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"

	"workerfleet/runtime/agent"
	"workerfleet/runtime/fleet"
	"workerfleet/runtime/hostlink"
	"workerfleet/runtime/seal"
	"workerfleet/runtime/session"
	"workerfleet/runtime/worker"
)

// player is one worker whose decisions are the shipped ones, life after life, and who tells the judge of them. Of a whole
// worker it lacks the loop, the process and the broker.
type player struct {
	host   *staged
	name   fleet.Worker
	pid    int
	exited chan struct{}

	mu      sync.Mutex
	machine *worker.Machine
	conn    *hostlink.Conn // nil while there is none
	life    fleet.Life
	// lease is the machine's own, as its words tell it.
	lease     worker.Lease
	session   session.Session
	confirmed bool
	ended     bool // this life
	dead      bool
}

// employ starts a worker on a host.
func (h *staged) employ(n int) *player {
	p := &player{host: h, name: fleet.Worker(fmt.Sprintf("%s-w%d", h.name, n)), pid: int(lastPID.Add(1)), exited: make(chan struct{})}
	h.group.Go(func() {
		for h.work.Err() == nil {
			if err := p.begin(); err != nil {
				h.failed(err)
				return
			}
			p.live()
		}
	})
	return p
}

// begin is the beginning of a life.
func (p *player) begin() error {
	key, err := seal.NewKey()
	if err != nil {
		return err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	trust := p.host.path.Terms.TTL - p.host.path.Terms.Guard
	p.life++
	p.machine = worker.NewMachine(worker.Self{Worker: p.name, Life: p.life, Revision: 1}, key, trust)
	p.lease, p.session, p.confirmed, p.ended = worker.Lease{Trust: trust}, session.Session{}, false, false
	return nil
}

// redial is how long a worker waits before it calls its agent again.
const redial = 20 * time.Millisecond

// live calls the agent until the life ends, or the host does.
func (p *player) live() {
	for !p.done() {
		mine, theirs := newWire()
		stop := context.AfterFunc(p.host.work, func() { _ = mine.Close() })
		select {
		case p.host.door.calls <- agent.Call{Stream: theirs, PID: p.pid, Exited: p.exited}:
			p.linked(hostlink.NewConn(mine))
			p.listen(mine)
			p.linked(nil)
		case <-p.host.work.Done():
		}
		stop()
		_ = mine.Close()
		select {
		case <-time.After(redial/2 + rand.N(redial)):
		case <-p.host.work.Done():
		}
	}
}

func (p *player) done() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.ended || p.dead || p.host.work.Err() != nil
}

func (p *player) linked(conn *hostlink.Conn) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.conn = conn; conn != nil {
		p.take(worker.Connected{})
	}
}

// beatOk is what most frames hold. An idle worker has no use for them, and thousands of them a second cost.
var beatOk = []byte(`"kind":"` + string(hostlink.BeatOk) + `"`)

// listen takes what the agent says until the connection ends, or the life.
func (p *player) listen(from *wire) {
	for {
		frame, err := from.frame()
		if err != nil {
			return
		}
		p.host.clock.pass()
		if !p.hear(frame) {
			return
		}
	}
}

func (p *player) hear(frame []byte) (goOn bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.machine.State() == worker.Idle && bytes.Contains(frame, beatOk) {
		return true
	}
	var m hostlink.Message
	if json.Unmarshal(frame[header:], &m) == nil && !p.dead {
		if m.Kind == hostlink.Assign && p.machine.State() == worker.Idle { // whose it will be, should the machine accept
			p.session = session.Session{User: m.User, Epoch: m.Epoch, Worker: p.name, Host: p.host.name, Life: p.life}
		}
		if m.Kind == hostlink.BeatOk && m.Epoch == p.session.Epoch {
			p.lease.Prolong(p.host.clock.instant(), m.SentAt)
		}
		p.take(worker.Heard{Message: m})
		p.report()
	}
	return !p.ended
}

// sign is what the worker does from time to time: it shows that it lives, and calls for its user if it may.
func (p *player) sign() {
	p.host.clock.pass()
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.machine == nil || p.ended || p.dead {
		return
	}
	p.say(hostlink.Message{Kind: hostlink.Alive})
	p.take(worker.Due{})
	now := p.host.clock.instant()
	if p.machine.MayCall(now) {
		p.host.judge.calls(p.session, now)
	}
}

// take steps the machine and does what it decides. A login is a call as all others are, and comes to its end at once.
func (p *player) take(e worker.Event) {
	now := p.host.clock.instant()
	for _, effect := range p.machine.Step(now, e) {
		switch effect := effect.(type) {
		case worker.Say:
			if effect.Kind == hostlink.Leaving {
				p.over()
			}
			p.say(effect.Message)
		case worker.Login:
			p.report()
			if now = p.host.clock.instant(); now < effect.Until {
				p.host.judge.calls(p.session, now)
				p.take(worker.LoginEnded{})
			}
		case worker.End:
			p.ended = true
		}
	}
}

func (p *player) say(m hostlink.Message) {
	if p.conn != nil {
		_ = p.conn.Send(m) // a connection that has ended is noticed by who listens
	}
}

// report tells the judge how far the session is, after every step that may have changed it.
func (p *player) report() {
	if p.machine.State() != worker.Serving {
		return
	}
	if !p.confirmed {
		p.confirmed = true
		p.host.judge.confirm(p.session)
	}
	if now := p.host.clock.instant(); p.machine.MayCall(now) {
		p.host.judge.acts(p.session, now, p.lease.Until())
	}
}

// over tells the judge that the session is, before anybody else can hear of it.
func (p *player) over() {
	if p.confirmed {
		p.confirmed = false
		p.host.judge.over(p.session)
	}
}

// die is the process's end.
func (p *player) die() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.dead = true
	p.over()
}
