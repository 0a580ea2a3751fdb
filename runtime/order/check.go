package order

import (
	"strings"
	"time"

	"workerfleet/runtime/fleet"
)

// check looks at the orders that are due.
func (s *Sheet) check() {
	for _, r := range s.Orders {
		if !r.CheckAt.IsZero() && !r.CheckAt.After(s.Now) {
			s.look(r)
		}
	}
}

func (s *Sheet) look(r *Record) {
	switch {
	case r.State == Accepted && !s.Now.Before(r.ValidUntil):
		s.endUnlessDoubted(r, Expired, late)
	case r.State == Accepted: // mark decides, and says when to look again
	case r.State == Dispatched && r.Epoch == s.Session.Epoch && s.Now.Before(r.EmitBy):
		kind := fleet.MailOrder
		if s.off() != nil { // it was marked before
			kind = fleet.MailWithdraw
		}
		s.ask(r, kind, doubling(r.Checks, firstRepeat, longestRepeat))
	case r.State == Dispatched:
		s.move(r, Unknown, "its worker has not answered")
		s.lookUp(r)
	case r.State == Unknown:
		s.lookUp(r)
	case r.State == Working:
		s.ask(r, fleet.MailVerify, doubling(r.Checks, firstVerify, longestCheck))
	case r.unclosed() && r.Doubted && s.Session.Epoch == 0: // whose looks are few, and all to come
		s.claim()
		r.CheckAt = s.Now.Add(longestLookup)
	case r.unclosed() && r.Doubted && r.Checks < closingLooks:
		s.ask(r, fleet.MailVerify, doubling(r.Checks, firstLookup, longestLookup))
	case s.Session.Epoch == 0:
		s.want(r)
	default: // concluded from its absence: one more look
		r.CheckAt = time.Time{}
		s.post(fleet.MailVerify, r)
	}
}

// lookUp asks what became of an order, a bounded number of times: a broker that answers nobody holds its users' later orders
// back for that long, and no longer. See [Store.BeginAt] for what comes after it.
func (s *Sheet) lookUp(r *Record) {
	switch served := s.Session.Epoch != 0; {
	case !served && s.Denied != "":
		s.await(r)
	case !served:
		s.overdue(r)
		s.want(r)
	case r.Checks < lookups:
		s.ask(r, fleet.MailVerify, doubling(r.Checks, firstLookup, longestLookup))
	default:
		s.giveUp(r)
	}
}

func (s *Sheet) giveUp(r *Record) {
	r.CheckAt = time.Time{}
	if !strings.HasPrefix(r.Reason, givenUp) {
		s.move(r, Unknown, givenUp+r.Reason)
	}
	if !r.Counted {
		s.changed(r, Unknown, true)
	}
}

// givenUp begins the reason of an order that stays unknown until the user's next session asks again; nobody is told of that twice.
const givenUp = "given up after many look-ups: "

// await keeps an order unknown that only other credentials can look up, and tells the user so, once. None of these looks is a
// look-up, so it is not given up for them.
func (s *Sheet) await(r *Record) {
	reason := "it may have been sent, and nobody can look it up until others are stored: " + (&Denied{s.Denied}).Error()
	if r.Reason != reason {
		s.move(r, Unknown, reason)
	}
	s.overdue(r)
	r.CheckAt, r.Checks = s.Now.Add(longestLookup), 0
}

// overdue tells operators of an order that nobody can be asked about, as late as of one whose look-ups are given up.
func (s *Sheet) overdue(r *Record) {
	if !r.Counted && s.Now.Sub(r.AcceptedAt) > lookups*longestLookup {
		s.changed(r, Unknown, true)
	}
}

// ask writes to whoever acts for the user; if nobody does, somebody has to.
func (s *Sheet) ask(r *Record, kind fleet.MailKind, pause time.Duration) {
	if s.Session.Epoch == 0 {
		s.want(r)
		return
	}
	if r.CancelAsked {
		kind = fleet.MailCancel
	}
	s.post(kind, r)
	r.CheckAt = s.Now.Add(pause)
	r.Checks++
}

// want asks for somebody who can be asked about an order. That is no look-up: Checks counts up to the longest pause, and nothing is
// given up for want of a worker.
func (s *Sheet) want(r *Record) {
	s.claim()
	longest := longestCheck
	if r.State == Unknown {
		longest = longestLookup
	}
	pause := doubling(r.Checks, unserved, longest)
	r.CheckAt = s.Now.Add(pause)
	if pause < longest {
		r.Checks++
	}
}

// withdraw takes back what its worker has been asked to execute and may not have begun, if orders are off by now.
func (s *Sheet) withdraw() {
	for _, r := range s.Orders {
		if s.off() != nil && r.State == Dispatched && r.Epoch == s.Session.Epoch && s.Now.Before(r.EmitBy) {
			s.post(fleet.MailWithdraw, r)
		}
	}
}

// served makes what waits for somebody who acts for the user due.
func (s *Sheet) served() {
	for _, r := range s.Orders {
		if r.State == Unknown && r.InFlight() && s.Session.Epoch != 0 {
			r.CheckAt = s.Now
		}
	}
}
