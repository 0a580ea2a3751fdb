package valkey

import (
	"fmt"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"

	"workerfleet/runtime/fleet"
	"workerfleet/runtime/parts"
	"workerfleet/runtime/valkey/valkeytest"
)

// Outcomes are taken once, come back when whoever took them does not settle them, and are gone when they are settled;
// waste stops nothing, and a store that lost everything goes on.
func TestInbox(t *testing.T) {
	embedded := redis.NewClient(&redis.Options{Addr: miniredis.RunT(t).Addr()})
	t.Cleanup(func() { _ = embedded.Close() })
	for name, client := range map[string]redis.UniversalClient{"miniredis": embedded, "redis": valkeytest.Server(t, parts.Redis)} {
		t.Run(name, func(t *testing.T) {
			ctx := t.Context()
			mail, one, two := NewMail(client), NewInbox(client, "one"), NewInbox(client, "two")
			for n := range 3 {
				require.NoError(t, mail.Report(ctx, fleet.Outcome{User: "ann", Epoch: 1 << 60, Order: fleet.OrderID(fmt.Sprint("o", n)), Number: uint64(n + 1)}))
			}
			require.NoError(t, client.XAdd(ctx, &redis.XAddArgs{Stream: outcomes, Values: []any{"m", "garbage"}}).Err())
			first, err := one.Take(ctx, 2)
			require.NoError(t, err)
			require.Len(t, first, 2)
			require.Equal(t, fleet.Epoch(1<<60), first[0].Epoch)
			rest, err := two.Take(ctx, 10)
			require.NoError(t, err)
			require.Len(t, rest, 1)
			require.NoError(t, two.Settle(ctx, []string{rest[0].ID}))
			require.NoError(t, one.Settle(ctx, []string{first[0].ID}))
			none, err := two.Take(ctx, 10)
			require.NoError(t, err)
			require.Empty(t, none)
			require.Equal(t, int64(1), client.XLen(ctx, outcomes).Val(), "what is settled does not stay")
			time.Sleep(abandoned - patience)
			back, err := two.Take(ctx, 10)
			require.NoError(t, err)
			require.Len(t, back, 1)
			require.Equal(t, first[1], back[0])

			require.NoError(t, mail.Report(ctx, fleet.Outcome{User: "ann", Epoch: 1, Number: 9, State: fleet.OutcomeDenied}))
			require.NoError(t, mail.Report(ctx, fleet.Outcome{User: "ann", Epoch: 1, Number: 9, State: fleet.OutcomeFilled}), "of no order")
			denied, err := one.Take(ctx, 10)
			require.NoError(t, err)
			require.Len(t, denied, 1)
			require.Equal(t, fleet.OutcomeDenied, denied[0].State)

			require.NoError(t, client.FlushAll(ctx).Err())
			require.NoError(t, mail.Report(ctx, fleet.Outcome{User: "ann", Order: "after", Number: 1}))
			after, err := one.Take(ctx, 10)
			require.NoError(t, err)
			require.Len(t, after, 1)

			halted, err := mail.Halted(ctx)
			require.NoError(t, err)
			require.False(t, halted)
			require.NoError(t, one.Show(ctx, true))
			halted, err = mail.Halted(ctx)
			require.NoError(t, err)
			require.True(t, halted)
			require.NoError(t, one.Show(ctx, false))
			halted, err = mail.Halted(ctx)
			require.NoError(t, err)
			require.False(t, halted)
		})
	}
}
