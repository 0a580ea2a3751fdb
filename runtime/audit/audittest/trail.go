// Package audittest holds every trail to one contract.
package audittest

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"workerfleet/runtime/audit"
	"workerfleet/runtime/fleet"
	"workerfleet/runtime/fleet/fleettest"
)

// Run holds a trail to the contract. fresh returns an empty one.
func Run(t *testing.T, fresh func(t *testing.T) audit.Trail) {
	t.Run("entries are kept once, by user, the latest first", func(t *testing.T) {
		trail, ctx := fresh(t), t.Context()
		at := time.Now().UTC().Truncate(time.Millisecond)
		first := audit.Entry{ID: "1", User: "ann", Action: audit.WebhookMade, Detail: "h", At: at}
		for range 2 {
			require.NoError(t, trail.Note(ctx, first))
		}
		later := audit.Entry{ID: "2", User: "ann", Action: audit.OrdersOff, At: at.Add(time.Second)}
		require.NoError(t, trail.Note(ctx, later))
		require.NoError(t, trail.Note(ctx, audit.Entry{ID: "3", User: "bea", Action: audit.OrdersOff, At: at}))
		entries, err := trail.Entries(ctx, "ann", 10)
		require.NoError(t, err)
		require.Len(t, entries, 2)
		require.True(t, later.At.Equal(entries[0].At))
		entries[1].At = at
		require.Equal(t, first, entries[1])
		entries, err = trail.Entries(ctx, "ann", 1)
		require.NoError(t, err)
		require.Len(t, entries, 1)
	})

	t.Run("a detail is data, whatever stands in it", func(t *testing.T) {
		trail, ctx := fresh(t), t.Context()
		at := time.Now().UTC().Truncate(time.Millisecond)
		require.NoError(t, trail.Note(ctx, audit.Entry{ID: "1", User: "ann", Action: audit.OrdersOff, At: at}))
		for _, text := range fleettest.Hostile() {
			require.NoError(t, trail.Note(ctx, audit.Entry{ID: text, User: fleet.User(text), Action: audit.WebhookMade, Detail: text, At: at}))
			entries, err := trail.Entries(ctx, fleet.User(text), 10)
			require.NoError(t, err)
			require.Len(t, entries, 1, text)
			require.Equal(t, []string{text, text}, []string{entries[0].ID, entries[0].Detail})
		}
		entries, err := trail.Entries(ctx, "ann", 10)
		require.NoError(t, err)
		require.Len(t, entries, 1)
	})
}
