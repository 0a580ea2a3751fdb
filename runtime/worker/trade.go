package worker

import (
	"cmp"
	"slices"
	"time"

	"workerfleet/runtime/fleet"
	"workerfleet/runtime/hostlink"
	"workerfleet/runtime/order"
)

// trade is the orders of one session: what to call for them, and what to say. It is part of the [Machine], and decides as
// it does, without waiting.
//
// One order is handed over at a time, in the sequence in which the ledger marked them; looking one up and cancelling go
// beside that. What is said is said again until it is committed.
type trade struct {
	traits order.Traits // from the login on
	begin  uint64       // the lowest number that may come
	last   uint64       // the highest that was begun
	jobs   map[fleet.OrderID]*job
	recent []fleet.OrderID // settled jobs, the oldest first
	names  map[string]name // by client order id
	// kept are the outcomes that are not committed, by number.
	kept   []fleet.Outcome
	number uint64
	resay  hostlink.Instant
	halted bool
	now    hostlink.Instant // of the latest event
	begun  bool             // an order has begun
}

// name is what a client order id stands for.
type name struct {
	id  fleet.OrderID
	leg int
}

// Bounds of what a session remembers and how often it repeats itself.
const (
	// resayPause is the time between repetitions of what is not committed.
	resayPause = 2 * time.Second
	// remembered is how many settled orders are remembered; the ledger asks about others by their letters.
	remembered = 256
)

func newTrade(begin uint64) trade {
	return trade{begin: begin, last: max(begin, 1) - 1, jobs: map[fleet.OrderID]*job{}, names: map[string]name{}}
}

// know returns the job of an order, which it remembers from now on.
func (t *trade) know(o fleet.Order) *job {
	j := t.jobs[o.ID]
	if j == nil {
		j = &job{Order: o}
		t.jobs[o.ID] = j
		for _, leg := range j.legs() {
			t.names[order.ClientID(o.ID, leg)] = name{o.ID, leg}
		}
		t.forget()
		t.recent = append(t.recent, o.ID)
	}
	return j
}

// forget drops the oldest settled jobs above the bound, once their marks cannot be executed any more. Working orders are
// dropped too: the ledger verifies them.
func (t *trade) forget() {
	for i := 0; len(t.recent) >= remembered && i < len(t.recent); {
		j := t.jobs[t.recent[i]]
		if j.begun() || j.call != noCall || t.keeps(j.ID) || t.now < j.emitBy {
			i++
			continue
		}
		for _, leg := range j.legs() {
			delete(t.names, order.ClientID(j.ID, leg))
		}
		delete(t.jobs, j.ID)
		t.recent = append(t.recent[:i], t.recent[i+1:]...)
	}
}

func (t *trade) keeps(id fleet.OrderID) bool {
	return slices.ContainsFunc(t.kept, func(o fleet.Outcome) bool { return o.Order == id })
}

// execute takes an order's letter. The same mark is never executed twice, and no order after a later one.
func (t *trade) execute(o fleet.Order, emitBy hostlink.Instant) {
	j, known := t.jobs[o.ID]
	switch {
	case known && (j.begun() || j.call == callPlace):
		return
	case known && !j.EmitBy.IsZero() && !o.EmitBy.After(j.EmitBy): // its mark has been executed, and the outcome is said
		return
	case known && j.said.Evidence(): // the broker has it: whoever asks shall hear that
		j.look = true
		return
	case o.Sequence < t.begin || o.Sequence < t.last, !known && o.Sequence == t.last && t.begun:
		return // a later one has gone; the ledger looks this one up
	}
	if !known {
		j = t.know(fleet.Order{ID: o.ID, Side: o.Side})
	}
	j.marked(o, emitBy)
}

// cancel takes the wish for an order's end.
func (t *trade) cancel(o fleet.Order) {
	j := t.jobs[o.ID]
	if j == nil {
		j = t.know(o)
		j.EmitBy = time.Time{} // nothing of it was executed here
	}
	j.cancel = true
	if !j.begun() {
		j.look = true
	}
}

// withdraw takes back an order that is not handed over yet, and says so. Its letter may come after this one, and must not be
// executed then: the mark has been answered.
func (t *trade) withdraw(o fleet.Order, emitBy hostlink.Instant) {
	j := t.jobs[o.ID]
	if j == nil {
		j = t.know(fleet.Order{ID: o.ID, Side: o.Side})
	}
	switch {
	case j.begun() || j.call != noCall:
		j.withdrawn = true // what of it has not begun, does not
	case !o.EmitBy.After(j.EmitBy): // its mark has been executed, and the outcome is said
	case j.said.Evidence():
		j.look = true
	default:
		j.marked(o, emitBy)
		j.withdrawn = true
	}
}

// verify takes the question what became of an order. A job that is under way answers by itself.
func (t *trade) verify(o fleet.Order) {
	j := t.jobs[o.ID]
	if j == nil {
		j = t.know(o)
		j.EmitBy = time.Time{}
	}
	if !j.begun() {
		j.look = true
	}
}

// committed takes the word that an outcome is in the ledger.
func (t *trade) committed(number uint64) {
	t.kept = slices.DeleteFunc(t.kept, func(o fleet.Outcome) bool { return o.Number == number })
	for _, j := range t.jobs {
		if j.stage == committing && j.awaited == number {
			j.stage, j.leg, j.awaited = waiting, 2, 0
			j.emitBy = j.legUntil
		}
	}
}

// open are the jobs under way, by number.
func (t *trade) open() []*job {
	var open []*job
	for _, j := range t.jobs {
		if j.begun() || j.look {
			open = append(open, j)
		}
	}
	slices.SortFunc(open, func(a, b *job) int { return cmp.Compare(a.Sequence, b.Sequence) })
	return open
}

// wake is the next moment at which time alone changes something.
func (t *trade) wake(now hostlink.Instant) (at hostlink.Instant, ok bool) {
	earlier := func(i hostlink.Instant) {
		if i > now && (!ok || i < at) {
			at, ok = i, true
		}
	}
	if len(t.kept) > 0 {
		earlier(t.resay)
	}
	for _, j := range t.open() {
		switch j.stage {
		case waiting:
			earlier(j.emitBy)
		case closing, committing:
			earlier(j.legUntil)
		}
	}
	return at, ok
}
