package valkey

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"workerfleet/runtime/claim"
	"workerfleet/runtime/fleet"
)

// machine is a host of a crowd: it does for its workers what an agent does, in a simple loop.
type machine struct {
	*crowd
	store   *Store // its own, as an agent has
	name    fleet.Host
	letters []fleet.Mail
	workers []*hand
}

// hand is one worker.
type hand struct {
	id      fleet.Worker
	life    fleet.Life
	key     string
	user    fleet.User
	epoch   fleet.Epoch
	serving bool
	// until is how long the worker may act for its user.
	until time.Time
}

// reset begins a worker's next life.
func (w *hand) reset() { *w = hand{id: w.id, life: w.life + 1, key: w.key} }

// acts says whether a worker may call for its user.
func (w *hand) acts(now time.Time) bool { return w.serving && now.Before(w.until) }

// step reads the mail, confirms what was assigned, and beats.
func (m *machine) step(ctx context.Context) {
	m.read()
	m.confirm(ctx)
	m.beat(ctx)
}

// read takes the mail: an assignment for a worker that is idle in that life, a release of the session that it has.
func (m *machine) read() {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, letter := range m.letters {
		for _, w := range m.workers {
			switch {
			case w.id != letter.Worker || w.life != letter.Life:
			case letter.Kind == fleet.MailAssign && w.user == "":
				w.user, w.epoch = letter.User, letter.Epoch
			case letter.Kind == fleet.MailRelease && w.user == letter.User && w.epoch == letter.Epoch:
				w.reset()
			}
		}
	}
	m.letters = nil
}

// confirm acknowledges all assignments at once; those whose answer is lost are repeated in the next step.
func (m *machine) confirm(ctx context.Context) {
	var group sync.WaitGroup
	for _, w := range m.workers { // only this loop changes them
		if w.user == "" || w.serving {
			continue
		}
		group.Go(func() {
			before := m.judge.before(w.user)
			err := m.store.Confirm(ctx, w.id, w.life, w.epoch)
			m.mu.Lock()
			defer m.mu.Unlock()
			switch {
			case err == nil:
				w.serving = true
				m.judge.confirm(w, before)
			case errors.Is(err, claim.ErrFenced):
				w.reset()
			case !errors.Is(err, claim.ErrPending):
				m.failed.Add(1)
			}
		})
	}
	group.Wait()
}

// beat prolongs leases, and does what the answers say.
func (m *machine) beat(ctx context.Context) {
	beats := make([]claim.Beat, len(m.workers))
	for i, w := range m.workers {
		beats[i] = claim.Beat{Worker: w.id, Life: w.life, Epoch: w.epoch}
	}
	began := time.Now()
	standings, err := m.store.Beat(ctx, m.name, beats, m.terms)
	if err != nil {
		m.failed.Add(1)
		return
	}
	var group sync.WaitGroup
	for i, w := range m.workers {
		m.mu.Lock()
		if w.serving && !w.until.IsZero() && time.Now().After(w.until) {
			m.late[w.user] = true
		}
		switch standings[i] {
		case claim.Ok:
			w.until = began.Add(m.terms.TTL - m.terms.Guard)
		case claim.Fenced:
			w.reset()
			group.Go(func() { m.register(ctx, w) })
		case claim.Announce:
			group.Go(func() { m.register(ctx, w) })
		}
		m.mu.Unlock()
	}
	group.Wait()
}

// register says what a worker is.
func (m *machine) register(ctx context.Context, w *hand) {
	standing, err := m.store.Register(ctx, claim.Registration{
		Worker: w.id, Host: m.name, Life: w.life, Revision: 1, Key: w.key, User: w.user, Epoch: w.epoch,
	}, m.terms)
	m.mu.Lock()
	defer m.mu.Unlock()
	switch {
	case err != nil:
		m.failed.Add(1)
	case standing == claim.Fenced:
		w.reset()
	}
}

// busy are copies of the workers that have a user.
func (c *crowd) busy() (busy []hand) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, m := range c.hosts {
		for _, w := range m.workers {
			if w.user != "" {
				busy = append(busy, *w)
			}
		}
	}
	return busy
}

// acting counts the users for whom a worker may call at this moment, and those for whom two may.
func (c *crowd) acting() (once, twice int) {
	now, of := time.Now(), map[fleet.User]int{}
	for _, w := range c.busy() {
		if w.acts(now) {
			if of[w.user]++; of[w.user] == 2 {
				twice++
			}
		}
	}
	return len(of), twice
}

// held are the sessions that serve, by user.
func (c *crowd) held() map[fleet.User]hand {
	of := map[fleet.User]hand{}
	for _, w := range c.busy() {
		if w.serving {
			of[w.user] = w
		}
	}
	return of
}

// inFlight says whether a worker has an assignment that it has not confirmed.
func (c *crowd) inFlight() bool {
	return slices.ContainsFunc(c.busy(), func(w hand) bool { return !w.serving })
}
