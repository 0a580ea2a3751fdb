package sessiontest

import (
	"testing"

	"github.com/stretchr/testify/require"

	"workerfleet/runtime/session"
)

// RunSafe holds a safe to the contract. fresh returns an empty one.
func RunSafe(t *testing.T, fresh func(t *testing.T) session.Safe) {
	t.Run("credentials are kept by user, the last ones win", func(t *testing.T) {
		s, ctx := fresh(t), t.Context()
		_, err := s.Encrypted(ctx, "ann")
		require.ErrorIs(t, err, session.ErrNoCredentials)
		require.NoError(t, s.Keep(ctx, "ann", []byte{0, 1, 255}))
		require.NoError(t, s.Keep(ctx, "bea", []byte("bea")))
		require.NoError(t, s.Keep(ctx, "ann", []byte{0, 2, 255}))
		kept, err := s.Encrypted(ctx, "ann")
		require.NoError(t, err)
		require.Equal(t, []byte{0, 2, 255}, kept)
	})
}
