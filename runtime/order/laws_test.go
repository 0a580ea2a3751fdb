package order_test

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"workerfleet/runtime/fleet"
	"workerfleet/runtime/order"
	"workerfleet/runtime/order/ordertest"
)

// Whatever users ask, workers say and time does, in any sequence: the laws of the ledger hold after each step, and with a
// worker that answers everything ends. Outcomes are drawn freely, also such as no honest worker sends. One user is enough:
// users share nothing but the switch for all. The proof is of the decisions, on the reference; the suite is for databases.
func TestLaws(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := newWorld(t)
		t.Repeat(map[string]func(*rapid.T){
			"accept": w.accept, "cancel": w.cancel, "say": w.say, "repeat": w.repeat, "attend": w.attend,
			"begin": w.begin, "close": w.close, "wait": w.wait, "halt": w.halt, "recover": w.recover,
			"": w.laws,
		})
		w.drain()
	})
}

// world is one user's ledger, and what was seen of it before the step that is judged.
type world struct {
	*rapid.T
	ordertest.Bench
	ctx      context.Context
	ledger   *order.Ledger
	epoch    fleet.Epoch // of the session; 0 is none
	last     fleet.Epoch
	numbers  uint64
	outcomes []fleet.Outcome
	halted   bool

	before  map[fleet.OrderID]order.Record
	ended   map[fleet.OrderID]bool
	told    uint64
	said    []fleet.Outcome // in this step
	letters []fleet.Mail
	reset   bool
}

func newWorld(t *rapid.T) *world {
	w := &world{T: t, Bench: memoryBench(), ctx: context.Background(), ended: map[fleet.OrderID]bool{}, last: 10}
	w.ledger = order.New(w.Keeper, order.Rules{})
	w.Account("ann")
	return w
}

func (w *world) must(err error) {
	if err != nil && !order.Refusal(err) {
		w.Fatalf("%v", err)
	}
}

func (w *world) posted(n order.Next) {
	for _, l := range n.Mail {
		if l.Mail.Kind != fleet.MailCommitted {
			w.letters = append(w.letters, l.Mail)
		}
	}
}

func (w *world) accept(t *rapid.T) {
	side := rapid.SampledFrom([]fleet.Side{fleet.Buy, fleet.Sell, fleet.Reverse}).Draw(t, "side")
	d := order.Draft{Key: fmt.Sprint(rapid.IntRange(1, 12).Draw(t, "key")), Symbol: "X", Side: side, Quantity: one, Type: fleet.Market, TimeInForce: fleet.Day}
	a, err := w.ledger.Accept(w.ctx, "ann", d)
	w.must(err)
	w.posted(a.Next)
}

// any draws one of the orders; "" if there is none.
func (w *world) any(t *rapid.T) order.Record {
	if len(w.before) == 0 {
		return order.Record{}
	}
	bySequence := slices.SortedFunc(maps.Values(w.before), func(a, b order.Record) int { return int(a.Sequence) - int(b.Sequence) })
	return rapid.SampledFrom(bySequence).Draw(t, "order")
}

func (w *world) cancel(t *rapid.T) {
	_, next, err := w.ledger.Cancel(w.ctx, "ann", w.any(t).ID)
	w.must(err)
	w.posted(next)
}

func (w *world) say(t *rapid.T) {
	r := w.any(t)
	if r.ID == "" {
		return
	}
	w.numbers++
	o := fleet.Outcome{User: "ann", Order: r.ID, Number: w.numbers}
	o.Epoch = rapid.SampledFrom([]fleet.Epoch{r.Epoch, w.epoch, w.last, w.last - 1}).Draw(t, "epoch")
	o.State = rapid.SampledFrom([]fleet.OutcomeState{fleet.OutcomeWorking, fleet.OutcomeFilled, fleet.OutcomeRejected, fleet.OutcomeCancelled,
		fleet.OutcomeExpired, fleet.OutcomeUnsent, fleet.OutcomeDoubt, fleet.OutcomeAbsent}).Draw(t, "state")
	if r.Side == fleet.Reverse {
		o.Leg = rapid.IntRange(1, 2).Draw(t, "leg")
	}
	if o.State.Evidence() && rapid.Bool().Draw(t, "fill") {
		id := rapid.SampledFrom([]string{"f", "g", "h"}).Draw(t, "id")
		o.Fills = []fleet.Fill{{ID: id, Quantity: one, Price: one}}
	}
	if o.State == fleet.OutcomeAbsent {
		o.Settle = time.Duration(rapid.IntRange(0, 20).Draw(t, "settle")) * time.Second
		o.Resend = rapid.Bool().Draw(t, "resend")
	}
	w.outcomes = append(w.outcomes, o)
	w.commit(o)
}

// repeat says again what was said at some time, as a worker does that got no confirmation.
func (w *world) repeat(t *rapid.T) {
	if len(w.outcomes) > 0 {
		w.commit(rapid.SampledFrom(w.outcomes).Draw(t, "outcome"))
	}
}

func (w *world) commit(outcomes ...fleet.Outcome) {
	next, _, err := w.ledger.Commit(w.ctx, "ann", outcomes)
	w.must(err)
	w.said = outcomes
	w.posted(next)
}

func (w *world) attend(*rapid.T) {
	next, err := w.ledger.Attend(w.ctx, "ann")
	w.must(err)
	w.posted(next)
}

func (w *world) begin(*rapid.T) {
	w.last++
	w.epoch = w.last
	w.Session("ann", order.Session{Epoch: w.epoch, Worker: "w", Host: "h", Life: 1})
}

func (w *world) close(*rapid.T) {
	w.epoch = 0
	w.Session("ann", order.Session{})
}

func (w *world) wait(t *rapid.T) {
	w.age(time.Duration(rapid.SampledFrom([]int{100, 600, 2_000, 6_000, 15_000, 61_000}).Draw(t, "ms")) * time.Millisecond)
}

// age lets a time pass, which is not what the next step is judged for.
func (w *world) age(by time.Duration) {
	w.Age("ann", by)
	w.before = w.now()
}

func (w *world) halt(*rapid.T) {
	w.halted = !w.halted
	w.must(w.Halt(w.ctx, "", w.halted, "a test"))
}

func (w *world) recover(t *rapid.T) {
	if rapid.IntRange(0, 3).Draw(t, "dice") > 0 {
		return // it is rare
	}
	_, err := w.Recover(w.ctx)
	w.must(err)
	w.halted, w.reset = rapid.Bool().Draw(t, "halted"), true
	w.must(w.Halt(w.ctx, "", w.halted, "a test"))
}

func (w *world) now() map[fleet.OrderID]order.Record {
	orders, err := w.Orders(w.ctx, "ann", 0, 1000)
	w.must(err)
	all := map[fleet.OrderID]order.Record{}
	for _, r := range orders {
		all[r.ID] = r
	}
	return all
}

// drain ends the world with a worker that answers, and requires that everything ends.
func (w *world) drain() {
	w.begin(w.T)
	for range 60 {
		w.letters = nil
		w.age(61 * time.Second)
		w.attend(w.T)
		w.laws(w.T)
		for _, m := range w.letters {
			w.numbers++
			o := fleet.Outcome{User: "ann", Order: m.Order.ID, Epoch: w.epoch, Number: w.numbers, State: fleet.OutcomeAbsent, Leg: w.before[m.Order.ID].Leg}
			w.commit(o)
			w.laws(w.T)
		}
	}
	for _, r := range w.before {
		if r.State != order.Working && r.MayCome() {
			w.Fatalf("order %d is still %s: %s", r.Sequence, r.State, r.Reason)
		}
	}
}
