package valkeytest

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"

	"workerfleet/runtime/parts"
	"workerfleet/runtime/parts/partstest"
	"workerfleet/runtime/parts/relay"
	"workerfleet/runtime/parts/server"
)

// shards is the number of shards of a test cluster; slots are spread over them evenly.
const (
	shards = 3
	slots  = 16384
)

// patience bounds how long a test waits for servers to find one another on a busy machine.
const patience = 30 * time.Second

// Node is one server of a cluster.
type Node struct {
	*redis.Client
	*server.Server
	// ID is its name within the cluster.
	ID string
	// Line is what clients reach it through where the shards were started behind lines; else nil.
	Line *relay.Relay
	port int
	bus  int
}

// Shape says what a cluster is made of beside its three primaries.
type Shape struct {
	// Replicas is the program of each primary's replica; empty is none.
	Replicas string
	// Lines puts a line before each server, which is the address that the cluster tells its clients.
	Lines bool
}

// Shards are the servers of a cluster: a primary each, and its replica with the same index.
type Shards struct {
	Primaries, Replicas []*Node
}

// Cluster starts three shards without replicas and returns a cluster client and one client a shard.
func Cluster(t testing.TB, part parts.Part) (cluster *redis.ClusterClient, nodes []*redis.Client) {
	t.Helper()
	started := Start(t, part, Shape{})
	var addresses []string
	for _, node := range started.Primaries {
		nodes, addresses = append(nodes, node.Client), append(addresses, node.Options().Addr)
	}
	cluster = redis.NewClusterClient(&redis.ClusterOptions{Addrs: addresses})
	t.Cleanup(func() { _ = cluster.Close() })
	return cluster, nodes
}

// Start starts three shards of the shape. All of it ends with the test.
func Start(t testing.TB, part parts.Part, shape Shape) *Shards {
	t.Helper()
	ctx, program := t.Context(), partstest.Need(t, part)
	s := &Shards{}
	for i := range shards {
		node := start(t, program, shape)
		require.NoError(t, node.Do(ctx, "CLUSTER", "ADDSLOTSRANGE", i*slots/shards, (i+1)*slots/shards-1).Err())
		s.Primaries = append(s.Primaries, node)
	}
	if shape.Replicas != "" {
		for range shards {
			s.Replicas = append(s.Replicas, start(t, shape.Replicas, shape))
		}
	}
	for _, node := range s.all()[1:] {
		require.NoError(t, s.Primaries[0].Do(ctx, "CLUSTER", "MEET", "127.0.0.1", node.port, node.bus).Err())
	}
	require.Eventually(t, func() bool { return s.joined(ctx) }, patience, 20*time.Millisecond, "the servers do not find one another")
	for i, replica := range s.Replicas {
		require.Eventually(t, func() bool { return replica.Do(ctx, "CLUSTER", "REPLICATE", s.Primaries[i].ID).Err() == nil }, patience, 20*time.Millisecond)
	}
	for _, replica := range s.Replicas {
		require.Eventually(t, func() bool { return replica.Linked(ctx) }, patience, 20*time.Millisecond, "a replica does not reach its primary")
	}
	return s
}

func start(t testing.TB, program string, shape Shape) *Node {
	t.Helper()
	node := &Node{port: freePort(t), bus: freePort(t)}
	more := []string{"--repl-diskless-sync-delay", "0"}
	if shape.Lines {
		line, err := relay.Start(relay.End{Network: "tcp", Address: "127.0.0.1:0"}, relay.End{Network: "tcp", Address: fmt.Sprintf("127.0.0.1:%d", node.port)})
		require.NoError(t, err)
		t.Cleanup(line.Close)
		node.Line = line
		more = append(more, "--cluster-announce-port", fmt.Sprint(line.Port()), "--cluster-announce-bus-port", fmt.Sprint(node.bus))
	}
	running, err := server.ValkeyNode(t.Context(), program, filepath.Join(t.TempDir(), "node"), node.port, node.bus, more...)
	require.NoError(t, err)
	t.Cleanup(running.Stop)
	node.Server = running
	node.Client = redis.NewClient(&redis.Options{Addr: strings.TrimPrefix(running.URL, "redis://")})
	t.Cleanup(func() { _ = node.Client.Close() })
	node.ID, err = node.Do(t.Context(), "CLUSTER", "MYID").Text()
	require.NoError(t, err)
	return node
}

func (s *Shards) all() []*Node { return append(append([]*Node{}, s.Primaries...), s.Replicas...) }

func (s *Shards) joined(ctx context.Context) bool {
	nodes := s.all()
	for _, node := range nodes {
		info, err := node.ClusterInfo(ctx).Result()
		if err != nil || !strings.Contains(info, "cluster_state:ok") || !strings.Contains(info, fmt.Sprintf("cluster_known_nodes:%d", len(nodes))) {
			return false
		}
	}
	return true
}

// URL is where a client begins to learn the cluster.
func (s *Shards) URL() string {
	if line := s.Primaries[0].Line; line != nil {
		return fmt.Sprintf("redis://127.0.0.1:%d", line.Port())
	}
	return s.Primaries[0].Server.URL
}

// Of is the index of the shard that owned a key when the cluster began, and the key's slot.
func (s *Shards) Of(t testing.TB, key string) (shard int, slot int64) {
	t.Helper()
	slot, err := s.Primaries[0].ClusterKeySlot(t.Context(), key).Result()
	require.NoError(t, err)
	for int(slot) >= (shard+1)*slots/shards {
		shard++
	}
	return shard, slot
}

// Linked says whether a replica follows its primary.
func (n *Node) Linked(ctx context.Context) bool {
	info, err := n.Info(ctx, "replication").Result()
	return err == nil && strings.Contains(info, "role:slave") && strings.Contains(info, "master_link_status:up")
}

// Cut ends a replica's line to its primary for good: it signs in there as somebody whom nobody knows. What it has, it
// keeps.
func (n *Node) Cut(t testing.TB) {
	t.Helper()
	ctx := t.Context()
	require.NoError(t, n.ConfigSet(ctx, "masteruser", "stranger").Err())
	require.NoError(t, n.ConfigSet(ctx, "masterauth", "none").Err())
	require.NoError(t, n.Do(ctx, "CLIENT", "KILL", "TYPE", "master").Err())
	require.Eventually(t, func() bool { return !n.Linked(ctx) }, patience, 10*time.Millisecond)
}

// Move hands a slot to another node key by key, as an operator's resharding does.
func (n *Node) Move(ctx context.Context, slot int64, to *Node) (moved int, err error) {
	if err := n.agree(ctx, to); err != nil {
		return 0, err
	}
	if err := to.Do(ctx, "CLUSTER", "SETSLOT", slot, "IMPORTING", n.ID).Err(); err != nil {
		return 0, fmt.Errorf("import: %w", err)
	}
	if err := n.Do(ctx, "CLUSTER", "SETSLOT", slot, "MIGRATING", to.ID).Err(); err != nil {
		return 0, fmt.Errorf("migrate: %w", err)
	}
	for {
		keys, err := n.ClusterGetKeysInSlot(ctx, int(slot), 4).Result()
		if err != nil {
			return moved, fmt.Errorf("list keys: %w", err)
		}
		if len(keys) == 0 {
			break
		}
		args := []any{"MIGRATE", "127.0.0.1", to.port, "", 0, 5000, "KEYS"}
		for _, key := range keys {
			args = append(args, key)
		}
		if err := n.Do(ctx, args...).Err(); err != nil {
			return moved, fmt.Errorf("move %v: %w", keys, err)
		}
		moved += len(keys)
	}
	for _, node := range []*Node{to, n} {
		if err := node.Do(ctx, "CLUSTER", "SETSLOT", slot, "NODE", to.ID).Err(); err != nil {
			return moved, fmt.Errorf("settle the slot: %w", err)
		}
	}
	return moved, nil
}

// agree waits until two nodes know of each other's latest change. A node that takes a slot makes its number the highest that
// it knows of: where it has not heard yet that the slot came to the other one, that one's number stays higher, and each
// sends clients to the other for good.
func (n *Node) agree(ctx context.Context, other *Node) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	for {
		mine, err := n.epochs(ctx)
		if err != nil {
			return err
		}
		theirs, err := other.epochs(ctx)
		if err != nil {
			return err
		}
		if mine[n.ID] == theirs[n.ID] && mine[other.ID] == theirs[other.ID] {
			return nil
		}
		select {
		case <-time.After(10 * time.Millisecond):
		case <-ctx.Done():
			return fmt.Errorf("wait for two nodes to agree: %w", ctx.Err())
		}
	}
}

// epochs are the numbers of the nodes' configurations, as this one knows them.
func (n *Node) epochs(ctx context.Context) (map[string]string, error) {
	const epoch = 6 // field of a line, https://redis.io/docs/latest/commands/cluster-nodes/
	text, err := n.ClusterNodes(ctx).Result()
	if err != nil {
		return nil, fmt.Errorf("list the nodes: %w", err)
	}
	epochs := map[string]string{}
	for line := range strings.Lines(text) {
		if fields := strings.Fields(line); len(fields) > epoch {
			epochs[fields[0]] = fields[epoch]
		}
	}
	return epochs, nil
}

func freePort(t testing.TB) int {
	t.Helper()
	port, err := server.FreePort()
	require.NoError(t, err)
	return port
}
