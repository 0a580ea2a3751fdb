package ordertest

import (
	"strings"

	"github.com/stretchr/testify/require"

	"workerfleet/runtime/fleet"
	"workerfleet/runtime/fleet/fleettest"
	"workerfleet/runtime/order"
)

// Whatever stands where a user's, an order's or a broker's name is expected: it is kept as it is, found by itself alone, and
// nothing of anybody else changes. The interface refuses most of it before; a ledger does not rest on that.
func textsAreData(b *bench) {
	b.served(7)
	untouched := b.accept("1")
	before := plain(b.read(untouched.ID))
	events, err := b.Events(b.ctx, "ann", 0, 10)
	require.NoError(b, err)
	for n, text := range fleettest.Hostile() {
		user := fleet.User(text)
		b.Account(user)
		b.Session(user, order.Session{Epoch: fleet.Epoch(n + 1), Worker: fleet.Worker(text), Host: fleet.Host(text), Life: 1})
		asked := draft(text)
		asked.Symbol = text
		first, err := b.ledger.Accept(b.ctx, user, asked)
		require.NoError(b, err, text)
		require.Equal(b, fleet.Host(text), first.Mail[0].Host)
		again, err := b.ledger.Accept(b.ctx, user, asked)
		require.NoError(b, err)
		require.True(b, again.Replayed)
		require.Equal(b, plain(first.Record), plain(again.Record))
		_, _, err = b.ledger.Cancel(b.ctx, user, fleet.OrderID(text))
		require.ErrorIs(b, err, order.ErrNotFound, text)

		require.NoError(b, b.Halt(b.ctx, user, true, text))
		require.NoError(b, b.Suspend(b.ctx, user, true, text))
		halts, err := b.Halts(b.ctx)
		require.NoError(b, err)
		require.Len(b, halts, 2)
		require.Equal(b, []string{text, text}, []string{string(halts[0].User), halts[1].Reason})
		require.NoError(b, b.Halt(b.ctx, user, false, ""))
		require.NoError(b, b.Suspend(b.ctx, user, false, ""))

		filled := b.says(first.ID, fleet.Epoch(n+1), fleet.OutcomeRejected, because(text), fill(text, "1"))
		filled.User, filled.BrokerID = user, text
		_, strays, err := b.ledger.Commit(b.ctx, user, []fleet.Outcome{filled})
		require.NoError(b, err)
		require.Empty(b, strays)
		list, err := b.Orders(b.ctx, user, 0, 10)
		require.NoError(b, err)
		require.Len(b, list, 1, text)
		r := list[0]
		require.Equal(b, []string{text, text, text, text, text}, []string{r.Key, r.Symbol, r.Reason, r.BrokerID, r.Fills[0].ID})
		told, err := b.Events(b.ctx, user, 0, 10)
		require.NoError(b, err)
		require.Equal(b, text, told[len(told)-1].Reason)
	}
	require.Equal(b, before, plain(b.read(untouched.ID)))
	after, err := b.Events(b.ctx, "ann", 0, 10)
	require.NoError(b, err)
	require.Len(b, after, len(events))
	due, err := b.Due(b.ctx, 100)
	require.NoError(b, err)
	require.Subset(b, []fleet.User{"ann"}, due, "somebody else waits for ever")

	// What no database takes in a text is refused, or replaced where a broker said it.
	_, err = b.ledger.Accept(b.ctx, "ann", draft("a\x00b"))
	if err == nil {
		list, err := b.Orders(b.ctx, "ann", 0, 1)
		require.NoError(b, err)
		require.Equal(b, "a\x00b", list[0].Key)
	}
	b.commit(b.says(untouched.ID, 7, fleet.OutcomeRejected, because("a\x00b\xff"+strings.Repeat("y", 600))))
	require.True(b, strings.HasPrefix(b.stands(untouched.ID, order.Rejected).Reason, "a?b?yyy"))
}
