package pool_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"workerfleet/runtime/fleet"
	"workerfleet/runtime/pool"
)

var noon = utc("2026-11-24 12:00")

// calm is a snapshot of the small tier that leaves nothing to do: two hosts, ten idle workers, and a record that says
// that it has been so for longer than the window.
func calm() pool.Snapshot {
	return pool.Snapshot{
		Now: noon, Policy: small(), Hosts: []pool.Host{busy("h1", 10, 5), busy("h2", 10, 5)}, Rollout: pool.Rollout{Image: 1},
		Primary: pool.Group{Desired: 2}, Tokens: 100, Record: quiet(10),
	}
}

// quiet is a record of the last four minutes with one target throughout.
func quiet(target int) []pool.Sample {
	var record []pool.Sample
	for at := noon.Add(-4 * time.Minute); at.Before(noon); at = at.Add(30 * time.Second) {
		record = append(record, pool.Sample{At: at, Highest: target})
	}
	return record
}

// sums adds up what the actions do: workers launched, calls for it, workers stopped.
func sums(actions []pool.Action) (launched, calls, stopped int) {
	for _, action := range actions {
		switch a := action.(type) {
		case pool.Launch:
			launched += a.Count
			calls++
		case pool.Stop:
			stopped += a.Count
		}
	}
	return launched, calls, stopped
}

func texts(actions []pool.Action) []string {
	all := []string{}
	for _, a := range actions {
		all = append(all, a.String())
	}
	return all
}

func decide(s pool.Snapshot) []string { return texts(pool.Decide(s)) }

// Nothing to do is nothing done, whether or not anybody says which image to run.
func TestCalm(t *testing.T) {
	s := calm()
	require.Empty(t, pool.Decide(s))
	s.Rollout = pool.Rollout{}
	require.Empty(t, pool.Decide(s))
}

// A snapshot that cannot be trusted – everything gone, everyone waiting – is answered with nothing but its reason.
func TestBlind(t *testing.T) {
	s := calm()
	s.Hosts, s.Waiting, s.Blind = nil, 60, "the index is being rebuilt"
	require.Equal(t, []string{"wait with launches (0): the index is being rebuilt"}, decide(s))
	s.Blind = ""
	require.Contains(t, decide(s), "scale primary hosts to 5: 0 busy and 70 idle need 3 hosts, 0 here and 0 coming")
}

// What was asked for counts as there until its deadline, so that two passes launch once; a request that was lost is made
// again, at the deadline and not later. Resetting workers count too: they are idle within seconds.
func TestReservationsAreStock(t *testing.T) {
	s := calm()
	s.Hosts = []pool.Host{busy("h1", 10, 2), {Name: "h2", Workers: []pool.Stock{{Image: 1, Busy: 10, Resetting: 1}}}}
	s.Launching = []pool.Reservation{{Count: 4, Image: 1, Deadline: noon.Add(time.Second)}}
	require.Equal(t, []string{"launch 3 of image 1: 2 idle, 1 resetting, 4 coming of 10 (buffer: 10)"}, decide(s))
	s.Launching[0].Count = 7
	require.Empty(t, pool.Decide(s))
	s.Now = noon.Add(time.Second)
	require.Equal(t, []string{"launch 7 of image 1: 2 idle, 1 resetting, 0 coming of 10 (buffer: 10)"}, decide(s))
}

// Hosts asked for count as coming until their deadline, by the same rule.
func TestHostsComingAreCounted(t *testing.T) {
	s := calm()
	s.Waiting = 60
	s.Primary.Coming = []pool.Reservation{{Count: 1, Deadline: noon.Add(time.Second)}}
	s.Primary.Desired = 3
	require.Equal(t, []string{
		"launch 10 of image 1: 10 idle, 0 resetting, 0 coming of 60 (queue: 60 users waiting)",
		"launch 10 of image 1: 10 idle, 0 resetting, 0 coming of 60 (queue: 60 users waiting)",
		"launch 10 of image 1: 10 idle, 0 resetting, 0 coming of 60 (queue: 60 users waiting)",
		"wait with launches (20): room for 30 on 2 hosts, 1 more coming",
	}, decide(s))
	s.Now = noon.Add(time.Second)
	require.Contains(t, decide(s), "scale primary hosts to 4: 20 busy and 70 idle need 3 hosts, 2 here and 0 coming")
}

// A call launches at most ten, and as many calls are made as the bucket holds; stops get what launches leave.
func TestTheBucketIsShared(t *testing.T) {
	s := calm()
	s.Waiting = 37
	for tokens, launched := range map[int]int{0: 0, 1: 10, 2: 20, 3: 27, 4: 27} {
		s.Tokens = tokens
		got, calls, _ := sums(pool.Decide(s))
		require.Equal(t, launched, got)
		require.LessOrEqual(t, calls, tokens)
		for _, a := range pool.Decide(s) {
			if l, ok := a.(pool.Launch); ok {
				require.LessOrEqual(t, l.Count, pool.BatchLimit)
			}
		}
	}
	// A rollout launches five successors and stops five workers that have one already: the launch goes first.
	s = calm()
	s.Rollout = pool.Rollout{Image: 2, Proven: 1, Verdict: pool.Promoted}
	s.Policy.Buffer, s.Policy.PerHost, s.Record = 100, 200, quiet(100)
	s.Hosts[0].Workers[0].Idle, s.Hosts[1].Workers[0].Idle = 105, 0
	for tokens, stopped := range map[int]int{0: 0, 1: 0, 3: 2, 6: 5, 100: 5} {
		s.Tokens = tokens
		launched, _, got := sums(pool.Decide(s))
		require.Equal(t, []int{min(tokens, 1) * 5, stopped}, []int{launched, got})
	}
	s.Tokens = 3
	require.Equal(t, []string{
		"launch 5 of image 2: 105 idle, 0 resetting, 0 coming of 100 (buffer: 100) and 10 to replace others",
		"stop 2 idle of image 1 on h1: 105 idle, 100 wanted within 3m0s; 0 stopped in it",
		"wait with stops (3): 0 calls left in the bucket",
	}, decide(s))
}

// What hosts have no room for is not launched, nor what would be more than 500 tasks without a place.
func TestHostsComeBeforeWorkers(t *testing.T) {
	s := calm()
	s.Hosts = []pool.Host{busy("h1", 25, 2), {Name: "h2", Draining: true}, {Name: "h3", Leaving: true}}
	s.Launching = []pool.Reservation{{Count: 1, Image: 1, Deadline: noon.Add(time.Minute)}}
	require.Equal(t, []string{
		"scale primary hosts to 3: 25 busy and 10 idle need 2 hosts, 1 here and 0 coming",
		"launch 2 of image 1: 2 idle, 0 resetting, 1 coming of 10 (buffer: 10)",
		"wait with launches (5): room for 2 on 1 host, 0 more coming",
	}, decide(s))

	s = calm()
	s.Policy.PerHost, s.Waiting, s.Provisioning = 600, 900, pool.ProvisioningLimit-7
	require.Equal(t, []string{
		"launch 7 of image 1: 10 idle, 0 resetting, 0 coming of 900 (queue: 900 users waiting)",
		"wait with launches (883): 493 without a place, 500 are the most",
	}, decide(s))
	s.Provisioning = 2 * pool.ProvisioningLimit
	launched, _, _ := sums(pool.Decide(s))
	require.Zero(t, launched)
}

// Hosts for the open are asked for so early that they have joined when their workers are wanted.
func TestHostsAreAskedForAhead(t *testing.T) {
	p := largest(t)
	s := pool.Snapshot{Now: at(t, "2026-11-24 08:27"), Policy: p, Primary: pool.Group{Desired: 8}, Record: nil}
	for i := range 8 {
		s.Hosts = append(s.Hosts, busy(fmt.Sprint("h", i), 0, 220))
	}
	hosts := func(at time.Time) int {
		s.Now = at
		for _, a := range pool.Decide(s) {
			if scale, ok := a.(pool.ScaleHosts); ok {
				return scale.Hosts
			}
		}
		return s.Primary.Desired
	}
	require.Equal(t, 8, hosts(at(t, "2026-11-24 08:27")))
	// 08:32 + 3 minutes is a fifth of the rise from 08:30 to 08:55: 7,000 workers on 15 hosts.
	require.Equal(t, 15, hosts(at(t, "2026-11-24 08:32")))
	require.Equal(t, 73, hosts(at(t, "2026-11-24 08:52")))
	require.Equal(t, 1750, pool.Aim(pool.Snapshot{Now: at(t, "2026-11-24 08:30"), Policy: p}).Idle, "no worker is wanted yet")
}

// The number of hosts stays within its bounds, whatever is wanted, and what they put off is said.
func TestHostBounds(t *testing.T) {
	s := calm()
	s.Waiting = 1000
	require.Contains(t, decide(s), "scale primary hosts to 5: 20 busy and 130 idle need 5 hosts, 2 here and 0 coming")
	s.Primary.Desired, s.Policy.MaxWorkers, s.Policy.MaxHosts = 4, 150, 5
	s.Fallback.Desired = 1
	require.Contains(t, decide(s), "wait with hosts (3): 5 hosts are the most, 5 asked for")

	s = calm()
	s.Hosts, s.Primary.Desired, s.Policy.MinHosts = []pool.Host{busy("h1", 0, 10)}, 1, 2
	require.Equal(t, []string{"scale primary hosts to 2: 0 busy and 10 idle need 2 hosts, 1 here and 0 coming"}, decide(s))

	s = calm()
	s.Primary.Desired = 1
	require.Equal(t, []string{"scale primary hosts to 2: 2 hosts of this type hold workers, 1 are kept"}, decide(s), "somebody lowered it below what is in use")
}

// Hosts go only when they are empty and were not needed for the whole window, never below the minimum, and the zones
// stay even; drained ones go first and need no window. What is only coming makes no other host spare.
func TestEmptyHostsGo(t *testing.T) {
	with := func(change func(*pool.Snapshot)) []string {
		s := calm()
		s.Primary.Desired = 6
		s.Hosts[0].Zone, s.Hosts[1].Zone = "b", "a"
		for i, zone := range []string{"a", "a", "b", "b"} {
			s.Hosts = append(s.Hosts, pool.Host{Name: fleet.Host(fmt.Sprint("e", i+1)), Type: pool.Primary, Zone: zone})
		}
		change(&s)
		return decide(s)
	}
	const why = ": empty; 20 busy and the 10 idle wanted within 3m0s need 2 hosts"
	require.Equal(t, []string{"remove e1, e3, e2, e4" + why}, with(func(*pool.Snapshot) {}), "the zones take turns")
	require.Equal(t, []string{"remove e3, e1, e4" + why}, with(func(s *pool.Snapshot) { s.Hosts[3].Leaving = true }))
	require.Equal(t, []string{"remove e3, e4, e2" + why}, with(func(s *pool.Snapshot) {
		s.Hosts[2].Workers, s.Hosts[0].Zone, s.Hosts[1].Zone = []pool.Stock{{Resetting: 1}}, "b", "b"
	}))
	require.Equal(t, []string{"remove e4, e1, e2, e3" + why}, with(func(s *pool.Snapshot) { s.Hosts[5].Type = pool.Fallback }))
	require.Equal(t, []string{"remove e1" + why}, with(func(s *pool.Snapshot) { s.Primary.Desired = 3 }), "the minimum")
	require.Equal(t, []string{"wait with empty hosts (4) until 12:03:00: a surplus must last for 3m0s"},
		with(func(s *pool.Snapshot) { s.Record = nil }))
	const four = "remove e1, e3: empty; 20 busy and the 100 idle wanted within 3m0s need 4 hosts"
	require.Equal(t, []string{four}, with(func(s *pool.Snapshot) { s.Record[3].Highest = 100 }), "four were needed two minutes ago")
	require.Equal(t, []string{four}, with(func(s *pool.Snapshot) {
		s.Record[3].Highest = 100
		s.Primary.Coming = []pool.Reservation{{Count: 1, Deadline: noon.Add(time.Minute)}}
	}))
	require.Equal(t, []string{"remove e1" + why, "wait with empty hosts (3) until 12:03:00: a surplus must last for 3m0s"},
		with(func(s *pool.Snapshot) { s.Record, s.Hosts[2].Draining = nil, true }))
}

// Sessions on a draining host end there: they need no place elsewhere.
func TestDrainingSessionsNeedNoHost(t *testing.T) {
	s := calm()
	s.Hosts = []pool.Host{busy("h1", 15, 5), busy("h2", 15, 5), busy("h3", 30, 0)}
	s.Primary.Desired = 3
	s.Hosts[2].Draining = true
	require.Empty(t, pool.Decide(s))
	s.Hosts[2].Workers[0].Busy, s.Hosts[1].Workers[0].Busy = 0, 25
	require.Equal(t, []string{"remove h3: empty; 40 busy and the 10 idle wanted within 3m0s need 2 hosts"}, decide(s))
}

// A surplus is not touched before it has lasted for the window: while nobody knows, while a higher target is too
// recent, or after a time in which nobody decided.
func TestSurplusMustLast(t *testing.T) {
	s := calm()
	s.Hosts[0].Workers[0].Idle = 18 // 13 too many
	require.Equal(t, []string{
		"stop 2 idle of image 1 on h2: 23 idle, 10 wanted within 3m0s; 0 stopped in it",
		"wait with stops (11): a tenth at a time, 0 stopped within 3m0s",
	}, decide(s))
	full := s.Record
	s.Record = nil
	require.Equal(t, []string{"wait with stops (13) until 12:03:00: a surplus must last for 3m0s"}, decide(s))
	s.Record = full[3:] // two and a half minutes
	require.Equal(t, []string{"wait with stops (13) until 12:00:30: a surplus must last for 3m0s"}, decide(s))
	s.Record = full[:len(full)-4] // nobody decided for two and a half minutes
	_, _, stopped := sums(pool.Decide(s))
	require.Zero(t, stopped)
	s.Record = quiet(10)
	s.Record[4].Highest = 23
	require.Empty(t, pool.Decide(s))
	s.Record[4].Highest = 22
	_, _, stopped = sums(pool.Decide(s))
	require.Equal(t, 1, stopped)
}

// Within a window no more than a tenth of what the surplus was at its beginning is stopped, and never none of it for ever.
func TestATenthAWindow(t *testing.T) {
	for _, c := range []struct{ idle, stopped, want int }{
		{110, 0, 10}, {105, 5, 5}, {100, 10, 0}, {100, 9, 1}, {90, 30, 0}, {11, 0, 1}, {11, 1, 0}, {10, 0, 0},
	} {
		s := calm()
		s.Policy.PerHost = 200
		s.Hosts = []pool.Host{busy("h1", 20, c.idle), busy("h2", 20, 0)}
		s.Record[5].Stopped = c.stopped
		_, _, stopped := sums(pool.Decide(s))
		require.Equal(t, c.want, stopped, "%+v", c)
	}
}

// Idle workers go from the host with the fewest workers that must stay, whatever it holds beside them; of equal hosts
// from the zone that has the most.
func TestEmptiestHostsFirst(t *testing.T) {
	s := calm()
	s.Policy.PerHost = 200
	s.Hosts = []pool.Host{busy("h1", 20, 100), busy("h2", 3, 9), busy("h3", 4, 1), busy("h4", 3, 10)}
	s.Primary.Desired = 4
	require.Equal(t, []string{
		"stop 9 idle of image 1 on h2: 120 idle, 10 wanted within 3m0s; 0 stopped in it",
		"stop 2 idle of image 1 on h4: 120 idle, 10 wanted within 3m0s; 0 stopped in it",
	}, decide(s)[:2])
	for i, zone := range []string{"a", "b", "b", "b"} {
		s.Hosts[i] = busy(fmt.Sprint("h", i+1), 0, 30)
		s.Hosts[i].Zone = zone
	}
	require.Equal(t, "stop 11 idle of image 1 on h2: 120 idle, 10 wanted within 3m0s; 0 stopped in it", decide(s)[0])
}

// Idle workers of a draining host are no stock: their successors are launched at once, and they go as far as the bucket
// reaches, whatever the target.
func TestDrainingHostsAreReplaced(t *testing.T) {
	s := calm()
	s.Hosts[0].Draining = true
	s.Hosts = append(s.Hosts, pool.Host{Name: "h3", Type: pool.Primary})
	s.Primary.Desired = 3
	require.Equal(t, []string{
		"launch 5 of image 1: 5 idle, 0 resetting, 0 coming of 10 (buffer: 10)",
		"stop 5 idle of image 1 on h1: the host is draining",
	}, decide(s))
	s.Tokens = 3
	require.Equal(t, "stop 2 idle of image 1 on h1: the host is draining", decide(s)[1], "launches come first")
	s.Launches = pool.Refusal{Err: pool.ErrThrottled, Last: noon, Times: 1}
	_, _, stopped := sums(pool.Decide(s))
	require.Zero(t, stopped, "stops share the bucket that is throttled")
}

// While a launch was refused nothing is launched until the pause is over; then one call finds out. A throttled bucket
// holds back stops too, missing capacity does not.
func TestRefusals(t *testing.T) {
	s := calm()
	s.Waiting = 50
	s.Launches = pool.Refusal{Err: fmt.Errorf("RunTask: %w", pool.ErrNoCapacity), Last: noon, Times: 2}
	s.Now = noon.Add(9 * time.Second)
	require.Contains(t, decide(s), "wait with launches (40) until 12:00:10: no capacity, 2 times in a row")
	launched, _, _ := sums(pool.Decide(s))
	require.Zero(t, launched)
	s.Now = noon.Add(10 * time.Second)
	launched, calls, _ := sums(pool.Decide(s))
	require.Equal(t, []int{10, 1}, []int{launched, calls})
	require.Contains(t, decide(s), "wait with launches (30): no capacity last time, one call tries again")

	s = calm()
	s.Hosts[0].Workers[0].Idle = 18
	s.Launches = pool.Refusal{Err: pool.ErrThrottled, Last: noon, Times: 1}
	require.Equal(t, []string{"wait with stops (13) until 12:00:01: stops share the bucket that is throttled"}, decide(s))
	s.Launches.Err = pool.ErrNoCapacity
	_, _, stopped := sums(pool.Decide(s))
	require.Equal(t, 2, stopped)
}

// Pauses double up to their longest, end with a success, and are longer for what cannot be had than for what was
// asked too often.
func TestPauses(t *testing.T) {
	pauses := func(err error) (all []time.Duration) {
		r := pool.Refusal{}
		require.Zero(t, r.Until())
		for range 40 {
			r = r.After(err, noon)
			all = append(all, r.Until().Sub(noon))
		}
		require.Zero(t, r.After(nil, noon))
		return all
	}
	s := time.Second
	require.Equal(t, []time.Duration{s, 2 * s, 4 * s, 8 * s, 8 * s}, pauses(pool.ErrThrottled)[:5])
	require.Equal(t, []time.Duration{5 * s, 10 * s, 20 * s, 40 * s, 60 * s, 60 * s}, pauses(pool.ErrNoCapacity)[:6])
	require.Equal(t, 60*s, pauses(pool.ErrNoCapacity)[39])
}

// The second host type stands in only where there is one, and only for capacity: a throttled call would be throttled for
// either.
func TestFallback(t *testing.T) {
	with := func(fallback bool, primary, second pool.Refusal) string {
		s := calm()
		s.Waiting, s.Policy.Fallback = 60, fallback
		s.Primary.Refused, s.Fallback.Refused = primary, second
		return decide(s)[0]
	}
	none := pool.Refusal{Err: pool.ErrNoCapacity, Last: noon, Times: 1}
	long := pool.Refusal{Err: pool.ErrNoCapacity, Last: noon, Times: 3}
	throttled := pool.Refusal{Err: pool.ErrThrottled, Last: noon, Times: 1}
	const why = "20 busy and 70 idle need 3 hosts, 2 here and 0 coming"
	require.Equal(t, "scale primary hosts to 3: "+why, with(true, pool.Refusal{}, long))
	require.Equal(t, "scale fallback hosts to 1: "+why+"; primary: no capacity, 1 time in a row", with(true, none, pool.Refusal{}))
	require.Equal(t, "wait with hosts (1) until 12:00:05: primary: no capacity, 1 time in a row", with(false, none, pool.Refusal{}))
	require.Equal(t, "wait with hosts (1) until 12:00:01: primary: throttled, 1 time in a row", with(true, throttled, pool.Refusal{}))
	require.Equal(t, "wait with hosts (1) until 12:00:05: primary: no capacity, 3 times in a row; fallback: no capacity, 1 time in a row", with(true, long, none))
}
