package pool_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"workerfleet/runtime/fleet"
	"workerfleet/runtime/pool"
)

// anySnapshot draws one of a small fleet: sizes are small so that every limit is met often.
func anySnapshot(t *rapid.T) pool.Snapshot {
	small := func(label string, most int) int { return rapid.IntRange(0, most).Draw(t, label) }
	image := rapid.Int64Range(0, 3)
	s := pool.Snapshot{
		Now: noon,
		Policy: pool.Policy{
			Peak: 1 + small("peak", 200), PerHost: 1 + small("perHost", 40), MinHosts: small("minHosts", 4), Fallback: rapid.Bool().Draw(t, "hasFallback"),
			Buffer: 1 + small("buffer", 60), CanaryShare: rapid.Float64Range(0, 1).Draw(t, "canaryShare"),
		},
		Provisioning: rapid.SampledFrom([]int{0, 3, 470, 495, 600}).Draw(t, "provisioning"),
		Waiting:      small("waiting", 90), Tokens: small("tokens", 12),
		Rollout: pool.Rollout{Image: image.Draw(t, "image"), Proven: image.Draw(t, "proven"),
			Verdict: rapid.SampledFrom([]pool.Verdict{"", pool.Promoted, pool.Unproven, pool.Held}).Draw(t, "verdict")},
		Launches: anyRefusal(t), Record: rapid.SampledFrom([][]pool.Sample{nil, quiet(0), quiet(20)}).Draw(t, "record"),
	}
	s.Policy.MaxHosts = max(1, s.Policy.MinHosts) + small("maxHosts", 8)
	s.Policy.MaxWorkers = 1 + small("maxWorkers", s.Policy.MaxHosts*s.Policy.PerHost-1)
	if len(s.Record) > 0 {
		s.Record = slices.Clone(s.Record)
		s.Record[6].Stopped = small("stoppedBefore", 9)
	}
	for i := range small("hosts", 9) {
		h := pool.Host{Name: fleet.Host(fmt.Sprint("h", i)), Type: rapid.SampledFrom([]pool.HostType{pool.Primary, pool.Fallback}).Draw(t, "type"),
			Zone: rapid.SampledFrom([]string{"a", "b"}).Draw(t, "zone"), Draining: small("draining", 5) == 0, Leaving: small("leaving", 8) == 0}
		for of := range small("images", 3) {
			h.Workers = append(h.Workers, pool.Stock{Image: int64(of + 1), Idle: small("idle", 12), Resetting: small("resetting", 2), Busy: small("busy", 9)})
		}
		s.Hosts = append(s.Hosts, h)
	}
	for range small("reservations", 3) {
		s.Launching = append(s.Launching, pool.Reservation{Count: small("launching", 12), Image: image.Draw(t, "launchingImage"),
			Deadline: noon.Add(time.Duration(small("deadline", 2)-1) * time.Second)})
	}
	for _, g := range []*pool.Group{&s.Primary, &s.Fallback} {
		g.Desired, g.Refused = small("desired", 9), anyRefusal(t)
		g.Coming = []pool.Reservation{{Count: small("coming", 2), Deadline: noon.Add(time.Second)}}
	}
	return s
}

func anyRefusal(t *rapid.T) pool.Refusal {
	return pool.Refusal{
		Err:   rapid.SampledFrom([]error{pool.ErrNoCapacity, pool.ErrThrottled}).Draw(t, "err"),
		Times: rapid.SampledFrom([]int{0, 0, 0, 1, 4}).Draw(t, "times"),
		Last:  noon.Add(-time.Duration(rapid.IntRange(0, 30).Draw(t, "ago")) * time.Second),
	}
}

// seen are a snapshot's own sums, added up apart from the code under test.
type seen struct {
	idle, total, busy, room, outdated int
	hosts                             map[fleet.Host]pool.Host
}

func look(s pool.Snapshot) seen {
	v := seen{hosts: map[fleet.Host]pool.Host{}}
	launching := 0
	for _, r := range s.Launching {
		if s.Now.Before(r.Deadline) {
			launching += r.Count
		}
	}
	for _, h := range s.Hosts {
		v.hosts[h.Name] = h
		v.total += workers(&h)
		if !h.Draining && !h.Leaving {
			v.room += max(0, s.Policy.PerHost-workers(&h))
		}
		for _, w := range h.Workers {
			v.busy += w.Busy
			if h.Draining {
				continue
			}
			v.idle += w.Idle
			named := w.Image == s.Rollout.Image || s.Rollout.Verdict != "" && s.Rollout.Verdict != pool.Promoted && w.Image == s.Rollout.Proven
			if s.Rollout.Image == 0 {
				named = true
			}
			if !named {
				v.outdated += w.Idle
			}
		}
	}
	v.total += launching
	v.room = max(0, v.room-launching)
	return v
}

// Of any snapshot, whatever limits it meets: no decision goes beyond the caps, the bucket, the room or the provisioning
// limit; only idle workers are stopped, none that the target needs, and no more than a tenth; only empty hosts go. The
// same holds for snapshots that contradict themselves, such as more workers than a host holds.
func TestLaws(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := anySnapshot(t)
		v, target := look(s), pool.Aim(s)
		actions := pool.Decide(s)
		launched, calls, stopped := sums(actions)

		require.LessOrEqual(t, calls+stopped, s.Tokens)
		stopped -= retired(v, actions) // what nobody gets is not needed
		require.LessOrEqual(t, launched, calls*pool.BatchLimit)
		require.LessOrEqual(t, launched, max(0, s.Policy.MaxWorkers-v.total), "the cap")
		require.LessOrEqual(t, launched, v.room, "the room")
		require.LessOrEqual(t, launched, max(0, pool.ProvisioningLimit-s.Provisioning))
		require.LessOrEqual(t, target.Idle, max(0, s.Policy.MaxWorkers-v.busy))
		if stopped > 0 {
			require.GreaterOrEqual(t, v.idle-stopped, target.Idle, "stopped what the target needs")
			lawOfStops(t, s, v, target, stopped)
		}
		lawOfActions(t, s, v, actions)
	})
}

// retired counts the stops on draining hosts.
func retired(v seen, actions []pool.Action) (n int) {
	for _, action := range actions {
		if a, ok := action.(pool.Stop); ok && v.hosts[a.Host].Draining {
			n += a.Count
		}
	}
	return n
}

func lawOfStops(t *rapid.T, s pool.Snapshot, v seen, target pool.Target, stopped int) {
	highest, before := target.Idle, 0
	for _, sample := range s.Record[1:] { // the first one ended before the window
		highest, before = max(highest, sample.Highest), before+sample.Stopped
	}
	tenth := func(n int) int { return (n + 9) / 10 }
	most := tenth(v.idle - highest + before)
	if v.outdated > 0 {
		most = max(most, 1, tenth(target.Idle))
	}
	require.LessOrEqual(t, stopped+before, most, "more than a tenth within the window")
}

func lawOfActions(t *rapid.T, s pool.Snapshot, v seen, actions []pool.Action) {
	desired := map[pool.HostType]int{pool.Primary: s.Primary.Desired, pool.Fallback: s.Fallback.Desired}
	removed := 0
	for _, action := range actions {
		switch a := action.(type) {
		case pool.Launch:
			require.True(t, 1 <= a.Count && a.Count <= pool.BatchLimit)
		case pool.Stop:
			i := slices.IndexFunc(v.hosts[a.Host].Workers, func(w pool.Stock) bool { return w.Image == a.Image })
			require.GreaterOrEqual(t, i, 0)
			require.True(t, 1 <= a.Count && a.Count <= v.hosts[a.Host].Workers[i].Idle, "stopped what is not idle")
		case pool.ScaleHosts:
			require.Greater(t, a.Hosts, desired[a.Type], "growing lowered the count")
			desired[a.Type] = a.Hosts
		case pool.RemoveHosts:
			for _, name := range a.Hosts {
				h := v.hosts[name]
				require.Zero(t, workers(&h), "a host with workers was removed")
				require.False(t, h.Leaving, "removed twice")
			}
			removed += len(a.Hosts)
		}
	}
	if grown := desired[pool.Primary] + desired[pool.Fallback]; grown > s.Primary.Desired+s.Fallback.Desired {
		require.LessOrEqual(t, grown, s.Policy.MaxHosts)
	}
	if removed > 0 {
		require.GreaterOrEqual(t, desired[pool.Primary]+desired[pool.Fallback]-removed, s.Policy.MinHosts)
	}
}

// A decision depends on nothing but the snapshot, not even the order of its hosts, and changes nothing in it.
func TestDecisionsArePure(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := anySnapshot(t)
		before := fmt.Sprintf("%+v", s)
		first := texts(pool.Decide(s))
		require.Equal(t, before, fmt.Sprintf("%+v", s))
		shuffled := s
		shuffled.Hosts = rapid.Permutation(s.Hosts).Draw(t, "hosts")
		require.Equal(t, first, texts(pool.Decide(shuffled)))
	})
}

// One more waiting user never means fewer launches or fewer hosts, whatever rollout is under way.
func TestMoreQueueNeverMeansFewerLaunches(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := anySnapshot(t)
		measure := func() (launched, hosts int) {
			actions := pool.Decide(s)
			for _, a := range actions {
				if scale, ok := a.(pool.ScaleHosts); ok {
					hosts += scale.Hosts
				}
			}
			launched, _, _ = sums(actions)
			return launched, hosts
		}
		launched, hosts := measure()
		s.Waiting += rapid.IntRange(1, 50).Draw(t, "more")
		more, moreHosts := measure()
		require.GreaterOrEqual(t, more, launched)
		require.GreaterOrEqual(t, moreHosts, hosts)
	})
}

// While inputs stay, the stock reaches the target and stays there: no worker is launched or stopped again, no host asked
// for or given up, no image replaced. It starts from any stock of two images on any hosts, with any verdict, and the
// number of users stays. The world is the test's: workers and hosts arrive in fixed times and none is lost.
func TestStockConverges(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := pool.Policy{
			Peak: 10, PerHost: rapid.IntRange(5, 40).Draw(t, "perHost"), MinHosts: rapid.IntRange(0, 3).Draw(t, "minHosts"), MaxHosts: 40,
			Buffer: rapid.IntRange(1, 40).Draw(t, "buffer"), CanaryShare: rapid.Float64Range(0, 1).Draw(t, "canaryShare"),
			Window: 12 * time.Second, HostLead: 5 * time.Second,
		}
		w := newWorld(noon, p, rapid.IntRange(0, 10).Draw(t, "hosts"))
		w.starts, w.joins = 2*time.Second, 5*time.Second
		w.rollout = pool.Rollout{Image: 2, Proven: 1,
			Verdict: rapid.SampledFrom([]pool.Verdict{pool.Promoted, pool.Unproven, pool.Held}).Draw(t, "verdict")}
		for image := int64(1); image <= 2; image++ {
			w.warm(min(rapid.IntRange(0, 60).Draw(t, "warm"), len(w.hosts)*p.PerHost/2), image)
		}
		w.drain(rapid.IntRange(0, 2).Draw(t, "draining"))
		users := rapid.IntRange(0, 60).Draw(t, "users")
		for range 1200 { // a hundred windows: the last workers of a surplus go one by one
			w.step(time.Second, users)
		}
		settled := mustJSON(w.snapshot())
		target := pool.Aim(w.snapshot()).Idle
		require.Equal(t, max(p.Buffer, target), target)
		require.Equal(t, pool.Stock{Idle: target, Busy: users}, w.count(), settled)
		require.Zero(t, w.waiting+len(w.launching)+len(w.arriving))
		if w.rollout.Verdict == pool.Promoted {
			require.Zero(t, w.of(1).Idle, "an old image is left idle: %s", settled)
		}
		for range 60 {
			for _, a := range w.step(time.Second, users) {
				require.IsType(t, pool.Wait{}, a, "does not stay: %v", a)
			}
		}
	})
}

// drain takes the first n hosts out of service.
func (w *world) drain(n int) {
	for _, h := range w.hosts[:min(n, len(w.hosts))] {
		h.Draining = true
	}
}

func mustJSON(v any) string {
	text, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return string(text)
}
