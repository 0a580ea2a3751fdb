// Package postgrestest knows how tests reach a real PostgreSQL server with the platform's schema.
package postgrestest

import (
	"os"
	"testing"

	"github.com/stretchr/testify/require"

	"workerfleet/runtime/parts"
	"workerfleet/runtime/parts/partstest"
	"workerfleet/runtime/parts/server"
)

// Server starts a server that ends with the test.
func Server(t testing.TB) *server.Server {
	t.Helper()
	program := partstest.Need(t, parts.Postgres)
	// A test's own folder may have a longer name than a socket's address takes, and be closed to the server's account.
	dir, err := os.MkdirTemp("", "p")
	require.NoError(t, err)
	require.NoError(t, os.Chmod(dir, 0o755))
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	running, err := server.Postgres(t.Context(), program, dir)
	require.NoError(t, err)
	t.Cleanup(running.Stop)
	return running
}
