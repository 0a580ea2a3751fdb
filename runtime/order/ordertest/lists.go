package ordertest

import (
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/stretchr/testify/require"

	"workerfleet/runtime/fleet"
	"workerfleet/runtime/order"
)

func eventsNumbered(b *bench) {
	b.served(7)
	a := b.accept("1")
	b.accept("2")
	b.commit(b.says(a.ID, 7, fleet.OutcomeWorking, fill("f", "0.5"), because("taken")), b.says(a.ID, 7, fleet.OutcomeFilled, fill("g", "1.5")))
	events, err := b.Events(b.ctx, "ann", 0, 100)
	require.NoError(b, err)
	var states []order.State
	for i, e := range events {
		require.Equal(b, uint64(i+1), e.Number)
		require.Equal(b, "AAPL", e.Symbol)
		require.Equal(b, "2", e.Quantity)
		require.WithinDuration(b, time.Now(), e.At, time.Minute)
		if e.Order == a.ID {
			states = append(states, e.State)
		}
	}
	require.Equal(b, []order.State{order.Accepted, order.Dispatched, order.Working, order.Filled}, states)
	require.Equal(b, "taken", events[3].Reason)
	require.Equal(b, "0.5", events[3].Filled)
	require.Equal(b, "2", events[4].Filled)
	page, err := b.Events(b.ctx, "ann", 2, 2)
	require.NoError(b, err)
	require.Equal(b, events[2:4], page)
	page, err = b.Events(b.ctx, "ann", uint64(len(events)), 2)
	require.NoError(b, err)
	require.Empty(b, page)
	page, err = b.Events(b.ctx, "bea", 0, 2)
	require.NoError(b, err)
	require.Empty(b, page)
}

func listsPaged(b *bench) {
	b.served(7)
	for n := range 5 {
		a := b.accept(fmt.Sprint(n))
		b.commit(b.says(a.ID, 7, fleet.OutcomeFilled, fill("f", "1"), fill("g", "1")))
	}
	numbers := func(below uint64, limit int) (found []uint64) {
		b.Helper()
		orders, err := b.Orders(b.ctx, "ann", below, limit)
		require.NoError(b, err)
		for _, r := range orders {
			found = append(found, r.Sequence)
			require.Len(b, r.Fills, 2)
			require.Equal(b, fleet.User("ann"), r.User)
			require.Equal(b, plain(r), plain(b.read(r.ID)))
		}
		return found
	}
	require.Equal(b, []uint64{5, 4, 3, 2, 1}, numbers(0, 10))
	require.Equal(b, []uint64{5, 4}, numbers(0, 2))
	require.Equal(b, []uint64{3, 2}, numbers(4, 2))
	require.Empty(b, numbers(1, 2))
	orders, err := b.Orders(b.ctx, "bea", 0, 10)
	require.NoError(b, err)
	require.Empty(b, orders)
	first, err := b.Orders(b.ctx, "ann", 0, 1)
	require.NoError(b, err)
	_, err = b.Order(b.ctx, "bea", first[0].ID)
	require.ErrorIs(b, err, order.ErrNotFound)
}

func switches(b *bench) {
	b.halt("ann", true)
	b.halt("", true)
	require.NoError(b, b.Halt(b.ctx, "ann", true, "another reason"))
	require.NoError(b, b.Suspend(b.ctx, "ann", true, "the operator's"))
	halts, err := b.Halts(b.ctx)
	require.NoError(b, err)
	require.Len(b, halts, 3)
	require.Equal(b, fleet.User(""), halts[0].User)
	require.Equal(b, "another reason", halts[1].Reason)
	require.Equal(b, "the operator's", halts[2].Reason)
	require.Equal(b, []bool{true, false, true}, []bool{halts[0].Operator, halts[1].Operator, halts[2].Operator})
	for _, h := range halts {
		require.WithinDuration(b, time.Now(), h.Since, time.Minute)
	}
	b.halt("ann", false)
	b.halt("ann", false)
	b.halt("", false)
	halts, err = b.Halts(b.ctx)
	require.NoError(b, err)
	require.Len(b, halts, 1)
	require.Equal(b, "the operator's", halts[0].Reason)
	require.NoError(b, b.Suspend(b.ctx, "ann", false, ""))
	halts, err = b.Halts(b.ctx)
	require.NoError(b, err)
	require.Empty(b, halts)
}

// Orders are off while either switch is on, the user's own or the operator's, and each is turned by itself.
func twoSwitches(b *bench) {
	refused := func(key string, want error) {
		b.Helper()
		_, err := b.ledger.Accept(b.ctx, "ann", draft(key))
		require.ErrorIs(b, err, want)
		require.ErrorIs(b, err, order.ErrHalted)
		require.True(b, order.Refusal(err))
		require.Equal(b, want == order.ErrSuspended, errors.Is(err, order.ErrSuspended))
	}
	require.NoError(b, b.Suspend(b.ctx, "ann", true, "a test"))
	b.halt("ann", true)
	refused("1", order.ErrSuspended)
	b.halt("ann", false)
	refused("1", order.ErrSuspended)
	b.halt("ann", true)
	require.NoError(b, b.Suspend(b.ctx, "ann", false, ""))
	refused("1", order.ErrHalted)
	b.halt("", true)
	b.halt("ann", false)
	refused("1", order.ErrSuspended)
	b.halt("", false)
	require.NoError(b, b.Suspend(b.ctx, "bea", true, "another user's"))
	b.served(7)
	a := b.accept("1")
	require.NoError(b, b.Suspend(b.ctx, "ann", true, "a test"))
	b.commit(b.says(a.ID, 7, fleet.OutcomeUnsent))
	r := b.stands(a.ID, order.Cancelled)
	require.Equal(b, order.ErrSuspended.Error(), r.Reason)
}

// What a worker was asked to execute before orders were switched off is taken back: at once where somebody says so, and with
// each look at it; what the broker has stays.
func withdrawn(b *bench) {
	b.served(7)
	working := b.accept("1")
	b.commit(b.says(working.ID, 7, fleet.OutcomeWorking))
	a := b.accept("2")
	require.Equal(b, order.Dispatched, a.State)
	at := func() []fleet.Mail {
		b.Helper()
		next, err := b.ledger.Withdraw(b.ctx, "ann")
		require.NoError(b, err)
		return mails(next.Mail)
	}
	require.Empty(b, at(), "orders are on")
	b.halt("ann", true)
	b.sent(at(), fleet.MailWithdraw, a.ID)
	mail, _ := b.attend(600 * time.Millisecond)
	b.sent(mail, fleet.MailWithdraw, a.ID)
	require.True(b, mail[0].Order.EmitBy.Equal(b.read(a.ID).EmitBy), "the mark that is meant")
	b.commit(b.says(a.ID, 7, fleet.OutcomeUnsent))
	require.Equal(b, order.ErrHalted.Error(), b.stands(a.ID, order.Cancelled).Reason)
	require.Empty(b, at())
	b.halt("ann", false)

	late := b.accept("3")
	b.halt("ann", true)
	b.Age("ann", 11*time.Second)
	b.sent(at(), fleet.MailVerify, late.ID)
	b.stands(late.ID, order.Unknown)
	b.stands(working.ID, order.Working)
}

// Nobody could execute anything: what waits ends with the reason, what is at the broker stays and asks for nobody, and all is
// as before once others are kept.
func denied(b *bench) {
	b.served(7)
	working := b.accept("1")
	b.commit(b.says(working.ID, 7, fleet.OutcomeWorking))
	marked, waits, doubtful := b.accept("2"), b.accept("3"), b.accept("4")
	require.Equal(b, order.Dispatched, marked.State)
	b.commit(b.says(marked.ID, 7, fleet.OutcomeDoubt))
	b.Deny("ann", "the account is closed")
	b.served(0)
	said := b.says("", 7, fleet.OutcomeDenied, because("the account is closed"))
	next, strays, err := b.ledger.Commit(b.ctx, "ann", []fleet.Outcome{said})
	require.NoError(b, err)
	require.Empty(b, strays)
	require.False(b, next.Claim)
	require.Equal(b, []fleet.MailKind{fleet.MailCommitted}, []fleet.MailKind{next.Mail[0].Mail.Kind}, "it is reported for ever")
	const reason = "the broker refuses the user's credentials: the account is closed"
	b.commit(b.says(marked.ID, 7, fleet.OutcomeFilled))
	for _, id := range []fleet.OrderID{waits.ID, doubtful.ID} {
		r := b.stands(id, order.Rejected)
		require.Equal(b, reason, r.Reason)
		require.False(b, r.Proven)
	}
	_, err = b.ledger.Accept(b.ctx, "ann", draft("5"))
	var refused *order.Denied
	require.ErrorAs(b, err, &refused)
	require.True(b, order.Refusal(err))
	require.Equal(b, "the account is closed", refused.Reason)
	_, next = b.attend(time.Hour)
	require.False(b, next.Claim, "a worker is taken that could do nothing")
	b.stands(working.ID, order.Working)
	_, next, err = b.ledger.Cancel(b.ctx, "ann", working.ID)
	require.NoError(b, err)
	require.False(b, next.Claim)

	b.Deny("ann", "")
	_, next = b.attend(time.Hour)
	require.True(b, next.Claim)
	require.Equal(b, order.Accepted, b.accept("5").State)
}

// deniedUnsent has an order's letter come when its worker's login was refused and its life was over.
func deniedUnsent(b *bench) {
	b.served(7)
	deny := func(epoch fleet.Epoch) {
		b.Deny("ann", "the account is closed")
		b.commit(b.says("", epoch, fleet.OutcomeDenied, because("the account is closed"), uncalled))
	}
	marked := b.accept("1")
	deny(6)
	b.stands(marked.ID, order.Dispatched)
	deny(7)
	r := b.stands(marked.ID, order.Rejected)
	require.Equal(b, "the broker refuses the user's credentials: the account is closed", r.Reason)
	require.False(b, r.Proven)

	b.Deny("ann", "")
	doubted := b.accept("2")
	b.commit(b.says(doubted.ID, 7, fleet.OutcomeDoubt))
	b.served(8)
	b.sent(b.commit(b.says(doubted.ID, 8, fleet.OutcomeAbsent, absence(time.Hour, true))), fleet.MailOrder, doubted.ID)
	deny(8)
	b.stands(doubted.ID, order.Unknown)
}

// deniedAfterCalls has a session refused that was logged in: the order may have been sent, whoever's word comes first.
func deniedAfterCalls(b *bench) {
	b.served(7)
	sent, behind := b.accept("1"), b.accept("2")
	b.Deny("ann", "the key is withdrawn")
	b.served(0)
	b.commit(b.says("", 7, fleet.OutcomeDenied, because("the key is withdrawn")))
	b.stands(sent.ID, order.Dispatched)
	mail, next := b.attend(11 * time.Second)
	require.Empty(b, mail)
	require.False(b, next.Claim)
	r := b.stands(sent.ID, order.Unknown)
	require.Contains(b, r.Reason, "until others are stored: the broker refuses the user's credentials: the key is withdrawn")
	before, err := b.Events(b.ctx, "ann", 0, 100)
	require.NoError(b, err)
	told := 0
	for range 40 { // over an hour, in which nobody can ask: it is not given up for that
		_, next = b.attend(2 * time.Minute)
		for _, c := range next.Changes {
			if c.To == order.Unknown {
				require.True(b, c.End)
				told++
			}
		}
	}
	require.Equal(b, 1, told, "operators are told once")
	after, err := b.Events(b.ctx, "ann", before[len(before)-1].Number, 100)
	require.NoError(b, err)
	require.Len(b, after, 1, "the user is told again and again")
	require.Equal(b, behind.ID, after[0].Order)
	r = b.stands(sent.ID, order.Unknown)
	require.False(b, r.CheckAt.IsZero(), "nobody has looked it up, and it is given up")
	b.stands(behind.ID, order.Expired)

	b.Deny("ann", "")
	require.True(b, b.accept("3").Claim, "it waits for nobody")
	_, next = b.attend(2 * time.Minute)
	require.True(b, next.Claim)
	b.served(8)
	served, err := b.ledger.Serve(b.ctx, "ann")
	require.NoError(b, err)
	b.sent(mails(served.Mail), fleet.MailVerify, sent.ID)
	b.commit(b.says(sent.ID, 8, fleet.OutcomeFilled, fill("f", "2")))
	b.stands(sent.ID, order.Filled)
	b.commit(b.says("", 7, fleet.OutcomeDenied, because("the key is withdrawn")), b.says("", 7, fleet.OutcomeDenied, uncalled))
	b.stands(sent.ID, order.Filled)
}

// A turn sees what it asked for, whatever became of it, and no order of others.
func sheetHasWanted(b *bench) {
	b.served(7)
	ids := make([]fleet.OrderID, 4)
	for i := range ids {
		ids[i] = b.accept(fmt.Sprint(i)).ID
		b.commit(b.says(ids[i], 7, fleet.OutcomeFilled, fill("f", "1"), fill("g", "1")))
	}
	open := b.accept("open").ID
	for want, expected := range map[*order.Want][]fleet.OrderID{
		{}:                           {open},
		{IDs: ids[:2]}:               {ids[0], ids[1], open},
		{Key: "3"}:                   {ids[3], open},
		{IDs: ids[1:2], Key: "3"}:    {ids[1], ids[3], open},
		{IDs: ids[1:2], Key: "1"}:    {ids[1], open},
		{IDs: []fleet.OrderID{open}}: {open},
	} {
		var seen []fleet.OrderID
		require.NoError(b, b.Turn(b.ctx, "ann", *want, func(s *order.Sheet) error {
			seen = nil
			for _, r := range s.Orders {
				seen = append(seen, r.ID)
				require.Len(b, r.Fills, map[bool]int{true: 0, false: 2}[r.ID == open])
			}
			return nil
		}))
		require.Equal(b, expected, seen, "%+v", *want)
	}
	b.Account("bea")
	require.NoError(b, b.Turn(b.ctx, "bea", order.Want{IDs: ids, Key: "3"}, func(s *order.Sheet) error {
		require.Empty(b, s.Orders)
		return nil
	}))
}

func markPasses(b *bench) {
	b.served(7)
	ids := []fleet.OrderID{b.accept("1").ID, b.accept("2").ID}
	for _, to := range []int{1, 0} {
		require.NoError(b, b.Turn(b.ctx, "ann", order.Want{}, func(s *order.Sheet) error {
			s.Find(ids[to]).State, s.Find(ids[1-to]).State = order.Dispatched, order.Accepted
			return nil
		}))
		b.stands(ids[to], order.Dispatched)
		b.stands(ids[1-to], order.Accepted)
	}
}

func failedTurn(b *bench) {
	b.served(7)
	a := b.accept("1")
	before := b.read(a.ID)
	failure := errors.New("a decision")
	err := b.Turn(b.ctx, "ann", order.Want{IDs: []fleet.OrderID{a.ID}}, func(s *order.Sheet) error {
		s.Book.Last += 10
		s.Book.Event += 10
		s.Events = append(s.Events, order.Event{Number: 99, Order: a.ID})
		s.Find(a.ID).State = order.Filled
		s.Orders = append(s.Orders, &order.Record{Order: fleet.Order{ID: "new", Sequence: 9, Quantity: amount("1")}, User: "ann", Key: "9", State: order.Working})
		return failure
	})
	require.Equal(b, failure, err, "it is returned as it is")
	require.Equal(b, plain(before), plain(b.read(a.ID)))
	_, err = b.Order(b.ctx, "ann", "new")
	require.ErrorIs(b, err, order.ErrNotFound)
	require.Equal(b, uint64(2), b.accept("2").Sequence)
	events, err := b.Events(b.ctx, "ann", 0, 100)
	require.NoError(b, err)
	require.Equal(b, uint64(3), events[len(events)-1].Number)
}

// crowd runs all at once and waits for them.
func crowd(n int, run func(i int)) {
	var all sync.WaitGroup
	for i := range n {
		all.Go(func() { run(i) })
	}
	all.Wait()
}

func crowdAccepts(b *bench) {
	const keys, each = 8, 6
	b.served(7)
	var mu sync.Mutex
	ids, fresh, letters := map[string]map[fleet.OrderID]bool{}, 0, 0
	crowd(keys*each, func(i int) {
		key := fmt.Sprint(i % keys)
		a, err := b.ledger.Accept(b.ctx, "ann", draft(key))
		mu.Lock()
		defer mu.Unlock()
		if err != nil {
			b.Errorf("accept: %v", err)
			return
		}
		if ids[key] == nil {
			ids[key] = map[fleet.OrderID]bool{}
		}
		ids[key][a.ID] = true
		letters += len(a.Mail)
		if !a.Replayed {
			fresh++
		}
	})
	require.Equal(b, keys, fresh)
	require.Equal(b, 1, letters, "more than one was marked")
	for key, of := range ids {
		require.Len(b, of, 1, key)
	}
	orders, err := b.Orders(b.ctx, "ann", 0, 100)
	require.NoError(b, err)
	require.Len(b, orders, keys)
	for i, r := range orders {
		require.Equal(b, uint64(keys-i), r.Sequence)
	}
}

func crowdCommits(b *bench) {
	b.served(7)
	ids := make([]fleet.OrderID, 5)
	for i := range ids {
		ids[i] = b.accept(fmt.Sprint(i)).ID
	}
	for i, id := range ids {
		outcome := b.says(id, 7, fleet.OutcomeFilled, fill("f", "2"))
		var mu sync.Mutex
		marked := 0
		crowd(6, func(int) {
			next, _, err := b.ledger.Commit(b.ctx, "ann", []fleet.Outcome{outcome})
			mu.Lock()
			defer mu.Unlock()
			if err != nil {
				b.Errorf("commit: %v", err)
			}
			marked += len(next.Mail) - 1
		})
		require.Len(b, b.stands(id, order.Filled).Fills, 1)
		require.Equal(b, min(1, len(ids)-1-i), marked, "order %d", i)
	}
}

func turnsFollow(b *bench) {
	const turns = 24
	crowd(turns, func(int) {
		err := b.Turn(b.ctx, "ann", order.Want{}, func(s *order.Sheet) error {
			s.Book.Event++
			s.Events = append(s.Events, order.Event{Number: s.Book.Event, Order: "o", State: order.Accepted, Filled: "0", Quantity: "1", Symbol: "X", At: s.Now})
			return nil
		})
		if err != nil {
			b.Errorf("turn: %v", err)
		}
	})
	events, err := b.Events(b.ctx, "ann", 0, 100)
	require.NoError(b, err)
	require.Len(b, events, turns, "two turns saw the same book")
	for i := 1; i < len(events); i++ {
		require.False(b, events[i].At.Before(events[i-1].At), "the clock of the turns goes back")
	}
}
