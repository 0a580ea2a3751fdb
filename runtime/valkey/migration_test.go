package valkey

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"workerfleet/runtime/parts"
	"workerfleet/runtime/valkey/valkeytest"
)

// The pool's slot moves to another shard, key by key, there and back, while everybody claims, ends, confirms and beats.
// No script runs while a part of its keys is elsewhere: every call is answered from all of the data or fails, nobody
// has two workers, epochs never go back, no key is left behind or made twice, and in the end everybody is served and
// the index has nothing to heal. It ends with a slot of a few hundred keys on one machine, moved by one client; a move
// that takes longer than a lease lets leases end, which is another test's matter.
func TestSlotMovesUnderClaims(t *testing.T) {
	shards := valkeytest.Start(t, parts.Redis, valkeytest.Shape{})
	c := gather(t, shards.URL(), hasty(), size{hosts: 12, perHost: 25, users: 250, clerks: 8})
	c.wanted.Store(120)
	c.settle("before the slot moves")

	shard, slot := shards.Of(t, route)
	from, to := shards.Primaries[shard], shards.Primaries[(shard+1)%len(shards.Primaries)]
	c.ends.Store(10)
	c.wanted.Store(250)
	for range 4 {
		failed := c.failed.Load()
		require.Eventually(t, func() bool { return c.judge.verdict() == nil && c.inFlight() }, 20*time.Second, time.Millisecond)
		moved, err := from.Move(t.Context(), slot, to)
		require.NoError(t, err)
		left, err := from.ClusterCountKeysInSlot(t.Context(), int(slot)).Result()
		require.NoError(t, err)
		require.Zero(t, left, "keys that were made behind the move")
		require.Greater(t, moved, 300, "records of workers and users")
		t.Logf("%d keys moved, %d calls failed meanwhile", moved, c.failed.Load()-failed)
		from, to = to, from
	}
	c.ends.Store(0)
	c.settle("after the slot moved")
	c.requireOrder(userModel)
	require.Empty(t, c.diary.wrong, "epochs that two users were told of")
}
