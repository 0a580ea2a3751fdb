package valkey

import (
	"maps"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"workerfleet/runtime/claim"
	"workerfleet/runtime/parts"
	"workerfleet/runtime/parts/relay"
	"workerfleet/runtime/valkey/valkeytest"
)

// All lines between the platform and the store take 50 to 300 ms a word, and are cut again and again, all at once, so
// that hundreds of connections are made anew in the same moment. What was on its way is lost before its effect or after
// it. Whoever beats in time keeps its session; users who come meanwhile are served, and in the end all parts agree.
//
// It ends with one process's connections to servers on one machine. Sessions whose host was too late by its own clock
// are not counted, and the most must have been in time for the test to show anything.
func TestSlowAndCutLines(t *testing.T) {
	shards := valkeytest.Start(t, parts.Redis, valkeytest.Shape{Lines: true})
	terms := claim.DefaultTerms()
	c := gather(t, shards.URL(), terms, size{hosts: 12, perHost: 25, users: 240, clerks: 48})
	c.wanted.Store(160)
	c.settle("before the lines are slow")
	before := c.held()

	shard, _ := shards.Of(t, route)
	for _, node := range shards.Primaries {
		node.Line.Slow(relay.Pace{Least: 50 * time.Millisecond, Most: 300 * time.Millisecond}, relay.Pace{})
	}
	c.wanted.Store(240)
	made, confirmed := shards.Primaries[shard].Line.Cut(), c.judge.confirmations()
	for range 5 {
		failed := c.failed.Load()
		require.Eventually(t, c.inFlight, calm, time.Millisecond)
		for _, node := range shards.Primaries {
			node.Line.Cut()
		}
		require.Eventually(t, func() bool { return c.failed.Load() > failed || c.judge.confirmations() > confirmed }, calm, time.Millisecond)
	}
	anew := shards.Primaries[shard].Line.Cut() - made
	require.Greater(t, anew, 20, "connections that were made anew")
	for _, node := range shards.Primaries {
		node.Line.Slow(relay.Pace{}, relay.Pace{})
	}
	c.settle("after the lines were slow")
	c.requireOrder(userModel)
	require.Empty(t, c.diary.wrong, "epochs that two users were told of")

	c.mu.Lock()
	late := maps.Clone(c.late)
	c.mu.Unlock()
	inTime := 0
	for user, now := range c.held() {
		then, had := before[user]
		if !had || late[user] {
			continue
		}
		inTime++
		require.Equal(t, then.epoch, now.epoch, "%s lost its session although its worker beat in time", user)
	}
	require.Greater(t, inTime, len(before)/2, "sessions whose workers beat in time")
	t.Logf("%d connections were made anew, %d calls failed, %d sessions beat in time and went on", anew, c.failed.Load(), inTime)
}
