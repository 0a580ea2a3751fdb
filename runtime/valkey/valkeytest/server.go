// Package valkeytest knows how tests reach real servers: a single one, and a cluster of three shards.
package valkeytest

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

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

// shards is the number of shards of a test cluster; slots are spread over them evenly.
const (
	shards = 3
	slots  = 16384
)

// Cluster starts three shards without replicas and returns a cluster client and one client a shard.
func Cluster(t testing.TB, part parts.Part) (cluster *redis.ClusterClient, nodes []*redis.Client) {
	t.Helper()
	ctx, program := t.Context(), partstest.Need(t, part)
	var addresses []string
	for i := range shards {
		port, bus := freePort(t), freePort(t)
		running, err := server.ValkeyNode(ctx, program, filepath.Join(t.TempDir(), fmt.Sprint(i)), port, bus)
		require.NoError(t, err)
		t.Cleanup(running.Stop)
		node := redis.NewClient(&redis.Options{Addr: strings.TrimPrefix(running.URL, "redis://")})
		t.Cleanup(func() { _ = node.Close() })
		from, to := i*slots/shards, (i+1)*slots/shards-1
		require.NoError(t, node.Do(ctx, "CLUSTER", "ADDSLOTSRANGE", from, to).Err())
		if i > 0 {
			require.NoError(t, nodes[0].Do(ctx, "CLUSTER", "MEET", "127.0.0.1", port, bus).Err())
		}
		nodes, addresses = append(nodes, node), append(addresses, node.Options().Addr)
	}
	require.Eventually(t, func() bool { return joined(ctx, nodes) }, 30*time.Second, 20*time.Millisecond, "the shards do not find one another")
	cluster = redis.NewClusterClient(&redis.ClusterOptions{Addrs: addresses})
	t.Cleanup(func() { _ = cluster.Close() })
	return cluster, nodes
}

func joined(ctx context.Context, nodes []*redis.Client) bool {
	for _, node := range nodes {
		info, err := node.ClusterInfo(ctx).Result()
		if err != nil || !strings.Contains(info, "cluster_state:ok") || !strings.Contains(info, fmt.Sprintf("cluster_known_nodes:%d", shards)) {
			return false
		}
	}
	return true
}

func freePort(t testing.TB) int {
	t.Helper()
	port, err := server.FreePort()
	require.NoError(t, err)
	return port
}
