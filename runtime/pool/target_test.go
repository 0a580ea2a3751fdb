package pool_test

import (
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"workerfleet/runtime/fleet"
	"workerfleet/runtime/pool"
)

// busy is a host with sessions and idle workers of image 1.
func busy(name string, sessions, idle int) pool.Host {
	return pool.Host{Name: fleet.Host(name), Type: pool.Primary, Workers: []pool.Stock{{Image: 1, Busy: sessions, Idle: idle}}}
}

// Each policy alone decides the target when it wants the most, and says so with its figures; all stand beside it.
func TestTheLargestPolicyDecides(t *testing.T) {
	quiet := func() pool.Snapshot {
		return pool.Snapshot{Now: at(t, "2026-11-24 03:00"), Policy: largest(t), Hosts: []pool.Host{busy("1", 100, 0)}}
	}
	s := quiet()
	require.Equal(t, pool.Target{Idle: 1750, Buffer: 1750, Reason: "buffer: 1750"}, pool.Aim(s), "5 % of the peak unless stated")

	s.Waiting = 1751
	require.Equal(t, pool.Target{Idle: 1751, Buffer: 1750, Queue: 1751, Reason: "queue: 1751 users waiting"}, pool.Aim(s))

	s = quiet()
	s.Now = at(t, "2026-11-24 10:00")
	require.Equal(t, pool.Target{Idle: 34_900, Buffer: 1750, Schedule: 34_900,
		Reason: "schedule: 100 % of the peak 35000 expected, 100 busy"}, pool.Aim(s), "those who have their worker need no other")

	s = quiet()
	s.Arrivals = map[int][]int{pool.MinuteOfWeek(s.Now): {2000, 10, 10}}
	require.Equal(t, pool.Target{Idle: 2105, Buffer: 1750, Prediction: 2105,
		Reason: "prediction: 2000.0 claims expected within 1m0s, and chance"}, pool.Aim(s), "2000 + 2.33 × √2000 = 2104.2")
}

// No target goes beyond what the caps leave, whoever wants it.
func TestTargetIsCapped(t *testing.T) {
	p := small()
	p.MaxWorkers = 50
	s := pool.Snapshot{Now: utc("2026-11-24 10:00"), Policy: p, Hosts: []pool.Host{busy("1", 30, 0), busy("2", 12, 0)}, Waiting: 300}
	target := pool.Aim(s)
	require.Equal(t, 8, target.Idle)
	require.Equal(t, 300, target.Queue)
	require.Equal(t, "queue: 300 users waiting; 50 workers are the most, 42 of them busy", target.Reason)
	s.Arrivals = map[int][]int{pool.MinuteOfWeek(s.Now): {math.MaxInt}}
	require.Equal(t, 50, pool.Aim(s).Prediction, "a count beyond all reason is no overflow")
	s.Hosts = append(s.Hosts, busy("3", 20, 0))
	require.Zero(t, pool.Aim(s).Idle, "a cap lowered below the sessions")
}

// The prediction reads the minutes that the lead covers, partly where it covers a part, takes the stated quantile of
// the weeks and adds chance: much for few claims, little for many.
func TestPrediction(t *testing.T) {
	p := small()
	p.Buffer, p.MaxHosts, p.Drift = 1, 1000, 1 // none: less than a minute
	s := pool.Snapshot{Now: utc("2026-11-24 10:00").Add(30 * time.Second), Policy: p}
	minute := pool.MinuteOfWeek(s.Now)
	predict := func(arrivals map[int][]int) int {
		s.Arrivals = arrivals
		return pool.Aim(s).Prediction
	}
	require.Zero(t, predict(nil))
	require.Equal(t, 6, predict(map[int][]int{minute: {2}, minute + 1: {2}}), "2 + 2.33 × √2 = 5.3")
	require.Equal(t, 4, predict(map[int][]int{minute + 1: {2}}), "half of the next minute: 1 + 2.33 × 1 = 3.3")
	require.Zero(t, predict(map[int][]int{minute + 2: {900}}), "beyond the lead")
	weeks := []int{9, 0, 4, 4}
	s.Policy.Guard = 1e-12
	s.Policy.Quantile = 0.75
	require.Equal(t, 4, predict(map[int][]int{minute: weeks, minute + 1: weeks}))
	s.Policy.Quantile = 0.76
	require.Equal(t, 9, predict(map[int][]int{minute: weeks, minute + 1: weeks}))
	require.Equal(t, []int{9, 0, 4, 4}, weeks, "the snapshot was changed")
	require.Equal(t, 9, predict(map[int][]int{minute: {18, 0, 0}, minute + 1: {0, 18, 8}}), "the quantile of whole intervals, not of minutes")
	s.Policy.Drift = 2 * time.Minute
	require.Equal(t, 9, predict(map[int][]int{minute + 2: {9}, minute + 3: {9}}), "what came two minutes later may come now")
	require.Equal(t, 9, predict(map[int][]int{minute - 2: {18}}), "or what came two minutes ago")
	require.Zero(t, predict(map[int][]int{minute - 3: {900}, minute + 4: {900}}))
}

// Minutes are numbered by the exchange's clock from Monday 00:00 on, so that the open has one number all year, and the
// history is read by it.
func TestMinuteOfWeek(t *testing.T) {
	require.Equal(t, 0, pool.MinuteOfWeek(utc("2026-11-23 00:00")))
	require.Equal(t, pool.MinutesPerWeek-1, pool.MinuteOfWeek(utc("2026-11-22 23:59")))
	calendar := market(t, pool.Market{TimeZone: "America/New_York", Open: "09:30", Close: "16:00"})
	winter, summer := utc("2026-03-02 14:30"), utc("2026-03-09 13:30")
	require.Equal(t, 9*60+30, pool.MinuteOfWeek(winter.In(calendar.Zone())))
	require.Equal(t, 9*60+30, pool.MinuteOfWeek(summer.In(calendar.Zone())))
	s := pool.Snapshot{Now: summer, Policy: small(), Arrivals: map[int][]int{9*60 + 30: {4}}}
	require.Zero(t, pool.Aim(s).Prediction)
	s.Policy.Calendar = calendar
	require.Equal(t, 9, pool.Aim(s).Prediction, "4 + 2.33 × 2 = 8.7")
}

// Every wrong field is named with what would be allowed, all at once; a decision on such a policy does nothing but say
// so. Fields that are not stated get their defaults.
func TestPolicy(t *testing.T) {
	_, err := pool.Policy{MinHosts: 3, MaxHosts: 2, Buffer: -1, CanaryShare: 1.5, Quantile: -0.1, Guard: 11, WorkerLead: -1, HostLead: 25 * time.Hour, Drift: -1,
		Window: -1, MaxWorkers: -1, Prewarm: pool.Prewarm{Lead: time.Minute, Full: time.Hour}}.Complete()
	require.EqualError(t, err, `peak: 0 is not allowed; allowed: 1 to 1000000
perHost: 0 is not allowed; allowed: 1 to 10000
minHosts: 3 is not allowed; allowed: 0 to 2
maxWorkers: -1 is not allowed; allowed: 1 to 1
buffer: -1 is not allowed; allowed: 1 to 1000000
prewarm.full: 1h0m0s is not allowed; allowed: at most prewarm.lead, 1m0s
quantile: -0.1 is not allowed; allowed: 0 to 1
guard: 11 is not allowed; allowed: 0 to 10
drift: -1ns is not allowed; allowed: 0s to 24h
workerLead: -1ns is not allowed; allowed: 1ms to 24h
hostLead: 25h0m0s is not allowed; allowed: 1ms to 24h
window: -1ns is not allowed; allowed: 1ms to 24h
canaryShare: 1.5 is not allowed; allowed: 0 to 1`)
	broken := pool.Snapshot{Waiting: 5, Tokens: 100, Hosts: []pool.Host{busy("1", 0, 5)}}
	require.Equal(t, err.(pool.Problems)[0].Field, "peak")
	require.Len(t, pool.Decide(broken), 1)
	require.Contains(t, pool.Decide(broken)[0].String(), "the policy is wrong: peak: 0 is not allowed")
	require.Contains(t, pool.Aim(broken).Reason, "peak: 0 is not allowed")

	p, err := pool.Policy{Peak: 35, PerHost: 30, MaxHosts: 3}.Complete()
	require.NoError(t, err)
	require.Equal(t, pool.Policy{Peak: 35, PerHost: 30, MaxHosts: 3, MaxWorkers: 90, Buffer: 2, Quantile: 0.95, Guard: 2.33, Drift: 2 * time.Minute,
		Prewarm:    pool.Prewarm{Lead: 30 * time.Minute, Full: 5 * time.Minute},
		WorkerLead: time.Minute, HostLead: 3 * time.Minute, Window: 3 * time.Minute}, p)
}
