package valkey

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"

	"workerfleet/runtime/fleet"
	"workerfleet/runtime/parts"
	"workerfleet/runtime/parts/partstest"
	"workerfleet/runtime/valkey/valkeytest"
)

// late builds a program that runs the part with a clock that is five seconds behind.
func late(t *testing.T, part parts.Part) string {
	t.Helper()
	program, compiler := partstest.Need(t, part), partstest.Need(t, parts.Compiler)
	dir := t.TempDir()
	clock, behind := filepath.Join(dir, "late.so"), filepath.Join(dir, "late")
	output, err := exec.Command(compiler, "-shared", "-fPIC", "-o", clock, "testdata/late.c").CombinedOutput()
	require.NoError(t, err, "%s", output)
	require.NoError(t, os.WriteFile(behind, []byte("#!/bin/sh\nLD_PRELOAD="+clock+" exec "+program+" \"$@\"\n"), 0o755))
	return behind
}

// The shard that holds the pool loses its primary in the middle of claims, and a replica takes over whose line was cut a
// while before and whose clock is five seconds behind: it has never heard of half of the users, and believes in
// sessions that have ended. Clients, hosts and keeper go on through it. Nobody is confirmed under an epoch that is not
// above those confirmed before, no epoch is confirmed on two workers, and in the end everybody has one worker, which
// the authority, the index and the worker itself agree about, and the counts add up.
//
// A worker whose confirmation was lost hears of it with its next word. How many did is counted and told, and none does in
// the end.
func TestReplicaTakesOverInMidClaim(t *testing.T) {
	shards := valkeytest.Start(t, parts.Redis, valkeytest.Shape{Replicas: late(t, parts.Redis)})
	shard, _ := shards.Of(t, route)
	primary, replica := shards.Primaries[shard], shards.Replicas[shard]
	other := shards.Primaries[(shard+1)%len(shards.Primaries)]
	c := gather(t, other.Server.URL, hasty(), size{hosts: 12, perHost: 25, users: 240, clerks: 8})
	c.wanted.Store(120)
	c.settle("before the line is cut")
	require.Eventually(t, func() bool { return c.unheard(replica, c.held()) == 0 }, 20*time.Second, 10*time.Millisecond)

	c.diary.befell(c.users, "cut", func() { replica.Cut(t) })
	c.ends.Store(10)
	c.wanted.Store(240)
	require.Eventually(t, func() bool { once, _ := c.acting(); return once > 200 }, 20*time.Second, time.Millisecond)
	require.Eventually(t, c.inFlight, 20*time.Second, time.Millisecond)
	answered := c.held()
	lost := 0
	c.diary.befell(c.users, "takeover", func() {
		primary.Stop()
		lost = c.unheard(replica, answered)
		require.NoError(t, replica.Do(t.Context(), "CLUSTER", "FAILOVER", "TAKEOVER").Err())
	})
	require.Greater(t, lost, 50, "sessions that the replica never heard of")

	c.ends.Store(0)
	beside := c.besides(func() { c.settle("after the replica took over") })
	kept := 0
	for user, now := range c.held() {
		if before, had := answered[user]; had && before.epoch == now.epoch {
			kept++
		}
	}
	require.Positive(t, kept, "sessions that outlived the primary")
	// An epoch that was lost may be given again, to another user: it is compared with the same user's alone.
	c.requireOrder(lossModel)
	undone, _ := c.diary.check(without)
	t.Logf("%d users were told what only a loss explains", len(undone))
	t.Logf("of %d sessions the replica had lost %d, and %d went on; %d users had two workers at once for a moment",
		len(answered), lost, kept, beside)
}

// unheard counts the sessions of which a replica does not know. It reads what the replica has, as a replica's client.
func (c *crowd) unheard(replica *valkeytest.Node, sessions map[fleet.User]hand) (unheard int) {
	c.Helper()
	conn := replica.Conn()
	defer conn.Close()
	require.NoError(c, conn.ReadOnly(c.Context()).Err())
	for user, w := range sessions {
		epoch, err := conn.HGet(c.Context(), "{pool}:user:"+string(user), "epoch").Result()
		if err != nil && !errors.Is(err, redis.Nil) {
			require.NoError(c, err)
		}
		if epoch != w.epoch.String() {
			unheard++
		}
	}
	return unheard
}

// besides counts the users who are seen with two workers at once while something is done.
func (c *crowd) besides(do func()) int {
	ctx, stop := context.WithCancel(c.Context())
	most, done := 0, make(chan struct{})
	go func() {
		defer close(done)
		for ctx.Err() == nil {
			_, twice := c.acting()
			most = max(most, twice)
			time.Sleep(2 * time.Millisecond)
		}
	}()
	do()
	stop()
	<-done
	return most
}
