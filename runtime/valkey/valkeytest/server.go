// Package valkeytest knows how to start real servers for tests: a single one, and a cluster of three shards.
package valkeytest

import (
	"context"
	"fmt"
	"net"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"

	"workerfleet/runtime/parts"
	"workerfleet/runtime/parts/partstest"
)

// Server starts a server of the part, redis-server or valkey-server, and returns a client on its socket. Both end with
// the test.
func Server(t testing.TB, part parts.Part) *redis.Client {
	t.Helper()
	// A test's own folder may have a longer name than a socket's address takes.
	socket := filepath.Join(shortDir(t), "s")
	start(t, part, "--port", "0", "--unixsocket", socket)
	client := redis.NewClient(&redis.Options{Network: "unix", Addr: socket})
	t.Cleanup(func() { _ = client.Close() })
	ready(t, client)
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
	ctx := context.Background()
	var addresses []string
	for i := range shards {
		port, bus := freePort(t), freePort(t)
		start(t, part, "--port", port, "--bind", "127.0.0.1", "--cluster-enabled", "yes", "--cluster-port", bus)
		node := redis.NewClient(&redis.Options{Addr: net.JoinHostPort("127.0.0.1", port)})
		t.Cleanup(func() { _ = node.Close() })
		ready(t, node)
		from, to := i*slots/shards, (i+1)*slots/shards-1
		require.NoError(t, node.Do(ctx, "CLUSTER", "ADDSLOTSRANGE", from, to).Err())
		if i > 0 {
			require.NoError(t, nodes[0].Do(ctx, "CLUSTER", "MEET", "127.0.0.1", port, bus).Err())
		}
		nodes, addresses = append(nodes, node), append(addresses, node.Options().Addr)
	}
	require.Eventually(t, func() bool {
		for _, node := range nodes {
			info, err := node.ClusterInfo(ctx).Result()
			if err != nil || !strings.Contains(info, "cluster_state:ok") || !strings.Contains(info, fmt.Sprintf("cluster_known_nodes:%d", shards)) {
				return false
			}
		}
		return true
	}, 30*time.Second, 20*time.Millisecond, "the shards do not find one another")
	cluster = redis.NewClusterClient(&redis.ClusterOptions{Addrs: addresses})
	t.Cleanup(func() { _ = cluster.Close() })
	return cluster, nodes
}

// start runs a server that keeps nothing on disk, in a folder of its own, until the test ends.
func start(t testing.TB, part parts.Part, args ...string) {
	t.Helper()
	program := partstest.Need(t, part)
	command := exec.Command(program, append([]string{"--save", "", "--appendonly", "no", "--dir", t.TempDir()}, args...)...)
	command.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	require.NoError(t, command.Start())
	t.Cleanup(func() {
		_ = command.Process.Kill()
		_ = command.Wait()
	})
}

func ready(t testing.TB, client *redis.Client) {
	t.Helper()
	require.Eventually(t, func() bool { return client.Ping(context.Background()).Err() == nil }, 10*time.Second, 5*time.Millisecond, "the server does not answer")
}

func freePort(t testing.TB) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer listener.Close()
	return strconv.Itoa(listener.Addr().(*net.TCPAddr).Port)
}
