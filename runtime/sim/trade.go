package sim

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/shopspring/decimal"

	"workerfleet/runtime/fleet"
	"workerfleet/runtime/order"
)

// wish is an order that a user sends until it is answered.
type wish struct {
	draft order.Draft
	// ids are what the answers named: one, however often it was sent.
	ids     []fleet.OrderID
	refused bool
}

// answered says whether anybody has said what became of it.
func (w *wish) answered() bool { return len(w.ids) > 0 || w.refused }

// trade has the user send an order, now and then twice, and now and then take it back.
func (u *user) trade() {
	u.traded++
	side := []fleet.Side{fleet.Buy, fleet.Sell, fleet.Buy, fleet.Sell, fleet.Reverse}[u.random.IntN(5)]
	w := &wish{draft: order.Draft{
		Key: fmt.Sprintf("%s-%d", u.name, u.traded), Symbol: "SYM", Side: side, Quantity: decimal.NewFromInt(1 + u.random.Int64N(9)),
		Type: fleet.Market, TimeInForce: fleet.Day,
	}}
	u.wishes = append(u.wishes, w)
	u.send(w)
	if u.chance(0.3) {
		u.after(u.between(0, 5*time.Second), func() { u.send(w) })
	}
	if u.chance(0.15) {
		u.after(u.between(0, 10*time.Second), func() { u.takeBack(w) })
	}
}

// send sends it once, and again if there was no answer.
func (u *user) send(w *wish) {
	d := u.front()
	done := false
	d.spawn(func() {
		a, err := d.dispatcher.Accept(d.ctx, u.name, w.draft, func(error) {})
		switch {
		case err == nil:
			done = true
			if !slices.Contains(w.ids, a.ID) {
				w.ids = append(w.ids, a.ID)
			}
		case order.Refusal(err):
			done, w.refused = true, true
			u.say(string(u.name), "%s is refused: %s", w.draft.Key, first(err))
		}
	})
	u.after(u.between(3*time.Second, 8*time.Second), func() {
		if !done {
			u.send(w)
		}
	})
}

func (u *user) takeBack(w *wish) {
	if len(w.ids) == 0 {
		return
	}
	d := u.front()
	d.spawn(func() {
		_, err := d.dispatcher.Cancel(d.ctx, u.name, w.ids[0], func(error) {})
		u.say(string(u.name), "takes %s back: %s", w.draft.Key, said(err))
	})
}

// halt switches orders off for a while, for one or for all.
func (w *world) halt() {
	whom := fleet.User("")
	if w.chance(0.7) {
		whom = w.users[w.random.IntN(len(w.users))].name
	}
	if whom == "" && (w.stopped || w.off) { // they are, and nobody else switches them on
		return
	}
	w.say("operator", "switches orders off for %q", whom)
	_ = w.database.orders.Halt(context.Background(), whom, true, "drill")
	w.after(w.between(time.Second, 15*time.Second), func() {
		if whom != "" || !w.stopped && !w.off {
			_ = w.database.orders.Halt(context.Background(), whom, false, "")
		}
	})
}

// records are the ledger's, by number.
func (u *user) records() []order.Record {
	all, _ := u.database.orders.Orders(context.Background(), u.name, 0, 1<<20)
	slices.Reverse(all)
	return all
}

func legs(r order.Record) []int {
	if r.Side == fleet.Reverse {
		return []int{1, 2}
	}
	return []int{0}
}

// traded says what is still to come of a user's orders; "" if nothing is.
func (u *user) pending() string {
	for _, w := range u.wishes {
		if !w.answered() {
			return fmt.Sprintf("%s is not answered", w.draft.Key)
		}
	}
	for _, r := range u.records() {
		if !r.CheckAt.IsZero() {
			return fmt.Sprintf("%s is %s (%s), and looked at again", r.Key, r.State, r.Reason)
		}
	}
	return ""
}

// judge compares what users were told, what the ledger has and what the exchange saw.
func (w *world) judge() error {
	for _, u := range w.users {
		if err := u.judge(); err != nil {
			return err
		}
	}
	return nil
}

func (u *user) judge() error {
	known := map[fleet.OrderID]bool{}
	of := map[string]order.Record{}
	for _, r := range u.records() {
		known[r.ID] = true
		for _, leg := range legs(r) {
			of[order.ClientID(r.ID, leg)] = r
		}
		if err := u.compare(r); err != nil {
			return err
		}
	}
	for _, w := range u.wishes {
		if len(w.ids) > 1 {
			return fmt.Errorf("%s became %d orders", w.draft.Key, len(w.ids))
		}
		if len(w.ids) == 1 && !known[w.ids[0]] {
			return fmt.Errorf("%s was accepted, and is lost", w.draft.Key)
		}
	}
	last := uint64(0)
	for _, h := range u.exchange.held {
		if h.User != u.name {
			continue
		}
		r, ours := of[h.ClientID]
		switch {
		case u.lost[h.ClientID]: // with the backup that it came after
			continue
		case !ours:
			return fmt.Errorf("the exchange has an order of %s that the ledger does not have", u.name)
		case r.Sequence < last:
			return fmt.Errorf("%s, number %d, reached the exchange after number %d", r.Key, r.Sequence, last)
		}
		last = r.Sequence
	}
	return nil
}

// compare holds one record against what the exchange has of it.
func (u *user) compare(r order.Record) error {
	var latest *held
	for _, leg := range legs(r) {
		h := u.exchange.find(order.ClientID(r.ID, leg))
		filled, want := decimal.Zero, decimal.Zero
		if h != nil {
			latest = h
			for _, f := range h.report.Fills {
				want = want.Add(f.Quantity)
			}
		}
		for _, f := range r.Fills {
			if f.Leg == leg {
				filled = filled.Add(f.Quantity)
			}
		}
		if !filled.Equal(want) {
			return fmt.Errorf("%s leg %d is %s (%s): the ledger has %s filled, the exchange %s", r.Key, leg, r.State, r.Reason, filled, want)
		}
	}
	switch {
	case !r.State.Final():
		return fmt.Errorf("%s is %s: %s", r.Key, r.State, r.Reason)
	case r.State == order.Filled && (latest == nil || latest.report.State != fleet.OutcomeFilled):
		return fmt.Errorf("%s is filled in the ledger alone", r.Key)
	case r.Side != fleet.Reverse && latest != nil && string(latest.report.State) != string(r.State):
		return fmt.Errorf("%s is %s in the ledger (%s), and %s at the exchange", r.Key, r.State, r.Reason, latest.report.State)
	}
	return nil
}
