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
	// named is what each name that a user gave an order came to be, and naps are the stops of each worker.
	named map[string]map[fleet.OrderID]bool
	naps  map[fleet.Worker][]nap
}

// verdict counts what must not be. Notes say which order it was.
type verdict struct {
	// Duplicates are orders that the exchange has more often than once, and names of a user that became two orders.
	Duplicates int
	// Lost were accepted, and the ledger does not have them; Unresolved are those without an end.
	Lost, Unresolved int
	// Disagree are orders of which ledger and exchange say different things.
	Disagree int
	// OutOfOrder are orders that reached the exchange after a later one of their user.
	OutOfOrder int
	// Fenced are orders that came from a worker after its successor had logged in. Landed are those of them that a stop of
	// the worker explains. A process that is stopped between its last look at the clock and the kernel's taking of the bytes
	// writes late, and from outside that is no different from bytes that were long under way; so such an order is no fault
	// as long as a nap explains it and its outcome is known: the exchange has it once, and the ledger says what the exchange
	// says. Else it is counted among the fenced.
	Fenced, Landed int
	// Unknown are orders that were given up, which takes twenty look-ups without an answer, and which an alarm tells. The
	// exchange answers again within seconds of whatever a run does, so in its end there may be none.
	Unknown int
	Notes   []string

	doubtful map[string]bool // client ids that duplicates and disagreements are about
}

// doubts notes a fault of what the exchange knows under an id.
func (v *verdict) doubts(id string, count *int, format string, args ...any) {
	v.doubtful[id] = true
	v.note(count, format, args...)
}

func (v *verdict) note(count *int, format string, args ...any) {
	*count++
	v.Notes = append(v.Notes, fmt.Sprintf(format, args...))
}

// clean says that nothing is counted that must not be.
func (v verdict) clean() bool {
	return v.Duplicates+v.Lost+v.Unresolved+v.Disagree+v.OutOfOrder+v.Fenced+v.Unknown == 0
}

// leg is an order's part that the exchange knows by one id.
type leg struct {
	record *order.Record
	number int
}

// judge compares.
func judge(e evidence) verdict {
	v := verdict{doubtful: map[string]bool{}}
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
	for name, orders := range e.named {
		if len(orders) > 1 {
			v.note(&v.Duplicates, "%s became %d orders", name, len(orders))
		}
	}
	held := map[string]paper.Held{}
	for _, h := range e.held {
		id := h.Ticket.ClientID
		if _, twice := held[id]; twice {
			v.doubts(id, &v.Duplicates, "%s of %s is at the exchange twice", id, h.User)
		}
		if _, ours := legs[id]; !ours {
			v.doubts(id, &v.Disagree, "%s of %s is at the exchange and not in the ledger", id, h.User)
		}
		held[id] = h
	}
	for i := range e.ledger {
		v.compare(&e.ledger[i], held)
	}
	v.sequence(e.seen, legs)
	v.fences(e, legs)
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
			v.doubts(order.ClientID(r.ID, n), &v.Disagree, "%s leg %d: the ledger has %s filled, the exchange %s (%s, %s)", r.ID, n, got, want, r.State, r.Reason)
		}
	}
	switch {
	case r.State == order.Unknown && r.CheckAt.IsZero():
		v.note(&v.Unknown, "%s of %s is %s", r.ID, r.User, r.Reason)
	case !r.State.Final() && !(r.State == order.Working && last != nil && last.Report.State == fleet.OutcomeWorking):
		v.note(&v.Unresolved, "%s of %s is %s: %s", r.ID, r.User, r.State, r.Reason)
	case r.State == order.Filled && (last == nil || last.Report.State != fleet.OutcomeFilled):
		v.note(&v.Disagree, "%s is filled in the ledger alone", r.ID)
	case r.Side != fleet.Reverse && last != nil && string(last.Report.State) != string(r.State):
		v.doubts(last.Ticket.ClientID, &v.Disagree, "%s is %s in the ledger (%s) and %s at the exchange", r.ID, r.State, r.Reason, last.Report.State)
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
func (v *verdict) fences(e evidence, legs map[string]leg) {
	latest := map[fleet.User]fleet.Epoch{}
	for _, s := range e.seen {
		switch {
		case s.Call == paper.Login && s.Effect:
			latest[s.User] = max(latest[s.User], s.Epoch)
		case s.Call != paper.Place || !s.Effect || s.Epoch >= latest[s.User]:
		case explained(e.naps[s.Worker], s, legs[s.ClientID].record) && !v.doubtful[s.ClientID]:
			v.Landed++
		default:
			v.note(&v.Fenced, "%s of %s came under epoch %d after the login of %d, from %s, which %s",
				s.ClientID, s.User, s.Epoch, latest[s.User], s.Worker, lastNap(e.naps[s.Worker], s.At))
		}
	}
}

// notes are a few of those that the judges made, for people.
func (d *day) notes() []string {
	all := slices.Concat(d.accounts.doubles(), d.trading.verdict.Notes)
	return all[:min(len(all), 10)]
}
