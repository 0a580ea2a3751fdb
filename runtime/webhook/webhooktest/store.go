// Package webhooktest holds every store of webhooks to one contract.
package webhooktest

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"workerfleet/runtime/fleet"
	"workerfleet/runtime/fleet/fleettest"
	"workerfleet/runtime/webhook"
)

// Run holds a store to the contract. fresh returns an empty one.
func Run(t *testing.T, fresh func(t *testing.T) webhook.Store) {
	t.Run("hooks are their user's alone", func(t *testing.T) {
		s, ctx := fresh(t), t.Context()
		_, err := s.Hook(ctx, "a")
		require.ErrorIs(t, err, webhook.ErrToken)
		require.NoError(t, s.AddHook(ctx, webhook.Hook{Name: "a", User: "ann", Secret: []byte{0, 255}}))
		require.NoError(t, s.AddHook(ctx, webhook.Hook{Name: "b", User: "bea", Secret: []byte("b")}))
		require.Error(t, s.AddHook(ctx, webhook.Hook{Name: "a", User: "bea", Secret: []byte("stolen")}), "a name twice")
		h, err := s.Hook(ctx, "a")
		require.NoError(t, err)
		require.Equal(t, []byte{0, 255}, h.Secret)
		require.Equal(t, "ann", string(h.User))
		require.WithinDuration(t, time.Now(), h.CreatedAt, time.Minute)
		list, err := s.Hooks(ctx, "ann")
		require.NoError(t, err)
		require.Len(t, list, 1)
		require.ErrorIs(t, s.RemoveHook(ctx, "bea", "a"), webhook.ErrToken, "another user's")
		require.NoError(t, s.RemoveHook(ctx, "ann", "a"))
		require.ErrorIs(t, s.RemoveHook(ctx, "ann", "a"), webhook.ErrToken)
		_, err = s.Hook(ctx, "a")
		require.ErrorIs(t, err, webhook.ErrToken)
	})

	t.Run("a name is data, whatever stands in it", func(t *testing.T) {
		s, ctx := fresh(t), t.Context()
		require.NoError(t, s.AddHook(ctx, webhook.Hook{Name: "a", User: "ann", Secret: []byte("a")}))
		for _, text := range fleettest.Hostile() {
			_, err := s.Hook(ctx, text)
			require.ErrorIs(t, err, webhook.ErrToken, text)
			require.ErrorIs(t, s.RemoveHook(ctx, "ann", text), webhook.ErrToken)
			require.ErrorIs(t, s.RemoveHook(ctx, fleet.User(text), "a"), webhook.ErrToken)
			require.NoError(t, s.AddHook(ctx, webhook.Hook{Name: text, User: fleet.User(text), Secret: []byte(text)}))
			h, err := s.Hook(ctx, text)
			require.NoError(t, err)
			require.Equal(t, text, string(h.User))
			list, err := s.Hooks(ctx, fleet.User(text))
			require.NoError(t, err)
			require.Len(t, list, 1)
		}
		list, err := s.Hooks(ctx, "ann")
		require.NoError(t, err)
		require.Len(t, list, 1)
	})
}
