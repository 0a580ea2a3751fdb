package agent

import (
	"cmp"
	"errors"
	"slices"
	"time"

	"workerfleet/runtime/claim"
	"workerfleet/runtime/fleet"
	"workerfleet/runtime/hostlink"
)

// This file is the roster's side towards the store: what it asks, and what follows from the answers. An answer about a
// life or an epoch that is no longer the worker's is passed over.

// register asks the store to take a worker's word, one call at a time: an older word must not arrive after a newer one.
func (r *roster) register(m *member) []effect {
	if m.calling {
		m.again = true
		return nil
	}
	m.calling, m.again = true, false
	return []effect{register{Registration: m.Registration}}
}

// registered takes the answer to a registration.
func (r *roster) registered(asked register, standing claim.Standing, err error) []effect {
	m := r.workers[asked.Worker]
	if m == nil {
		return nil
	}
	m.calling = false
	switch {
	case m.gone:
		return r.bury(m)
	case m.again:
		return r.register(m)
	case m.Registration != asked.Registration:
		// It has taken a session since. The store cannot have given it one without knowing this life.
		m.registered, m.fresh = true, true
		return []effect{beatSoon{}}
	case err != nil:
		m.calling = true
		return []effect{later{asked.tries, func(r *roster) []effect { return r.registerAgain(asked) }}}
	case standing == claim.Fenced:
		return fence(m)
	}
	m.registered, m.fresh = true, true
	return []effect{beatSoon{}}
}

// registerAgain repeats a registration with what holds by now.
func (r *roster) registerAgain(failed register) []effect {
	m := r.workers[failed.Worker]
	switch {
	case m == nil:
		return nil
	case m.gone:
		return r.bury(m)
	}
	m.again = false
	return []effect{register{m.Registration, failed.tries + 1}}
}

// fence tells a worker that it is not the one who acts for its user.
func fence(m *member) []effect {
	if m.link == nil {
		return nil
	}
	return []effect{say{m.link, hostlink.Message{Kind: hostlink.Fenced, Life: m.Life, Epoch: m.Epoch}}}
}

// confirm has the worker's session acknowledged, unless that is under way, or the worker has said hello since the last
// confirmed beat: then the store may have lost its record of the session, and it is the database that has to agree. The
// store's ok to a beat says that it has not.
func (r *roster) confirm(m *member, tries int) []effect {
	if m.Epoch == 0 || m.confirmed || m.confirming == m.Epoch || m.doubt {
		return nil
	}
	m.confirming = m.Epoch
	return []effect{confirm{worker: m.Worker, life: m.Life, epoch: m.Epoch, tries: tries}}
}

// answered takes the answer to a confirmation. An unknown outcome is asked for again: confirming is idempotent.
func (r *roster) answered(asked confirm, err error) []effect {
	m := r.current(asked)
	if m == nil {
		return nil
	}
	if err != nil && !errors.Is(err, claim.ErrFenced) {
		return []effect{later{asked.tries, func(r *roster) []effect {
			m := r.current(asked)
			if m == nil {
				return nil
			}
			m.confirming = 0
			return r.confirm(m, asked.tries+1)
		}}}
	}
	to := m.replyTo
	m.confirming, m.replyTo = 0, ""
	ready := fleet.Ready{Worker: m.Worker, User: m.User, Epoch: m.Epoch}
	if err != nil {
		ready.Refused = err.Error()
		return append(fence(m), answer(to, ready)...)
	}
	m.confirmed = true
	effects := answer(to, ready)
	if m.link != nil { // else its next hello asks for another confirmation
		effects = append([]effect{say{m.link, hostlink.Message{Kind: hostlink.Confirmed, Epoch: m.Epoch}}}, effects...)
	}
	return effects
}

// current finds the worker whose session a confirmation is about: none if it has moved on.
func (r *roster) current(asked confirm) *member {
	m := r.workers[asked.worker]
	if m == nil || m.gone || m.Life != asked.life || m.Epoch != asked.epoch {
		return nil
	}
	return m
}

// buried takes the answer to a report of a process's end, which is repeated until there is one.
func (r *roster) buried(asked exit, err error) []effect {
	if err == nil || errors.Is(err, claim.ErrFenced) {
		return nil
	}
	return []effect{later{asked.tries, func(*roster) []effect {
		asked.tries++
		return []effect{asked}
	}}}
}

// beats lists what to beat for: registered workers whose process lives and that have been heard within the TTL. With
// fresh only those that have had no beat confirmed yet.
func (r *roster) beats(now time.Time, fresh bool) []claim.Beat {
	var beats []claim.Beat
	for _, m := range r.workers {
		if m.registered && !m.gone && now.Sub(m.heard) < r.ttl && (m.fresh || !fresh) {
			beats = append(beats, claim.Beat{Worker: m.Worker, Life: m.Life, Epoch: m.Epoch})
		}
	}
	slices.SortFunc(beats, func(a, b claim.Beat) int { return cmp.Compare(a.Worker, b.Worker) })
	return beats
}

// beaten takes the standings of a batch that was sent at that moment. A returned worker's beat is neither confirmed nor
// refused until the database has spoken.
func (r *roster) beaten(beats []claim.Beat, standings []claim.Standing, sent hostlink.Instant) []effect {
	var effects []effect
	for i, b := range beats {
		m := r.workers[b.Worker]
		if m == nil || m.gone || m.Life != b.Life {
			continue
		}
		if standings[i] == claim.Ok {
			m.doubt = false
			effects = append(effects, r.confirm(m, 0)...)
		}
		if m.Epoch == b.Epoch && m.link != nil {
			effects = append(effects, r.standing(m, standings[i], sent)...)
		}
	}
	return effects
}

func (r *roster) standing(m *member, s claim.Standing, sent hostlink.Instant) []effect {
	switch s {
	case claim.Ok:
		m.fresh = false
		return []effect{say{m.link, hostlink.Message{Kind: hostlink.BeatOk, Epoch: m.Epoch, SentAt: sent, Off: r.halted}}}
	case claim.Announce:
		return []effect{say{m.link, hostlink.Message{Kind: hostlink.Announce}}}
	case claim.Fenced:
		return fence(m)
	}
	return nil
}
