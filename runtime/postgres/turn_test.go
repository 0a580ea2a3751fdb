package postgres_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/require"

	"workerfleet/runtime/fleet"
	"workerfleet/runtime/order"
)

// A turn that fails – because the server refuses a row, or nobody waits for it any more – gives its one connection back fit
// for the next, and leaves no lock.
func TestTurnsThatFail(t *testing.T) {
	url, owner := migrated(t)
	database := connected(t, url, 1)
	bench := ledgerBench(t, database, owner)
	bench.Account("ann")
	rename := func(s *order.Sheet) error {
		s.Book.Day = "2000-01-01"
		s.Book.Event++
		s.Events = append(s.Events, order.Event{Number: s.Book.Event})
		return nil
	}
	for range 3 {
		err := database.Turn(t.Context(), "ann", order.Want{}, func(s *order.Sheet) error {
			s.Orders = append(s.Orders, &order.Record{Order: fleet.Order{ID: "none", Sequence: 1}, User: "ann", State: order.Accepted})
			return rename(s)
		})
		require.ErrorContains(t, err, "orders_quantity_check")
	}
	require.NoError(t, database.Turn(t.Context(), "ann", order.Want{}, rename))
	err := database.Turn(t.Context(), "ann", order.Want{}, func(s *order.Sheet) error {
		for n := range 2 {
			s.Orders = append(s.Orders, &order.Record{
				Order: fleet.Order{ID: fleet.NewOrderID(), Sequence: uint64(n + 1), Quantity: decimal.NewFromInt(1)},
				User:  "ann", Key: fmt.Sprint(n), State: order.Dispatched,
			})
		}
		return nil
	})
	require.ErrorContains(t, err, "orders_dispatched", "a turn marked two")

	hold, err := owner.Begin(t.Context())
	require.NoError(t, err)
	_, err = hold.Exec(t.Context(), `SELECT FROM order_book WHERE user_id = 'ann' FOR UPDATE`)
	require.NoError(t, err)
	short, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	err = database.Turn(short, "ann", order.Want{}, rename)
	require.ErrorIs(t, err, context.DeadlineExceeded)
	require.NoError(t, hold.Rollback(t.Context()))
	require.NoError(t, database.Turn(t.Context(), "ann", order.Want{}, rename))
	events, err := database.Events(t.Context(), "ann", 0, 10)
	require.NoError(t, err)
	require.Len(t, events, 2, "a turn that failed was written")
}

// What looks up and lists works where nothing may be written, as at the reader endpoint; a turn says that it does not.
func TestReaderEndpoint(t *testing.T) {
	url, owner := migrated(t)
	bench := ledgerBench(t, connected(t, url, 2), owner)
	bench.Account("ann")
	asked := benchDraft(1)
	accepted, err := order.New(bench.Keeper, order.Rules{}).Accept(t.Context(), "ann", asked)
	require.NoError(t, err)
	reader := connected(t, url+"&default_transaction_read_only=on", 2)
	found, err := reader.Order(t.Context(), "ann", accepted.ID)
	require.NoError(t, err)
	require.Equal(t, accepted.ID, found.ID)
	orders, err := reader.Orders(t.Context(), "ann", 0, 10)
	require.NoError(t, err)
	require.Len(t, orders, 1)
	events, err := reader.Events(t.Context(), "ann", 0, 10)
	require.NoError(t, err)
	require.Len(t, events, 1)
	_, err = order.New(reader, order.Rules{}).Accept(t.Context(), "ann", asked)
	require.ErrorContains(t, err, "read-only")
}
