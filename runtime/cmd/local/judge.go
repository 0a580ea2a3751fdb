package main

import (
	"fmt"
	"slices"

	"github.com/shopspring/decimal"

	"workerfleet/runtime/fleet"
	"workerfleet/runtime/order"
	"workerfleet/runtime/paper"
)

// evidence is what an orders' day left behind: what users were told, what the ledger has, and what the exchange saw.
type evidence struct {
	accepted map[fleet.OrderID]fleet.User
	ledger   []order.Record
	held     []paper.Held
	seen     []paper.Seen
}

// verdict counts what must not be. Notes say which order it was.
type verdict struct {
	// Duplicates are orders that the exchange has more often than once.
	Duplicates int
	// Lost were accepted, and the ledger does not have them; Unresolved are those without an end.
	Lost, Unresolved int
	// Disagree are orders of which ledger and exchange say different things.
	Disagree int
	// OutOfOrder are orders that reached the exchange after a later one of their user.
	OutOfOrder int
	// Fenced are orders that came from a worker after its successor had logged in.
	Fenced int
	// Unknown are orders that were given up, which an alarm tells.
	Unknown int
	Notes   []string
}

func (v *verdict) note(count *int, format string, args ...any) {
	*count++
	v.Notes = append(v.Notes, fmt.Sprintf(format, args...))
}

// clean says that nothing is counted that must not be.
func (v verdict) clean() bool {
	return v.Duplicates+v.Lost+v.Unresolved+v.Disagree+v.OutOfOrder+v.Fenced == 0
}

// leg is an order's part that the exchange knows by one id.
type leg struct {
	record *order.Record
	number int
}

// judge compares.
func judge(e evidence) verdict {
	var v verdict
	legs := map[string]leg{}
	known := map[fleet.OrderID]bool{}
	for i := range e.ledger {
		r := &e.ledger[i]
		known[r.ID] = true
		for _, n := range legsOf(r) {
			legs[order.ClientID(r.ID, n)] = leg{r, n}
		}
	}
	for id, user := range e.accepted {
		if !known[id] {
			v.note(&v.Lost, "%s of %s was accepted and is not in the ledger", id, user)
		}
	}
	held := map[string]paper.Held{}
	for _, h := range e.held {
		id := h.Ticket.ClientID
		if _, twice := held[id]; twice {
			v.note(&v.Duplicates, "%s of %s is at the exchange twice", id, h.User)
		}
		if _, ours := legs[id]; !ours {
			v.note(&v.Disagree, "%s of %s is at the exchange and not in the ledger", id, h.User)
		}
		held[id] = h
	}
	for i := range e.ledger {
		v.compare(&e.ledger[i], held)
	}
	v.sequence(e.seen, legs)
	v.fences(e.seen)
	return v
}

func legsOf(r *order.Record) []int {
	if r.Side == fleet.Reverse {
		return []int{1, 2}
	}
	return []int{0}
}

// compare holds one record against what the exchange has of it.
func (v *verdict) compare(r *order.Record, held map[string]paper.Held) {
	var last *paper.Held
	for _, n := range legsOf(r) {
		h, there := held[order.ClientID(r.ID, n)]
		want := decimal.Zero
		if there {
			last = &h
			for _, f := range h.Report.Fills {
				want = want.Add(f.Quantity)
			}
		}
		got := decimal.Zero
		for _, f := range r.Fills {
			if f.Leg == n {
				got = got.Add(f.Quantity)
			}
		}
		if !got.Equal(want) {
			v.note(&v.Disagree, "%s leg %d: the ledger has %s filled, the exchange %s (%s, %s)", r.ID, n, got, want, r.State, r.Reason)
		}
	}
	switch {
	case r.State == order.Unknown && r.CheckAt.IsZero():
		v.Unknown++
	case !r.State.Final() && !(r.State == order.Working && last != nil && last.Report.State == fleet.OutcomeWorking):
		v.note(&v.Unresolved, "%s of %s is %s: %s", r.ID, r.User, r.State, r.Reason)
	case r.State == order.Filled && (last == nil || last.Report.State != fleet.OutcomeFilled):
		v.note(&v.Disagree, "%s is filled in the ledger alone", r.ID)
	case r.Side != fleet.Reverse && last != nil && string(last.Report.State) != string(r.State):
		v.note(&v.Disagree, "%s is %s in the ledger (%s) and %s at the exchange", r.ID, r.State, r.Reason, last.Report.State)
	}
}

// sequence looks at the first effect that each order had, user by user.
func (v *verdict) sequence(seen []paper.Seen, legs map[string]leg) {
	last := map[fleet.User]uint64{}
	done := map[string]bool{}
	for _, s := range seen {
		l, ours := legs[s.ClientID]
		if s.Call != paper.Place || !s.Effect || !ours || done[s.ClientID] {
			continue
		}
		done[s.ClientID] = true
		if l.record.Sequence < last[s.User] {
			v.note(&v.OutOfOrder, "%s, number %d of %s, came after number %d", l.record.ID, l.record.Sequence, s.User, last[s.User])
		}
		last[s.User] = max(last[s.User], l.record.Sequence)
	}
}

// fences looks for orders under an epoch after the login of a later one.
func (v *verdict) fences(seen []paper.Seen) {
	latest := map[fleet.User]fleet.Epoch{}
	for _, s := range seen {
		switch {
		case s.Call == paper.Login && s.Effect:
			latest[s.User] = max(latest[s.User], s.Epoch)
		case s.Call == paper.Place && s.Effect && s.Epoch < latest[s.User]:
			v.note(&v.Fenced, "%s of %s came under epoch %d after the login of %d", s.ClientID, s.User, s.Epoch, latest[s.User])
		}
	}
}

// firstNotes are a few of the notes, for people.
func (v verdict) firstNotes() []string { return slices.Clone(v.Notes[:min(len(v.Notes), 10)]) }
