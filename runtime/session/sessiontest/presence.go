package sessiontest

import (
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"workerfleet/runtime/fleet"
	"workerfleet/runtime/session"
)

// PresenceBench is an authority without rows, and its surroundings.
type PresenceBench struct {
	session.Authority
	session.Presence
	// Order makes the user's next order; one that may change, or one that has ended just now.
	Order func(user fleet.User, mayChange bool)
	// Age moves every moment that is kept back.
	Age func(time.Duration)
}

// RunPresence holds an authority to what it must know of idle sessions. fresh returns one without rows.
func RunPresence(t *testing.T, fresh func(t *testing.T) PresenceBench) {
	const unseen = 10 * time.Minute
	begin := func(t *testing.T, b PresenceBench, users ...string) {
		for i, user := range users {
			require.NoError(t, b.Begin(t.Context(), on(user, "w-"+user, 1, fleet.Epoch(i+1)), longWait))
		}
	}
	idle := func(t *testing.T, b PresenceBench, want ...fleet.User) {
		t.Helper()
		var got []fleet.User
		for after := fleet.User(""); ; after = got[len(got)-1] {
			page, err := b.Idle(t.Context(), unseen, after, 2)
			require.NoError(t, err)
			for _, s := range page {
				got = append(got, s.User)
			}
			if len(page) < 2 {
				break
			}
		}
		require.ElementsMatch(t, want, got)
		require.True(t, slices.IsSorted(got))
	}

	t.Run("who is not seen is idle, by user in pages", func(t *testing.T) {
		b := fresh(t)
		begin(t, b, "ann", "bea", "cid", "dot", "eve")
		b.Age(unseen - 10*time.Second)
		idle(t, b)
		require.NoError(t, b.Seen(t.Context(), "bea", time.Minute))
		require.NoError(t, b.Seen(t.Context(), "nobody", time.Minute))
		b.Age(20 * time.Second)
		idle(t, b, "ann", "cid", "dot", "eve")
		require.NoError(t, b.Close(t.Context(), "cid", 3))
		require.NoError(t, b.Dismiss(t.Context(), "dot", 4))
		idle(t, b, "ann", "eve")
		page, err := b.Idle(t.Context(), unseen, "ann", 10)
		require.NoError(t, err)
		require.Equal(t, []session.Session{on("eve", "w-eve", 1, 5)}, page)
		require.NoError(t, b.Begin(t.Context(), on("ann", "w-ann", 2, 9), 0))
		idle(t, b, "eve")
	})

	t.Run("seeing a user is written in a pace", func(t *testing.T) {
		b := fresh(t)
		begin(t, b, "ann")
		b.Age(6 * time.Minute)
		require.NoError(t, b.Seen(t.Context(), "ann", 7*time.Minute), "it was seen within the pace")
		b.Age(5 * time.Minute)
		idle(t, b, "ann")
		require.NoError(t, b.Seen(t.Context(), "ann", 7*time.Minute))
		idle(t, b)
	})

	t.Run("who has an order that may change, or had one, is not idle", func(t *testing.T) {
		b := fresh(t)
		begin(t, b, "ann", "bea", "cid")
		b.Age(unseen + time.Second)
		b.Order("ann", true)
		b.Order("bea", false)
		idle(t, b, "cid")
		b.Age(unseen + time.Second)
		idle(t, b, "bea", "cid")
		b.Order("ann", false)
		b.Age(unseen + time.Second)
		idle(t, b, "bea", "cid")
	})

	t.Run("who was dismissed is found until the row is closed, or it was long ago", func(t *testing.T) {
		b := fresh(t)
		begin(t, b, "ann", "bea", "cid")
		dismissed := func(want ...session.Session) {
			t.Helper()
			got, err := b.Dismissed(t.Context(), unseen, 10)
			require.NoError(t, err)
			require.ElementsMatch(t, want, got)
			require.True(t, len(got) < 2 || got[0].User == want[0].User, "the latest first")
		}
		dismissed()
		require.NoError(t, b.Dismiss(t.Context(), "ann", 1))
		b.Age(time.Minute)
		require.NoError(t, b.Dismiss(t.Context(), "bea", 2))
		dismissed(on("bea", "w-bea", 1, 2), on("ann", "w-ann", 1, 1))
		page, err := b.Dismissed(t.Context(), unseen, 1)
		require.NoError(t, err)
		require.Equal(t, []session.Session{on("bea", "w-bea", 1, 2)}, page)
		b.Age(unseen - 30*time.Second)
		dismissed(on("bea", "w-bea", 1, 2))
		require.NoError(t, b.Close(t.Context(), "bea", 2))
		dismissed()
	})
}
