package main

import (
	"reflect"
	"testing"
	"time"

	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/require"

	"workerfleet/runtime/fleet"
	"workerfleet/runtime/order"
	"workerfleet/runtime/paper"
)

// noon is when ann's first worker logs in.
var noon = time.Date(2026, 3, 2, 12, 0, 0, 0, time.UTC)

// history is a day on which ann's two orders were filled, the first under epoch 1 and the second under epoch 2. Calls come a
// second apart, and each order was accepted a moment before its call.
func history() evidence {
	e := evidence{
		accepted: map[fleet.OrderID]fleet.User{"o1": "ann", "o2": "ann"},
		named:    map[string]map[fleet.OrderID]bool{"ann n-1": {"o1": true}, "ann n-2": {"o2": true}},
		naps:     map[fleet.Worker][]nap{},
	}
	for i, id := range []fleet.OrderID{"o1", "o2"} {
		login := noon.Add(time.Duration(2*i) * time.Second)
		sent := login.Add(time.Second)
		fill := fleet.Fill{ID: "f", Quantity: decimal.NewFromInt(2), Price: decimal.NewFromInt(9)}
		e.ledger = append(e.ledger, order.Record{
			Order: fleet.Order{ID: id, Sequence: uint64(i + 1), Side: fleet.Buy, Quantity: fill.Quantity}, User: "ann",
			State: order.Filled, Proven: true, Fills: []order.Fill{{Fill: fill}}, AcceptedAt: sent.Add(-time.Millisecond),
		})
		ticket := order.Ticket{ClientID: order.ClientID(id, 0)}
		e.held = append(e.held, paper.Held{User: "ann", Ticket: ticket, Report: order.Report{State: fleet.OutcomeFilled, Fills: []fleet.Fill{fill}}})
		holder := paper.Holder{User: "ann", Worker: fleet.Worker([]string{"w1", "w2"}[i]), Epoch: fleet.Epoch(i + 1)}
		e.seen = append(e.seen, paper.Seen{At: login, Call: paper.Login, Holder: holder, Effect: true},
			paper.Seen{At: sent, Call: paper.Place, Holder: holder, Effect: true, ClientID: ticket.ClientID, Ticket: &ticket})
	}
	return e
}

// working makes the second order one that works, at the exchange and in the ledger.
func working(e *evidence) {
	e.ledger[1].State, e.ledger[1].Fills = order.Working, nil
	e.held[1].Report = order.Report{State: fleet.OutcomeWorking}
}

// late has the first order arrive a second after the second session's login.
func late(e *evidence) {
	e.seen[1], e.seen[2] = e.seen[2], e.seen[1]
	e.seen[2].At = e.seen[1].At.Add(time.Second)
	e.seen[3].At = e.seen[2].At.Add(time.Second)
}

// asleep has the first order arrive late, and its worker stopped just after the order was accepted, until so long before its arrival.
func asleep(e *evidence, before time.Duration) *nap {
	late(e)
	e.naps["w1"] = []nap{{epoch: 1, stopped: e.ledger[0].AcceptedAt.Add(time.Millisecond), woken: e.seen[2].At.Add(-before)}}
	return &e.naps["w1"][0]
}

// Each count of the judge rises for a history that deserves it, and only that one.
func TestJudge(t *testing.T) {
	for name, c := range map[string]struct {
		spoil func(e *evidence)
		want  verdict
	}{
		"clean":                 {func(*evidence) {}, verdict{}},
		"clean, one works":      {working, verdict{}},
		"clean, a call refused": {func(e *evidence) { e.seen = append(e.seen, e.seen[1]); e.seen[4].Effect = false }, verdict{}},
		"at the exchange twice": {func(e *evidence) { e.held = append(e.held, e.held[0]) }, verdict{Duplicates: 1}},
		"one name, two orders":  {func(e *evidence) { e.named["ann n-1"]["o2"] = true }, verdict{Duplicates: 1}},
		"accepted and gone":     {func(e *evidence) { e.accepted["o3"] = "ann" }, verdict{Lost: 1}},
		"dispatched for good":   {func(e *evidence) { e.ledger[1].State, e.ledger[1].CheckAt = order.Dispatched, time.Now() }, verdict{Unresolved: 1}},
		"looked up for good":    {func(e *evidence) { e.ledger[1].State, e.ledger[1].CheckAt = order.Unknown, time.Now() }, verdict{Unresolved: 1}},
		"given up":              {func(e *evidence) { e.ledger[1].State = order.Unknown }, verdict{Unknown: 1}},
		"works in the ledger alone": {func(e *evidence) {
			working(e)
			e.held[1].Report.State = fleet.OutcomeCancelled
		}, verdict{Unresolved: 1, Disagree: 0}},
		"the exchange alone has it":                       {func(e *evidence) { e.held = append(e.held, paper.Held{Ticket: order.Ticket{ClientID: "x"}}) }, verdict{Disagree: 1}},
		"another quantity is filled":                      {func(e *evidence) { e.ledger[0].Fills[0].Quantity = decimal.NewFromInt(1) }, verdict{Disagree: 1}},
		"ended in the ledger alone":                       {func(e *evidence) { e.ledger[0].State = order.Expired }, verdict{Disagree: 1}},
		"filled in the ledger alone":                      {func(e *evidence) { e.ledger[0].Fills, e.held = nil, e.held[1:] }, verdict{Disagree: 1}},
		"the later one first":                             {func(e *evidence) { e.ledger[0].Sequence = 3 }, verdict{OutOfOrder: 1}},
		"after its successor":                             {late, verdict{Fenced: 1}},
		"after its successor, by one that has just woken": {func(e *evidence) { asleep(e, waking) }, verdict{Landed: 1}},
		"after its successor, by one that sleeps": {func(e *evidence) {
			asleep(e, 0).woken = time.Time{}
		}, verdict{Landed: 1}},
		"after its successor, by one that woke before": {func(e *evidence) { asleep(e, waking+1) }, verdict{Fenced: 1}},
		"after its successor, by one that slept once": {func(e *evidence) {
			n := asleep(e, waking)
			n.stopped, n.woken = n.stopped.Add(-time.Hour), n.woken.Add(-time.Hour)
		}, verdict{Fenced: 1}},
		"after its successor, by one that is stopped then": {func(e *evidence) {
			n := asleep(e, waking)
			n.stopped, n.woken = e.seen[2].At, e.seen[2].At.Add(time.Second)
		}, verdict{Fenced: 1}},
		"after its successor, by one that slept in another session": {func(e *evidence) { asleep(e, waking).epoch = 7 }, verdict{Fenced: 1}},
		"after its successor, by one that slept when it was accepted": {func(e *evidence) {
			n := asleep(e, waking)
			e.ledger[0].AcceptedAt = n.stopped
		}, verdict{Fenced: 1}},
		"after its successor, by one that has just woken, twice": {func(e *evidence) {
			asleep(e, waking)
			e.held = append(e.held, e.held[0])
		}, verdict{Duplicates: 1, Fenced: 1}},
		"after its successor, by one that has just woken, unknown to the ledger": {func(e *evidence) {
			asleep(e, waking)
			e.ledger[0].State = order.Expired
		}, verdict{Disagree: 1, Fenced: 1}},
	} {
		t.Run(name, func(t *testing.T) {
			e := history()
			c.spoil(&e)
			got := judge(e)
			require.Equal(t, reflect.DeepEqual(c.want, verdict{Landed: c.want.Landed}), got.clean(), got.Notes)
			require.Equal(t, reflect.DeepEqual(c.want, verdict{}), len(got.Notes) == 0 && got.Landed == 0, got.Notes)
			got.Notes, got.doubtful = nil, nil
			require.Equal(t, c.want, got)
		})
	}
}

// The legs of a reversal are held against the exchange one by one.
func TestJudgeOfReversals(t *testing.T) {
	e := history()
	r := &e.ledger[1]
	r.Side, r.Leg, r.Fills[0].Leg = fleet.Reverse, 2, 2
	e.held[1].Ticket.ClientID = order.ClientID(r.ID, 2)
	e.seen[3].ClientID = order.ClientID(r.ID, 2)
	require.True(t, judge(e).clean(), judge(e).Notes)
	r.Fills[0].Leg = 1
	require.Equal(t, 2, judge(e).Disagree, "what one leg lacks, the other has too much")
}

// A stop ends at the worker's first waking, whichever stop that belongs to, and what was judged before is not changed by it.
func TestNaps(t *testing.T) {
	trading := newTrading()
	trading.stopped("w1", 3)
	trading.stopped("w1", 3)
	before := trading.slept()
	trading.wakes("w1")
	woken := trading.slept()["w1"]
	trading.stopped("w1", 4)
	trading.wakes("w2")
	after := trading.slept()["w1"]
	require.True(t, before["w1"][0].woken.IsZero())
	require.False(t, woken[0].woken.IsZero())
	require.False(t, woken[1].woken.IsZero())
	require.True(t, after[2].woken.IsZero())
	trading.wakes("w1")
	require.Equal(t, woken, trading.slept()["w1"][:2])

	at := after[0].stopped
	require.Equal(t, "was never stopped", lastNap(nil, at))
	require.Equal(t, "was stopped under epoch 4 3s before", lastNap([]nap{{epoch: 4, stopped: at}}, at.Add(3*time.Second)))
	require.Equal(t, "was stopped under epoch 4 3s before and woke 1s before",
		lastNap([]nap{{epoch: 4, stopped: at, woken: at.Add(2 * time.Second)}, {stopped: at.Add(time.Hour)}}, at.Add(3*time.Second)))
}
