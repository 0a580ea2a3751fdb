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

// An order in doubt whose user gets nobody is looked at less and less often and never given up, as nobody has been asked;
// operators are told of it once. Who begins to act for the user is asked at once, and a quarter of an hour long. Time is a bubble's.
func TestUnserved(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		session := order.Session{Epoch: 7, Worker: "w", Host: "h", Life: 1}
		memory := order.NewMemory(func(fleet.User) bool { return true }, func(fleet.User) order.Session { return session })
		ledger, ctx := order.New(memory, order.Rules{}), context.Background()
		a, err := ledger.Accept(ctx, "ann", order.Draft{Key: "k", Symbol: "A", Side: fleet.Buy, Quantity: decimal.NewFromInt(1), Type: fleet.Market, TimeInForce: fleet.Day})
		require.NoError(t, err)
		_, _, err = ledger.Commit(ctx, "ann", []fleet.Outcome{{User: "ann", Epoch: 7, Order: a.ID, Number: 1, State: fleet.OutcomeDoubt}})
		require.NoError(t, err)
		claims, told := 0, 0
		attend := func(d time.Duration) (letters []order.Letter) {
			for range d / time.Second {
				time.Sleep(time.Second)
				next, err := ledger.Attend(ctx, "ann")
				require.NoError(t, err)
				if next.Claim {
					claims++
				}
				for _, c := range next.Changes {
					require.True(t, c.End)
					told++
				}
				letters = append(letters, next.Mail...)
			}
			return letters
		}
		session = order.Session{}
		require.Empty(t, attend(10*time.Minute))
		require.Zero(t, told, "operators are told too soon")
		require.Empty(t, attend(110*time.Minute))
		require.Equal(t, 1, told, "operators are told once")
		require.Less(t, claims, 130)
		session = order.Session{Epoch: 8, Worker: "w2", Host: "h", Life: 1}
		next, err := ledger.Serve(ctx, "ann")
		require.NoError(t, err)
		require.Len(t, next.Mail, 1, "it is looked up at once")
		require.Equal(t, fleet.MailVerify, next.Mail[0].Mail.Kind)
		asked := len(attend(time.Hour))
		require.Greater(t, asked, 12, "looks while nobody acted were counted as look-ups")
		require.Less(t, asked, 20)
		require.Equal(t, 1, told, "operators are told again")
		r, err := memory.Order(ctx, "ann", a.ID)
		require.NoError(t, err)
		require.Equal(t, order.Unknown, r.State)
		require.Zero(t, r.CheckAt)
	})
}
