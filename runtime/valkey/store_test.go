package valkey

import (
	"context"
	"fmt"
	"testing"

	"github.com/alicebob/miniredis/v2"
	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"

	"workerfleet/runtime/claim"
	"workerfleet/runtime/claim/claimtest"
	"workerfleet/runtime/fleet"
	"workerfleet/runtime/parts"
	"workerfleet/runtime/valkey/valkeytest"
)

// conformance runs the suite of all stores, each case on an emptied server.
func conformance(t *testing.T, client redis.UniversalClient, flush func(context.Context) error) {
	t.Helper()
	claimtest.Run(t, func(t *testing.T) claim.Store {
		require.NoError(t, flush(t.Context()))
		store, err := NewStore(t.Context(), client)
		require.NoError(t, err)
		return store
	})
}

func flushAll(client *redis.Client) func(context.Context) error {
	return func(ctx context.Context) error { return client.FlushAll(ctx).Err() }
}

// The scripts keep the contract of a store on the embedded server, which checks no slots and keeps its own clock.
func TestStoreOnMiniredis(t *testing.T) {
	client := redis.NewClient(&redis.Options{Addr: miniredis.RunT(t).Addr()})
	t.Cleanup(func() { _ = client.Close() })
	conformance(t, client, flushAll(client))
}

// The scripts keep the contract on a real server, and follow the model there too.
func TestStoreOnRedis(t *testing.T) {
	client := valkeytest.Server(t, parts.Redis)
	conformance(t, client, flushAll(client))
	checkModel(t, client)
}

// The scripts keep the contract on Valkey where it is installed.
func TestStoreOnValkey(t *testing.T) {
	client := valkeytest.Server(t, parts.Valkey)
	conformance(t, client, flushAll(client))
	checkModel(t, client)
}

// The scripts keep the contract on a cluster of three shards: no key of theirs lies in another slot, because the
// server refuses a strict script that touches one even on its own shard. The last part shows that it does.
func TestStoreOnCluster(t *testing.T) {
	cluster, nodes := valkeytest.Cluster(t, parts.Redis)
	conformance(t, cluster, func(ctx context.Context) error {
		for _, node := range nodes {
			if err := node.FlushAll(ctx).Err(); err != nil {
				return err
			}
		}
		return nil
	})

	owner, err := cluster.MasterForKey(t.Context(), route)
	require.NoError(t, err)
	slot := owner.ClusterKeySlot(t.Context(), route).Val()
	stray := ""
	for i := 0; stray == ""; i++ {
		key := fmt.Sprintf("stray%d", i)
		node, err := cluster.MasterForKey(t.Context(), key)
		require.NoError(t, err)
		if node.Options().Addr == owner.Options().Addr && node.ClusterKeySlot(t.Context(), key).Val() != slot {
			stray = key
		}
	}
	body := fmt.Sprintf("return redis.call('SET', '%s', '1')", stray)
	require.ErrorContains(t, owner.Eval(t.Context(), "#!lua\n"+body, []string{route}).Err(), "same slot")
	require.NoError(t, owner.Eval(t.Context(), body, []string{route}).Err(), "without the line the server looks away")
}

// A server that is not there, or no server of ours, is an error of construction, and a full one keeps sessions alive.
func TestStoreRefusals(t *testing.T) {
	absent := redis.NewClient(&redis.Options{Addr: "127.0.0.1:1", MaxRetries: -1})
	t.Cleanup(func() { _ = absent.Close() })
	_, err := NewStore(t.Context(), absent)
	require.ErrorContains(t, err, "try a script")

	client := valkeytest.Server(t, parts.Redis)
	store, err := NewStore(t.Context(), client)
	require.NoError(t, err)
	terms := claim.DefaultTerms()
	_, err = store.Open(t.Context(), "first")
	require.NoError(t, err)
	_, err = store.Register(t.Context(), claim.Registration{Worker: "w1", Host: "h1", Life: 1}, terms)
	require.NoError(t, err)
	answer, err := store.Claim(t.Context(), claim.Request{User: "ann"}, terms)
	require.NoError(t, err)

	require.NoError(t, client.ConfigSet(t.Context(), "maxmemory", "1").Err())
	_, err = store.Claim(t.Context(), claim.Request{User: "bea"}, terms)
	require.ErrorContains(t, err, "claim: OOM")
	require.NoError(t, store.Confirm(t.Context(), "w1", 1, answer.Bound.Epoch))
	standings, err := store.Beat(t.Context(), "h1", []claim.Beat{{Worker: "w1", Life: 1, Epoch: answer.Bound.Epoch}}, terms)
	require.NoError(t, err)
	require.Equal(t, []claim.Standing{claim.Ok}, standings)
	_, err = store.Reap(t.Context(), terms)
	require.NoError(t, err)
	require.NoError(t, store.Release(t.Context(), "ann", answer.Bound.Epoch))
	dead, err := store.End(t.Context(), []fleet.Worker{"w1"}, terms)
	require.NoError(t, err)
	require.Len(t, dead, 1)
	_, err = store.End(t.Context(), make([]fleet.Worker, claim.EndLimit+1), terms)
	require.ErrorContains(t, err, "allowed: at most 64")

	_, err = store.Beat(t.Context(), "h1", make([]claim.Beat, claim.BeatLimit+1), terms)
	require.ErrorContains(t, err, "allowed: at most 1024")
}
