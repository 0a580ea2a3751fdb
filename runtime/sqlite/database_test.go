package sqlite_test

import (
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"workerfleet/runtime/pool"
	"workerfleet/runtime/pool/pooltest"
	"workerfleet/runtime/session"
	"workerfleet/runtime/session/sessiontest"
	"workerfleet/runtime/sqlite"
)

func fresh(t *testing.T, path string) *sqlite.Database {
	t.Helper()
	database, err := sqlite.Open(t.Context(), path)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, database.Disconnect()) })
	return database
}

// The file keeps the contract of all authorities, of the safe and of the history of claims.
func TestDatabase(t *testing.T) {
	sessiontest.Run(t, func(t *testing.T) session.Authority { return fresh(t, filepath.Join(t.TempDir(), "fleet.db")) })
	pooltest.RunHistory(t, func(t *testing.T) pool.History { return fresh(t, filepath.Join(t.TempDir(), "fleet.db")) })
	sessiontest.RunSafe(t, func(t *testing.T) session.Safe { return fresh(t, filepath.Join(t.TempDir(), "fleet.db")) })
}

// What was begun is there after the file was closed and opened again, and the schema is not made twice.
func TestDatabaseLasts(t *testing.T) {
	path := filepath.Join(t.TempDir(), "fleet.db")
	want := session.Session{User: "ann", Epoch: 7, Worker: "w1", Host: "h1", Life: 2}
	first, err := sqlite.Open(t.Context(), path)
	require.NoError(t, err)
	require.NoError(t, first.Begin(t.Context(), want, 0))
	require.NoError(t, first.Disconnect())
	got, open, err := fresh(t, path).Current(t.Context(), "ann")
	require.NoError(t, err)
	require.True(t, open)
	require.Equal(t, want, got)
	_, err = sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "no", "such", "folder.db"))
	require.ErrorContains(t, err, "folder.db")
}
