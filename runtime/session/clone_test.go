package session_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"workerfleet/runtime/session"
)

// A clone stands still while the rows that it was cloned from go on: it is a backup.
func TestClone(t *testing.T) {
	m := session.NewMemory()
	require.NoError(t, m.Begin(t.Context(), session.Session{User: "ann", Epoch: 1, Worker: "w1", Host: "h1", Life: 1}, time.Second))
	backup := m.Clone()
	require.NoError(t, m.Dismiss(t.Context(), "ann", 1))
	require.NoError(t, m.Begin(t.Context(), session.Session{User: "bea", Epoch: 2, Worker: "w2", Host: "h1", Life: 1}, time.Second))
	_, open, err := backup.Current(t.Context(), "ann")
	require.NoError(t, err)
	require.True(t, open)
	latest, err := backup.Floor(t.Context())
	require.NoError(t, err)
	require.EqualValues(t, 1, latest)
}
