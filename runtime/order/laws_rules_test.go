package order_test

import (
	"slices"
	"strings"
	"time"

	"github.com/shopspring/decimal"
	"pgregory.net/rapid"

	"workerfleet/runtime/fleet"
	"workerfleet/runtime/order"
)

var one = decimal.NewFromInt(1)

// laws judges one step: what was before it against what is now.
func (w *world) laws(t *rapid.T) {
	now := w.now()
	dispatched := 0
	for id, r := range now {
		before, known := w.before[id]
		if known {
			w.change(t, before, r)
		}
		if r.State == order.Dispatched {
			dispatched++
		}
		if r.CheckAt.IsZero() && !r.State.Final() && !(r.State == order.Unknown && strings.HasPrefix(r.Reason, "given up")) {
			t.Fatalf("order %d is %s and is not looked at any more", r.Sequence, r.State)
		}
		w.ended[id] = w.ended[id] || r.State.Final()
	}
	if dispatched > 1 {
		t.Fatalf("%d orders are dispatched", dispatched)
	}
	w.events(t, now)
	w.head(t, now)
	for _, m := range w.letters {
		if m.Epoch != w.epoch {
			t.Fatalf("mail to epoch %d, while %d acts", m.Epoch, w.epoch)
		}
	}
	w.before, w.said, w.letters, w.reset = now, nil, w.letters[:0:0], false
}

// head judges when the next order is looked at, if none is in flight: a user's orders must not wait for the clock.
func (w *world) head(t *rapid.T, now map[fleet.OrderID]order.Record) {
	var next *order.Record
	for _, r := range now {
		if r.InFlight() {
			return
		}
		if r.State == order.Accepted && (next == nil || r.Sequence < next.Sequence) {
			next = &r
		}
	}
	if next != nil && time.Until(next.CheckAt) > 3*time.Second {
		t.Fatalf("order %d comes next and is not looked at for %s", next.Sequence, time.Until(next.CheckAt))
	}
}

// change judges what became of one order.
func (w *world) change(t *rapid.T, before, now order.Record) {
	if before.State.Final() && before.Proven && (now.State != before.State || !now.Proven || now.Reason != before.Reason) {
		t.Fatalf("order %d was %s by the broker's word and is %s", now.Sequence, before.State, now.State)
	}
	if before.Proven && !now.Proven && !w.reset { // a restore may have lost what the broker said since
		t.Fatalf("order %d was proven to be %s, and is %s without a proof", now.Sequence, before.State, now.State)
	}
	if before.Doubted && !before.State.Final() && now.State.Final() && !slices.ContainsFunc(w.said, func(o fleet.Outcome) bool {
		return o.Order == now.ID && (o.State.Evidence() || o.State == fleet.OutcomeAbsent || o.State == fleet.OutcomeUnsent && before.Leg == 2)
	}) {
		t.Fatalf("order %d, which may be at the broker, is %s, and nobody looked it up", now.Sequence, now.State)
	}
	for i, f := range now.Fills {
		if slices.ContainsFunc(now.Fills[:i], func(g order.Fill) bool { return f.Leg == g.Leg && f.ID == g.ID }) {
			t.Fatalf("order %d has a fill twice", now.Sequence)
		}
	}
	if len(now.Fills) < len(before.Fills) {
		t.Fatalf("order %d lost a fill", now.Sequence)
	}
	for _, o := range w.said {
		if o.Order == now.ID && o.State.Evidence() && (o.Epoch == before.Epoch || o.Epoch == w.epoch) && o.Epoch > 0 {
			for _, f := range o.Fills {
				if !slices.ContainsFunc(now.Fills, func(g order.Fill) bool { return g.Leg == o.Leg && g.ID == f.ID }) {
					t.Fatalf("order %d misses a fill that was reported", now.Sequence)
				}
			}
		}
	}
	again := now.State == order.Accepted || now.State == order.Dispatched && (before.State == order.Unknown || now.EmitBy.After(before.EmitBy) && now.Leg == before.Leg)
	if before.InFlight() && again && !slices.ContainsFunc(w.said, func(o fleet.Outcome) bool { return allowsAgain(o, before, w.epoch) }) {
		t.Fatalf("order %d was %s and may be sent again, though nobody said that it may", now.Sequence, before.State)
	}
	if now.State != before.State && now.State.Final() && now.Proven && !slices.ContainsFunc(w.said, func(o fleet.Outcome) bool {
		return o.Order == now.ID && order.State(o.State) == now.State && (o.Epoch == before.Epoch || o.Epoch == w.epoch)
	}) {
		t.Fatalf("order %d is proven to be %s, and nobody said so", now.Sequence, now.State)
	}
}

// allowsAgain says whether an outcome is a reason to send an order again: no call was started, or a second one has no effect.
func allowsAgain(o fleet.Outcome, r order.Record, current fleet.Epoch) bool {
	switch {
	case o.Order != r.ID || r.Leg == 2:
		return false
	case o.State == fleet.OutcomeUnsent:
		return o.Epoch == r.Epoch
	default:
		return o.State == fleet.OutcomeAbsent && o.Epoch == current && o.Resend && r.Side != fleet.Reverse && !r.CancelAsked
	}
}

// events judges what the user was told, and each mark in it.
func (w *world) events(t *rapid.T, now map[fleet.OrderID]order.Record) {
	events, err := w.Events(w.ctx, "ann", w.told, 1000)
	w.must(err)
	for _, e := range events {
		w.told++
		if e.Number != w.told {
			t.Fatalf("event %d follows %d", e.Number, w.told-1)
		}
		if e.State != order.Dispatched || slices.ContainsFunc(w.said, func(o fleet.Outcome) bool { return o.Order == e.Order && o.State.Evidence() }) {
			continue // the second leg's beginning and fills are told of under the same state
		}
		marked := now[e.Order]
		if w.ended[e.Order] {
			t.Fatalf("order %d was marked after its end", marked.Sequence)
		}
		for id, r := range now {
			switch {
			case id == e.Order:
			case r.InFlight():
				t.Fatalf("order %d was marked while %d is %s", marked.Sequence, r.Sequence, r.State)
			case r.State == order.Accepted && r.Sequence < marked.Sequence:
				t.Fatalf("order %d was marked before %d", marked.Sequence, r.Sequence)
			}
		}
		if w.halted || w.epoch == 0 || marked.Epoch != w.epoch {
			t.Fatalf("order %d was marked for epoch %d, while %d acts, halted %v", marked.Sequence, marked.Epoch, w.epoch, w.halted)
		}
	}
}
