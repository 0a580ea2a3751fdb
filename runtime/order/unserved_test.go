package order_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/require"

	"workerfleet/runtime/fleet"
	"workerfleet/runtime/order"
)

// An order in doubt whose user gets nobody is looked at less and less often, and in the end given up, which is told; who
// begins to act for the user before that looks it up at once. Time is a bubble's.
func TestUnserved(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		session := order.Session{Epoch: 7, Worker: "w", Host: "h", Life: 1}
		memory := order.NewMemory(func(fleet.User) bool { return true }, func(fleet.User) order.Session { return session })
		ledger, ctx := order.New(memory, order.Rules{}), context.Background()
		a, err := ledger.Accept(ctx, "ann", order.Draft{Key: "k", Symbol: "A", Side: fleet.Buy, Quantity: decimal.NewFromInt(1), Type: fleet.Market, TimeInForce: fleet.Day})
		require.NoError(t, err)
		_, _, err = ledger.Commit(ctx, "ann", []fleet.Outcome{{User: "ann", Epoch: 7, Order: a.ID, Number: 1, State: fleet.OutcomeDoubt}})
		require.NoError(t, err)
		session = order.Session{}
		claims, gaveUp, served := 0, false, false
		for range 3600 {
			time.Sleep(time.Second)
			next, err := ledger.Attend(ctx, "ann")
			require.NoError(t, err)
			if next.Claim {
				claims++
			}
			for _, c := range next.Changes {
				gaveUp = gaveUp || c.From == order.Unknown && c.To == order.Unknown
			}
			if claims == 10 && !served {
				served = true
				session = order.Session{Epoch: 8, Worker: "w2", Host: "h", Life: 1}
				next, err := ledger.Serve(ctx, "ann")
				require.NoError(t, err)
				require.Len(t, next.Mail, 1, "it is looked up at once")
				require.Equal(t, fleet.MailVerify, next.Mail[0].Mail.Kind)
				session = order.Session{}
			}
		}
		require.True(t, gaveUp)
		require.Less(t, claims, 30)
		r, err := memory.Order(ctx, "ann", a.ID)
		require.NoError(t, err)
		require.Equal(t, order.Unknown, r.State)
		require.Zero(t, r.CheckAt)
	})
}
