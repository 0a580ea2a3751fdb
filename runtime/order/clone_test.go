package order_test

import (
	"testing"

	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/require"

	"workerfleet/runtime/fleet"
	"workerfleet/runtime/order"
)

// A clone stands still while the ledger that it was cloned from goes on: it is a backup.
func TestClone(t *testing.T) {
	m := order.NewMemory(func(fleet.User) bool { return true }, func(fleet.User) order.Session { return order.Session{} })
	l := order.New(m, order.Rules{})
	accept := func(key string) fleet.OrderID {
		a, err := l.Accept(t.Context(), "ann", order.Draft{
			Key: key, Symbol: "SYM", Side: fleet.Buy, Quantity: decimal.NewFromInt(1), Type: fleet.Market, TimeInForce: fleet.Day,
		})
		require.NoError(t, err)
		return a.ID
	}
	first := accept("1")
	require.NoError(t, m.Halt(t.Context(), "bea", true, "drill"))
	backup := m.Clone()
	accept("2")
	require.NoError(t, m.Suspend(t.Context(), "ann", true, "drill"))
	_, err := m.Recover(t.Context())
	require.NoError(t, err)

	kept, err := backup.Orders(t.Context(), "ann", 0, 10)
	require.NoError(t, err)
	require.Len(t, kept, 1)
	require.Equal(t, first, kept[0].ID)
	require.Equal(t, order.Accepted, kept[0].State)
	halts, err := backup.Halts(t.Context())
	require.NoError(t, err)
	require.Len(t, halts, 1)
	events, err := backup.Events(t.Context(), "ann", 0, 10)
	require.NoError(t, err)
	require.Len(t, events, 1)
}
