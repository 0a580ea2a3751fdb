package sessiontest

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"workerfleet/runtime/fleet"
	"workerfleet/runtime/session"
)

// Keeper is a safe beside the authority whose sessions are begun with what is in it.
type Keeper interface {
	session.Safe
	session.Authority
}

// RunSafe holds a safe to the contract. fresh returns an empty one.
func RunSafe(t *testing.T, fresh func(t *testing.T) Keeper) {
	t.Run("credentials are kept by user, the last ones win", func(t *testing.T) {
		s, ctx := fresh(t), t.Context()
		_, err := s.Encrypted(ctx, "ann")
		require.ErrorIs(t, err, session.ErrNoCredentials)
		require.True(t, session.Unserved(err))
		require.NoError(t, s.Keep(ctx, "ann", []byte{0, 1, 255}))
		require.NoError(t, s.Keep(ctx, "bea", []byte("bea")))
		require.NoError(t, s.Keep(ctx, "ann", []byte{0, 2, 255}))
		kept, err := s.Encrypted(ctx, "ann")
		require.NoError(t, err)
		require.Equal(t, []byte{0, 2, 255}, kept)
	})

	t.Run("what the broker refuses is given to nobody, until others are kept", func(t *testing.T) {
		s, ctx := fresh(t), t.Context()
		given := func(user fleet.User) {
			t.Helper()
			_, err := s.Encrypted(ctx, user)
			require.NoError(t, err)
		}
		for _, user := range []fleet.User{"ann", "bea", "cid"} {
			require.NoError(t, s.Keep(ctx, user, []byte("first")))
		}
		require.NoError(t, s.Begin(ctx, on("cid", "w-cid", 1, 30), longWait))
		require.NoError(t, s.Refuse(ctx, "cid", 30, "no"))
		given("cid") // the session may have begun with earlier ones
		time.Sleep(session.KeptBefore)
		require.NoError(t, s.Begin(ctx, on("ann", "w-ann", 1, 10), longWait))
		require.NoError(t, s.Begin(ctx, on("bea", "w-bea", 1, 20), longWait))
		require.NoError(t, s.Refuse(ctx, "ann", 9, "an earlier session's"))
		require.NoError(t, s.Refuse(ctx, "dot", 9, "nobody's"))
		given("ann")
		require.NoError(t, s.Close(ctx, "ann", 10))
		require.NoError(t, s.Refuse(ctx, "ann", 10, "the account is closed"))
		_, err := s.Encrypted(ctx, "ann")
		var refused *session.Refused
		require.ErrorAs(t, err, &refused)
		require.Equal(t, "the account is closed", refused.Reason)
		require.WithinDuration(t, time.Now(), refused.Since, time.Minute)
		require.True(t, session.Unserved(err))
		given("bea")
		require.NoError(t, s.Keep(ctx, "ann", []byte("second")))
		given("ann")
		require.NoError(t, s.Refuse(ctx, "ann", 10, "the first ones"))
		given("ann") // the session was begun with the first ones
		require.NoError(t, s.Keep(ctx, "bea", []byte("second")))
		time.Sleep(session.KeptBefore + 10*time.Millisecond)
		kept, err := s.Affirm(ctx, on("bea", "w-bea", 1, 20))
		require.NoError(t, err)
		require.True(t, kept)
		require.NoError(t, s.Refuse(ctx, "bea", 20, "the first ones"))
		given("bea") // the session goes on since, and was begun with the first ones
	})
}
