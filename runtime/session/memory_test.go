package session_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"workerfleet/runtime/session"
)

// A takeover that nobody completed counts for a while and no longer: whoever was to be taken over may have come back long
// ago, and be doubted by a keeper that was late. The suite, which runs on real clocks, cannot wait for that.
func TestTakeoverGrowsOld(t *testing.T) {
	now := time.Unix(1_000_000, 0)
	a := session.NewMemoryAt(func() time.Time { return now })
	const wait = 17 * time.Second
	require.NoError(t, a.Begin(t.Context(), session.Session{User: "ann", Worker: "w1", Life: 1, Epoch: 10}, wait))
	require.NoError(t, a.Doubt(t.Context(), wait, 0))
	now = now.Add(wait + session.TakeoverKept + time.Second)
	next := session.Session{User: "ann", Worker: "w2", Life: 1, Epoch: 11}
	var occupied *session.Occupied
	require.ErrorAs(t, a.Begin(t.Context(), next, wait), &occupied)
	require.Equal(t, wait, occupied.Wait)
	now = now.Add(wait + session.TakeoverKept)
	require.NoError(t, a.Begin(t.Context(), next, wait), "asked for again in time")
}
