package keeper_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"workerfleet/runtime/claim"
	"workerfleet/runtime/fleet"
	"workerfleet/runtime/keeper"
	"workerfleet/runtime/pool"
	"workerfleet/runtime/signals"
)

// cluster is a provider of hosts as the test has them.
type cluster struct {
	states []pool.HostState
	err    error
}

func (c *cluster) States(context.Context) ([]pool.HostState, error) {
	return slices.Clone(c.states), c.err
}

func (c *cluster) Shut(_ context.Context, host fleet.Host, shut bool) error {
	for i := range c.states {
		if c.states[i].Host == host {
			c.states[i].Shut = shut
		}
	}
	return nil
}

// hostsBench is an open pool of hosts that beat, with as many sessions as their number on each.
func hostsBench(t *testing.T, hosts int) (*claim.Memory, *cluster, func() keeper.HostsReport) {
	t.Helper()
	store, c := claim.NewMemory(), &cluster{}
	_, err := store.Open(t.Context(), "data")
	require.NoError(t, err)
	for i := range hosts {
		host := fleet.Host(fmt.Sprintf("h%02d", i))
		_, err := store.Beat(t.Context(), host, nil, claim.DefaultTerms())
		require.NoError(t, err)
		for n := range i {
			epoch := fleet.Epoch(i*100 + n + 1)
			_, err := store.Register(t.Context(), claim.Registration{
				Worker: fleet.Worker(fmt.Sprintf("w%d", epoch)), Host: host, Life: 1, Key: "k", User: fleet.User(fmt.Sprintf("u%d", epoch)), Epoch: epoch,
			}, claim.DefaultTerms())
			require.NoError(t, err)
		}
		c.states = append(c.states, pool.HostState{Host: host})
	}
	rounds := keeper.NewHosts(keeper.HostsConfig{Store: store, Keeper: c, Terms: claim.DefaultTerms()})
	return store, c, func() keeper.HostsReport {
		t.Helper()
		report, err := rounds.Pass(t.Context())
		require.NoError(t, err)
		return report
	}
}

// What the cluster gives up goes out of service, and comes back when it is not given up after all; what an operator has marked
// takes no launches, and stays the operator's.
func TestHostsGoOutOfService(t *testing.T) {
	store, c, round := hostsBench(t, 4)
	require.Equal(t, keeper.HostsReport{}, round())
	c.states[1].Ending = true
	require.Equal(t, keeper.HostsReport{Drained: []fleet.Host{"h01"}}, round(), "one that ends takes no launches anyhow")
	_, err := store.Drain(t.Context(), "h02", claim.ByOperator)
	require.NoError(t, err)
	require.Equal(t, keeper.HostsReport{Shut: []fleet.Host{"h02"}}, round())
	require.Equal(t, keeper.HostsReport{}, round())
	c.states[1].Ending = false
	require.Equal(t, keeper.HostsReport{Undrained: []fleet.Host{"h01"}}, round())
	_, err = store.Undrain(t.Context(), "h02", "", claim.DefaultTerms())
	require.NoError(t, err)
	require.Equal(t, keeper.HostsReport{Opened: []fleet.Host{"h02"}}, round())
	c.err = errors.New("throttled")
	_, err = keeper.NewHosts(keeper.HostsConfig{Store: store, Keeper: c}).Pass(t.Context())
	require.ErrorContains(t, err, "ask about the hosts: throttled")
}

// Outdated hosts go a tenth at a time, those with the fewest sessions first, never the last one, none while another one is out
// of service, and none while the index doubts what it sees.
func TestOutdatedHostsGoInTurn(t *testing.T) {
	store, c, round := hostsBench(t, 20)
	for i := range c.states {
		c.states[i].Outdated = i != 0 && i != 3
	}
	require.Equal(t, []fleet.Host{"h01", "h02"}, round().Drained)
	require.Empty(t, round().Drained, "two are under way")
	c.states = slices.DeleteFunc(c.states, func(s pool.HostState) bool { return s.Host == "h01" })
	require.NoError(t, store.Park(t.Context(), "h01", nil, -time.Minute)) // it has ended
	require.Empty(t, round().Drained, "nineteen hosts: one at a time")
	c.states[1].Outdated = false // h02 is another machine under its name
	report := round()
	require.Equal(t, []fleet.Host{"h02"}, report.Undrained)
	require.Equal(t, []fleet.Host{"h04"}, report.Drained)

	_, c, round = hostsBench(t, 1)
	c.states[0].Outdated = true
	require.Empty(t, round().Drained, "the last one")
	store, c, round = hostsBench(t, 12)
	for i := range 4 {
		require.NoError(t, store.Park(t.Context(), fleet.Host(fmt.Sprintf("h%02d", i)), nil, -time.Minute))
	}
	c.states[5].Outdated = true
	require.Empty(t, round().Drained, "four hosts are silent")
}

// Two rounds that decide at once may each take another host out; the next one takes back what is too many, so that not all of
// a small fleet is out of service until its sessions end. A host that the provider has ended is none of those that serve,
// though the index still hears of it.
func TestTooManyOutdatedHostsReturn(t *testing.T) {
	store, c, round := hostsBench(t, 2)
	for i := range c.states {
		c.states[i].Outdated = true
		_, err := store.Drain(t.Context(), c.states[i].Host, claim.ByImage)
		require.NoError(t, err)
	}
	require.Equal(t, []fleet.Host{"h01"}, round().Undrained)
	report := round()
	require.Empty(t, report.Undrained)
	require.Empty(t, report.Drained)

	_, c, round = hostsBench(t, 2)
	c.states = []pool.HostState{{Host: "h00", Outdated: true}}
	require.Empty(t, round().Drained, "the last one, beside one that has ended")
}

// landlord is a group of hosts that follow what is asked for after a while.
type landlord struct {
	desired, asked int
	err            error
}

func (l *landlord) Desired(context.Context, pool.HostType) (int, error) { return l.desired, nil }
func (l *landlord) Grow(_ context.Context, _ pool.HostType, hosts int) error {
	l.asked++
	if l.err != nil {
		return l.err
	}
	l.desired = max(l.desired, hosts)
	return nil
}

// growing makes one round over the bench's pool, which wants sixty workers of twenty a host.
func (b *refillBench) growing(l *landlord) keeper.RefillReport {
	b.Helper()
	r, err := keeper.NewRefill(keeper.RefillConfig{
		Launches: b.store, Provider: b.yard, Group: l, Terms: b.terms, Recorder: signals.Discard{}, Rollout: pool.Rollout{Image: 7},
		Policy: pool.Policy{Peak: 60, PerHost: 20, MaxHosts: 10, Buffer: 60},
		Key:    func() string { b.keys++; return fmt.Sprintf("key-%d", b.keys) },
	})
	require.NoError(b, err)
	b.beat()
	report, err := r.Pass(b.Context())
	if l.err == nil {
		require.NoError(b, err)
	}
	return report
}

// Hosts that are missing are asked for once, whoever makes the round, and count as coming until they have joined; what others
// have asked for counts alike.
func TestHostsAreAskedForAhead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, l := newRefillBench(t), &landlord{desired: 1}
		for range 3 {
			b.growing(l)
		}
		require.Equal(t, []int{1, 3}, []int{l.asked, l.desired}, "sixty workers need three hosts")
		require.Len(t, b.yard.running, 20, "launched as far as there is room")
		l.desired = 7 // a calendar
		time.Sleep(16 * time.Second)
		b.growing(l)
		require.Equal(t, 1, l.asked)
		for i := range 6 {
			_, err := b.store.Beat(t.Context(), fleet.Host(fmt.Sprintf("h%d", i+2)), nil, b.terms)
			require.NoError(t, err)
		}
		report := b.growing(l)
		require.Equal(t, 1, l.asked)
		require.Len(t, b.yard.running, 60, "%v", report.Actions)
	})
}

// Refused requests for hosts pause every round, longer each time.
func TestRefusedHostsPause(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, l := newRefillBench(t), &landlord{desired: 1, err: fmt.Errorf("set the capacity: %w", pool.ErrNoCapacity)}
		for range 20 {
			b.growing(l)
			time.Sleep(16 * time.Second)
		}
		require.Greater(t, l.asked, 3)
		require.Less(t, l.asked, 10, "the pause holds for all")
		require.Equal(t, 1, l.desired)
	})
}
