// Package valkeytest knows how tests reach real servers: a single one, and a cluster of three
// shards with replicas or without, whose lines can be made slow and cut.
package valkeytest

import (
	"os"
	"testing"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"

	"workerfleet/runtime/parts"
	"workerfleet/runtime/parts/partstest"
	"workerfleet/runtime/parts/server"
)

// Server starts a server of the part, redis-server or valkey-server, and returns a client on its socket. Both end with
// the test.
func Server(t testing.TB, part parts.Part) *redis.Client {
	t.Helper()
	program := partstest.Need(t, part)
	// A test's own folder may have a longer name than a socket's address takes.
	dir, err := os.MkdirTemp("", "v")
	require.NoError(t, err)
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	running, err := server.Valkey(t.Context(), program, dir)
	require.NoError(t, err)
	t.Cleanup(running.Stop)
	options, err := redis.ParseURL(running.URL)
	require.NoError(t, err)
	client := redis.NewClient(options)
	t.Cleanup(func() { _ = client.Close() })
	return client
}
