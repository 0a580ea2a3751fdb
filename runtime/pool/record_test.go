package pool_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"workerfleet/runtime/pool"
)

// The record stays small whatever the rhythm of decisions, and forgets nothing of the last window: the highest target
// and every stop in it are found again, unless there was a gap, after which it begins anew.
func TestRecord(t *testing.T) {
	const window = 3 * time.Minute
	rapid.Check(t, func(t *rapid.T) {
		var record, all []pool.Sample
		now := noon
		for range rapid.IntRange(1, 200).Draw(t, "decisions") {
			now = now.Add(time.Duration(rapid.IntRange(0, 100_000).Draw(t, "milliseconds")) * time.Millisecond)
			sample := pool.Sample{At: now, Highest: rapid.IntRange(0, 100).Draw(t, "target"), Stopped: rapid.IntRange(0, 9).Draw(t, "stopped")}
			if len(record) > 0 && now.Sub(record[len(record)-1].At) > window/2 {
				all = nil
			}
			all = append(all, sample)
			record = pool.Remember(record, sample, window)
		}
		require.Less(t, len(record), 9)
		highest, stopped := 0, 0
		for _, s := range all {
			if s.At.After(now.Add(-window)) {
				highest, stopped = max(highest, s.Highest), stopped+s.Stopped
			}
		}
		keptHighest, keptStopped := 0, 0
		for i, s := range record {
			require.True(t, i == 0 || s.At.After(record[i-1].At))
			keptHighest, keptStopped = max(keptHighest, s.Highest), keptStopped+s.Stopped
		}
		require.GreaterOrEqual(t, keptHighest, highest)
		require.GreaterOrEqual(t, keptStopped, stopped)
		require.False(t, record[0].At.Before(all[0].At), "the record claims to know more than it was told")
		if now.Sub(all[0].At) >= window {
			require.False(t, record[0].At.After(now.Add(-window)), "the record does not reach back")
		}
	})
}

// The record that was handed in is not changed: two who decide at once must not write into each other's.
func TestRememberCopies(t *testing.T) {
	record := []pool.Sample{{At: noon, Highest: 1, Stopped: 1}}
	next := pool.Remember(record, pool.Sample{At: noon.Add(time.Second), Highest: 5, Stopped: 2}, 3*time.Minute)
	require.Equal(t, []pool.Sample{{At: noon, Highest: 5, Stopped: 3}}, next)
	require.Equal(t, []pool.Sample{{At: noon, Highest: 1, Stopped: 1}}, record)
}
