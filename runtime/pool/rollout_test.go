package pool_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"workerfleet/runtime/pool"
)

// Which image new workers run, by verdict: the proven one unless the new one is promoted, with canaries while it is
// unproven. A word that nobody knows holds; without a proven image there is no choice.
func TestImagesOfNewWorkers(t *testing.T) {
	launches := func(r pool.Rollout) map[int64]int {
		s := calm()
		s.Waiting, s.Rollout = 40, r
		s.Hosts = []pool.Host{busy("h1", 0, 0), busy("h2", 0, 0)}
		images := map[int64]int{}
		for _, a := range pool.Decide(s) {
			if l, ok := a.(pool.Launch); ok {
				images[l.Image] += l.Count
				require.Equal(t, l.Image == r.Image && r.Verdict == pool.Unproven, l.Canary)
			}
		}
		return images
	}
	require.Equal(t, map[int64]int{2: 40}, launches(pool.Rollout{Image: 2, Proven: 1}))
	require.Equal(t, map[int64]int{2: 40}, launches(pool.Rollout{Image: 2, Proven: 1, Verdict: pool.Promoted}))
	require.Equal(t, map[int64]int{1: 36, 2: 4}, launches(pool.Rollout{Image: 2, Proven: 1, Verdict: pool.Unproven}))
	require.Equal(t, map[int64]int{1: 40}, launches(pool.Rollout{Image: 2, Proven: 1, Verdict: pool.Held}))
	require.Equal(t, map[int64]int{1: 40}, launches(pool.Rollout{Image: 2, Proven: 1, Verdict: "promote"}))
	require.Equal(t, map[int64]int{2: 40}, launches(pool.Rollout{Image: 2, Verdict: pool.Held}))
	require.Equal(t, map[int64]int{0: 40}, launches(pool.Rollout{}))
	require.Equal(t, map[int64]int{0: 40}, launches(pool.Rollout{Proven: 1, Verdict: pool.Held}))
}

// Canaries never exceed their share of all workers, nor of the idle ones what is not busy, and none is launched at a
// share of 0. Calls that the bucket does not hold are taken from them first: all that fits is launched in any case.
func TestCanaries(t *testing.T) {
	s := calm()
	s.Rollout = pool.Rollout{Image: 2, Proven: 1, Verdict: pool.Unproven}
	s.Waiting = 40
	canaries := func() (n, all int) {
		for _, a := range pool.Decide(s) {
			if l, ok := a.(pool.Launch); ok && l.Canary {
				n += l.Count
			}
		}
		all, _, _ = sums(pool.Decide(s))
		return n, all
	}
	check := func(wantCanaries, wantAll int) {
		t.Helper()
		n, all := canaries()
		require.Equal(t, []int{wantCanaries, wantAll}, []int{n, all})
	}
	check(4, 30)
	s.Launching = []pool.Reservation{{Count: 3, Image: 2, Deadline: noon.Add(time.Minute)}}
	check(1, 27)
	s.Launching[0].Deadline = noon
	check(4, 30)
	s.Launching[0].Deadline = noon.Add(time.Second)
	s.Hosts[0].Workers = append(s.Hosts[0].Workers, pool.Stock{Image: 2, Busy: 1})
	check(1, 26)
	s.Hosts[0].Workers[1].Busy = 4 // seven of sixty-four
	check(0, 23)
	s.Hosts[0].Workers, s.Launching = s.Hosts[0].Workers[:1], nil
	for tokens, want := range map[int][2]int{1: {0, 10}, 3: {0, 30}, 4: {4, 30}} {
		s.Tokens = tokens
		check(want[0], want[1])
	}
	s.Policy.CanaryShare, s.Tokens = 1, 100
	check(30, 30)
	s.Policy.CanaryShare = 0
	check(0, 30)
}

// Old idle workers are stopped before others, though their host is the fullest; while an image is unproven its canaries
// go last, and while it is held the image makes no difference.
func TestOldImagesGoFirst(t *testing.T) {
	first := func(r pool.Rollout) string {
		s := calm()
		s.Rollout = r
		s.Policy.PerHost = 100
		s.Hosts = []pool.Host{
			{Name: "h1", Type: pool.Primary, Workers: []pool.Stock{{Image: 2, Busy: 1, Idle: 20}}},
			{Name: "h2", Type: pool.Primary, Workers: []pool.Stock{{Image: 1, Busy: 30, Idle: 20}}},
			{Name: "h3", Type: pool.Primary, Workers: []pool.Stock{{Image: 3, Busy: 50, Idle: 1}}},
		}
		s.Primary.Desired = 3
		for _, a := range pool.Decide(s) {
			if stop, ok := a.(pool.Stop); ok {
				return string(stop.Host)
			}
		}
		return "none"
	}
	require.Equal(t, "h2", first(pool.Rollout{Image: 2, Proven: 1, Verdict: pool.Promoted}))
	require.Equal(t, "h3", first(pool.Rollout{Image: 2, Proven: 1, Verdict: pool.Unproven}), "an image that nobody names")
	require.Equal(t, "h2", first(pool.Rollout{Image: 2, Proven: 3, Verdict: pool.Unproven}), "an image that nobody names")
	require.Equal(t, "h3", first(pool.Rollout{Image: 2, Proven: 1, Verdict: pool.Held}))
	require.Equal(t, "h1", first(pool.Rollout{}))
}

// A replaced worker goes without waiting for a tenth of the surplus, up to a tenth of the target a window; what is
// not replaced keeps to a tenth of the surplus.
func TestReplacedWorkersGo(t *testing.T) {
	s := calm()
	s.Policy.Buffer, s.Policy.PerHost, s.Record = 50, 100, quiet(50)
	s.Rollout = pool.Rollout{Image: 2, Proven: 1}
	s.Hosts = []pool.Host{{Name: "h1", Type: pool.Primary, Workers: []pool.Stock{{Image: 1, Idle: 50}, {Image: 2, Idle: 5}}}, busy("h2", 1, 0)}
	stops := func() int {
		_, _, stopped := sums(pool.Decide(s))
		return stopped
	}
	require.Equal(t, 5, stops())
	s.Record[5].Stopped = 3
	require.Equal(t, 2, stops())
	s.Record[5].Stopped = 0
	s.Hosts[0].Workers = []pool.Stock{{Image: 1, Idle: 1}, {Image: 2, Idle: 54}}
	require.Equal(t, 1, stops(), "one has a successor; one of five is a tenth")
}
