package worker

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"workerfleet/runtime/hostlink"
)

const second = hostlink.Instant(time.Second)

// A call may start from the word on until TTL − guard after the sending, not at that moment any more; what was sent
// earlier changes nothing, and what was sent in the future is not believed.
func TestLeaseCountsFromTheSending(t *testing.T) {
	lease := Lease{Trust: 13 * time.Second}
	require.False(t, lease.MayCall(0))
	require.False(t, lease.MayCall(100*second), "nothing was ever confirmed")

	lease.Prolong(105*second, 100*second)
	require.True(t, lease.MayCall(105*second))
	require.True(t, lease.MayCall(113*second-1))
	require.False(t, lease.MayCall(113*second))

	lease.Prolong(106*second, 99*second)
	require.Equal(t, 113*second, lease.Until())
	lease.Prolong(106*second, 106*second+1)
	require.Equal(t, 113*second, lease.Until())

	lease.Prolong(500*second, 499*second)
	require.True(t, lease.MayCall(500*second), "a later word lets it resume")
}

// Whatever words arrive, in whatever order, a lease never reaches further than trust after the latest sending that was
// in the past when its word came.
func TestLeaseLaw(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		trust := time.Duration(rapid.Int64Range(1, 1e6).Draw(t, "trust"))
		lease := Lease{Trust: trust}
		var latest, now hostlink.Instant
		for range rapid.IntRange(0, 20).Draw(t, "words") {
			now += hostlink.Instant(rapid.Int64Range(0, 1e6).Draw(t, "passes"))
			sent := hostlink.Instant(rapid.Int64Range(1, 3e7).Draw(t, "sent"))
			lease.Prolong(now, sent)
			if sent <= now {
				latest = max(latest, sent)
			}
			require.Equal(t, latest != 0 && now < latest.Add(trust), lease.MayCall(now))
		}
	})
}
