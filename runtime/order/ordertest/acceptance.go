package ordertest

import (
	"fmt"
	"time"

	"github.com/stretchr/testify/require"

	"workerfleet/runtime/fleet"
	"workerfleet/runtime/order"
)

// plain writes times and amounts alike, as different databases return them.
func plain(r order.Record) order.Record {
	for _, t := range []*time.Time{&r.EmitBy, &r.CheckAt, &r.ValidUntil, &r.AcceptedAt, &r.ChangedAt} {
		*t = t.UTC().Truncate(time.Millisecond)
	}
	r.Quantity, r.LimitPrice = amount(r.Quantity.String()), amount(r.LimitPrice.String())
	return r
}

func acceptedOnce(b *bench) {
	session := b.served(7)
	asked := order.Draft{
		Key: "k~1", Symbol: "BRK.B", Side: fleet.Sell, Quantity: amount("999999999999.123456789"), Type: fleet.Limit,
		LimitPrice: amount("0.000000001"), TimeInForce: fleet.GoodTillCancelled,
	}
	first := b.acceptDraft(asked)
	require.False(b, first.Replayed)
	require.Equal(b, order.Dispatched, first.State)
	require.Equal(b, uint64(1), first.Sequence)
	require.Equal(b, fleet.Epoch(7), first.Epoch)
	require.WithinDuration(b, first.AcceptedAt.Add(time.Minute), first.ValidUntil, time.Millisecond)
	require.WithinDuration(b, first.AcceptedAt.Add(10*time.Second), first.EmitBy, time.Millisecond)
	sent := first.Order
	require.Equal(b, []order.Letter{{Host: session.Host, Mail: fleet.Mail{
		Kind: fleet.MailOrder, Worker: session.Worker, Life: session.Life, User: "ann", Epoch: 7, Order: &sent,
	}}}, first.Mail)
	require.Len(b, first.Changes, 2)
	require.Equal(b, plain(first.Record), plain(b.read(first.ID)), "what is kept is what was answered")

	asked.Quantity, asked.LimitPrice = amount("999999999999.1234567890"), amount("0.0000000010")
	again := b.acceptDraft(asked)
	require.True(b, again.Replayed)
	require.Equal(b, plain(first.Record), plain(again.Record))
	require.Empty(b, again.Mail)
	asked.Symbol = "BRK.A"
	_, err := b.ledger.Accept(b.ctx, "ann", asked)
	require.ErrorIs(b, err, order.ErrOtherOrder)
	require.True(b, order.Refusal(err))

	b.Account("bea")
	other, err := b.ledger.Accept(b.ctx, "bea", asked)
	require.NoError(b, err, "keys are each user's own")
	require.NotEqual(b, first.ID, other.ID)
	b.commit(b.says(first.ID, 7, fleet.OutcomeFilled))
	asked.Symbol = "BRK.B"
	require.Equal(b, order.Filled, b.acceptDraft(asked).State, "a key is known after its order's end")
	asked.Key = ""
	_, err = b.ledger.Accept(b.ctx, "ann", asked)
	var invalid *order.Invalid
	require.ErrorAs(b, err, &invalid, "an order without a key cannot be told from its repetition")
}

func refusalsLeaveNothing(b *bench) {
	nothing := func(user fleet.User, why error) {
		_, err := b.ledger.Accept(b.ctx, user, draft("k"))
		require.ErrorIs(b, err, why)
		require.True(b, order.Refusal(err))
		orders, err := b.Orders(b.ctx, user, 0, 10)
		require.NoError(b, err)
		require.Empty(b, orders)
		events, err := b.Events(b.ctx, user, 0, 10)
		require.NoError(b, err)
		require.Empty(b, events)
	}
	nothing("nobody", order.ErrNoAccount)
	next, err := b.ledger.Attend(b.ctx, "nobody")
	require.NoError(b, err)
	require.Zero(b, next)
	b.halt("ann", true)
	nothing("ann", order.ErrHalted)
	b.halt("ann", false)
	b.halt("", true)
	nothing("ann", order.ErrHalted)
	b.halt("", false)
	b.halt("bea", true)
	require.Equal(b, uint64(1), b.accept("k").Sequence, "a refusal took a number, or another user's halt counts")
	b.halt("ann", true)
	require.True(b, b.accept("k").Replayed, "what was accepted is answered while orders are off")
}

func dailyLimit(b *bench) {
	b.ledger = order.New(b.Keeper, order.Rules{Daily: 2})
	for try := 0; ; try++ { // until no midnight falls into it
		day := time.Now().UTC().Format(time.DateOnly)
		key := func(n int) string { return fmt.Sprint(try, "-", n) }
		b.accept(key(1))
		b.accept(key(2))
		require.True(b, b.accept(key(2)).Replayed)
		_, err := b.ledger.Accept(b.ctx, "ann", draft(key(3)))
		if day != time.Now().UTC().Format(time.DateOnly) {
			continue
		}
		var many *order.TooMany
		require.ErrorAs(b, err, &many)
		require.True(b, order.Refusal(err))
		require.Equal(b, 2, many.Limit)
		require.WithinDuration(b, time.Now().Add(12*time.Hour), many.Until, 12*time.Hour)
		b.Age("ann", 24*time.Hour)
		b.accept(key(3))
		b.accept(key(4))
		_, err = b.ledger.Accept(b.ctx, "ann", draft(key(5)))
		require.ErrorAs(b, err, &many)
		return
	}
}

func oneInFlight(b *bench) {
	b.served(7)
	first, second, third := b.accept("1"), b.accept("2"), b.accept("3")
	require.Len(b, first.Mail, 1)
	require.Equal(b, order.Accepted, second.State)
	require.Empty(b, append(second.Mail, third.Mail...))
	require.Equal(b, []uint64{1, 2, 3}, []uint64{first.Sequence, second.Sequence, third.Sequence})
	b.commit(b.says(first.ID, 7, fleet.OutcomeDoubt))
	b.stands(first.ID, order.Unknown)
	b.stands(second.ID, order.Accepted)
	b.sent(b.commit(b.says(first.ID, 7, fleet.OutcomeWorking)), fleet.MailOrder, second.ID)
	b.sent(b.commit(b.says(second.ID, 7, fleet.OutcomeRejected)), fleet.MailOrder, third.ID)
	require.Empty(b, b.commit(b.says(third.ID, 7, fleet.OutcomeFilled), b.says(first.ID, 7, fleet.OutcomeCancelled)))
}

func nobodyServes(b *bench) {
	a := b.accept("1")
	require.Equal(b, order.Accepted, a.State)
	require.True(b, a.Claim)
	_, next := b.attend(time.Second)
	require.True(b, next.Claim, "a claim that was lost is made again")
	b.served(7)
	mail, next := b.attend(0)
	require.False(b, next.Claim)
	b.sent(mail, fleet.MailOrder, a.ID)
}

func longQueue(b *bench) {
	const many = 150 // more than a turn reads
	ids := make([]fleet.OrderID, many)
	for i := range ids {
		ids[i] = b.accept(fmt.Sprint(i)).ID
	}
	b.served(7)
	mail, _ := b.attend(0)
	for _, id := range ids[:many/2] {
		b.sent(mail, fleet.MailOrder, id)
		mail = b.commit(b.says(id, 7, fleet.OutcomeFilled))
	}
	b.Age("ann", 2*time.Minute)
	for range many {
		due, err := b.Due(b.ctx, 1)
		require.NoError(b, err)
		if len(due) == 0 {
			break
		}
		b.attend(0)
	}
	b.stands(ids[many/2], order.Unknown)
	for _, id := range ids[many/2+1:] {
		b.stands(id, order.Expired)
	}
}

// A look at an order is a write: one that waits for another is not looked at before it expires or comes first.
func waitsQuietly(b *bench) {
	b.served(7)
	first, second := b.accept("1"), b.accept("2")
	for range 3 {
		b.attend(3 * time.Second)
	}
	r := b.stands(second.ID, order.Accepted)
	require.True(b, r.CheckAt.Equal(r.ValidUntil))
	b.served(0)
	b.commit(b.says(first.ID, 7, fleet.OutcomeFilled))
	r = b.stands(second.ID, order.Accepted)
	require.WithinDuration(b, time.Now(), r.CheckAt, 3*time.Second, "a claim that is lost is not made again in time")
}

func cancelled(b *bench) {
	cancel := func(id fleet.OrderID) (order.Record, []fleet.Mail) {
		b.Helper()
		r, next, err := b.ledger.Cancel(b.ctx, "ann", id)
		require.NoError(b, err)
		return r, mails(next.Mail)
	}
	b.served(7)
	first, second, third := b.accept("1"), b.accept("2"), b.accept("3")
	r, mail := cancel(second.ID)
	require.Equal(b, order.Cancelled, r.State, "nobody was asked to execute it")
	require.False(b, r.Proven)
	require.Empty(b, mail)
	r, mail = cancel(first.ID)
	require.Equal(b, order.Dispatched, r.State)
	b.sent(mail, fleet.MailCancel, first.ID)
	_, mail = cancel(first.ID)
	require.Empty(b, mail, "it was asked already")
	mail, _ = b.attend(time.Second)
	b.sent(mail, fleet.MailCancel, first.ID)
	b.sent(b.commit(b.says(first.ID, 7, fleet.OutcomeUnsent)), fleet.MailOrder, third.ID)
	b.stands(first.ID, order.Cancelled)

	b.commit(b.says(third.ID, 7, fleet.OutcomeDoubt))
	_, mail = cancel(third.ID)
	b.sent(mail, fleet.MailCancel, third.ID)
	b.sent(b.commit(b.says(third.ID, 7, fleet.OutcomeWorking)), fleet.MailCancel, third.ID)
	b.commit(b.says(third.ID, 7, fleet.OutcomeCancelled, because("the user's wish")))
	require.True(b, b.stands(third.ID, order.Cancelled).Proven)

	fourth := b.accept("4")
	require.Empty(b, b.commit(b.says(fourth.ID, 7, fleet.OutcomeWorking)))
	_, mail = cancel(fourth.ID)
	b.sent(mail, fleet.MailCancel, fourth.ID)
	b.commit(b.says(fourth.ID, 7, fleet.OutcomeFilled))
	r, mail = cancel(fourth.ID)
	require.Equal(b, order.Filled, r.State, "what has ended stays as it is")
	require.Empty(b, mail)

	b.served(0)
	fifth := b.accept("5")
	b.served(8)
	b.attend(0)
	b.served(0)
	_, next, err := b.ledger.Cancel(b.ctx, "ann", fifth.ID)
	require.NoError(b, err)
	require.True(b, next.Claim, "somebody has to ask the broker")
	for user, id := range map[fleet.User]fleet.OrderID{"ann": "none", "bea": first.ID} {
		_, _, err := b.ledger.Cancel(b.ctx, user, id)
		require.ErrorIs(b, err, order.ErrNotFound)
		require.True(b, order.Refusal(err))
	}
}

func expires(b *bench) {
	lonely := b.accept("lonely")
	b.attend(59 * time.Second)
	b.stands(lonely.ID, order.Accepted)
	b.attend(2 * time.Second)
	require.False(b, b.stands(lonely.ID, order.Expired).Proven)

	short, stale := b.accept("short"), b.accept("stale")
	b.Age("ann", 55*time.Second)
	b.served(7)
	b.attend(0)
	r := b.stands(short.ID, order.Dispatched)
	require.True(b, r.EmitBy.Equal(r.ValidUntil), "its call may start after its end")
	b.commit(b.says(short.ID, 7, fleet.OutcomeFilled), b.says(stale.ID, 7, fleet.OutcomeUnsent))
	b.served(0)
	b.commit(b.says(stale.ID, 7, fleet.OutcomeUnsent))
	b.Age("ann", 6*time.Second)
	b.served(7)
	require.Equal(b, order.Dispatched, b.accept("next").State, "what came too late stands in the way")
	b.stands(stale.ID, order.Expired)
	b.commit(b.says(b.accept("next").ID, 7, fleet.OutcomeFilled))

	b.served(7)
	first, second := b.accept("1"), b.accept("2")
	b.commit(b.says(first.ID, 7, fleet.OutcomeDoubt))
	b.attend(61 * time.Second)
	b.stands(first.ID, order.Unknown)
	b.stands(second.ID, order.Expired)
	require.Empty(b, b.commit(b.says(first.ID, 7, fleet.OutcomeFilled)), "an expired order is marked")

	b.halt("ann", true)
	b.halt("ann", false)
	third, fourth := b.accept("3"), b.accept("4")
	b.halt("ann", true)
	require.Empty(b, b.commit(b.says(third.ID, 7, fleet.OutcomeFilled)), "marked while orders are off")
	mail, _ := b.attend(3 * time.Second)
	require.Empty(b, mail)
	b.halt("ann", false)
	mail, _ = b.attend(3 * time.Second)
	b.sent(mail, fleet.MailOrder, fourth.ID)
}
