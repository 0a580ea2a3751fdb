package order_test

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/require"

	"workerfleet/runtime/fleet"
	"workerfleet/runtime/order"
	"workerfleet/runtime/order/ordertest"
)

// The reference keeps the contract of all ledgers.
func TestMemory(t *testing.T) {
	ordertest.Run(t, func(*testing.T) ordertest.Bench { return memoryBench() })
}

func memoryBench() ordertest.Bench {
	var accounts, sessions, denials sync.Map
	memory := order.NewMemory(
		func(user fleet.User) bool { _, ok := accounts.Load(user); return ok },
		func(user fleet.User) order.Session {
			s, _ := sessions.LoadOrStore(user, order.Session{})
			return s.(order.Session)
		})
	memory.Denied = func(user fleet.User) string {
		reason, _ := denials.LoadOrStore(user, "")
		return reason.(string)
	}
	return ordertest.Bench{
		Keeper:  memory,
		Deny:    func(user fleet.User, reason string) { denials.Store(user, reason) },
		Account: func(user fleet.User) { accounts.Store(user, true) },
		Session: func(user fleet.User, s order.Session) {
			if s.Epoch == 0 {
				s = order.Session{}
			}
			sessions.Store(user, s)
		},
		Age: memory.Age,
	}
}

// One order goes its whole way: accepted and marked in one turn, answered by its worker, and the next one marked by the
// turn that commits the answer. The rest of what a ledger does is judged by the suite that every store passes.
func TestWay(t *testing.T) {
	session := order.Session{Epoch: 7, Worker: "w", Host: "h", Life: 3}
	ledger := order.New(order.NewMemory(func(fleet.User) bool { return true }, func(fleet.User) order.Session { return session }), order.Rules{})
	ctx := context.Background()
	draft := order.Draft{Key: "k1", Symbol: "AAPL", Side: fleet.Buy, Quantity: decimal.NewFromInt(2), Type: fleet.Market, TimeInForce: fleet.Day}

	first, err := ledger.Accept(ctx, "anna", draft)
	require.NoError(t, err)
	require.Equal(t, order.Dispatched, first.State)
	require.Len(t, first.Mail, 1)
	require.Equal(t, fleet.MailOrder, first.Mail[0].Mail.Kind)
	draft.Key = "k2"
	second, err := ledger.Accept(ctx, "anna", draft)
	require.NoError(t, err)
	require.Equal(t, order.Accepted, second.State)
	require.Empty(t, second.Mail)

	next, strays, err := ledger.Commit(ctx, "anna", []fleet.Outcome{{
		Worker: "w", Host: "h", Life: 3, User: "anna", Epoch: 7, Order: first.ID, Number: 1, State: fleet.OutcomeFilled,
		Fills: []fleet.Fill{{ID: "f", Quantity: decimal.NewFromInt(2), Price: decimal.NewFromInt(10), At: time.Now()}},
	}})
	require.NoError(t, err)
	require.Empty(t, strays)
	require.Len(t, next.Mail, 2)
	require.Equal(t, fleet.MailCommitted, next.Mail[0].Mail.Kind)
	require.Equal(t, second.ID, next.Mail[1].Mail.Order.ID)
}
