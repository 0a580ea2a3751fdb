package ecs_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"workerfleet/runtime/ecs"
	"workerfleet/runtime/ecs/emulator"
	"workerfleet/runtime/fleet"
	"workerfleet/runtime/pool"
)

func arn(n int) string { return fmt.Sprintf("%scontainer-instance/fleet/%d", emulator.Prefix, n) }

func hosts(t *testing.T) (*ecs.Hosts, *emulator.Server) {
	t.Helper()
	server := emulator.New(t)
	h, err := ecs.NewHosts(config(server.URL), "fleet", "workers")
	require.NoError(t, err)
	server.Hosts(
		emulator.Host{ARN: arn(1), Instance: "i-1", Status: "ACTIVE", Lifecycle: "InService", Version: "7"},
		emulator.Host{ARN: arn(2), Instance: "i-2", Status: "ACTIVE", Lifecycle: "InService", Version: "6"},
		emulator.Host{ARN: arn(3), Instance: "i-3", Status: "DRAINING", Lifecycle: "InService", Version: "7"},
		emulator.Host{ARN: arn(4), Instance: "i-4", Status: "ACTIVE", Lifecycle: "Terminating:Wait", Version: "7"},
		emulator.Host{ARN: arn(5), Instance: "i-5", Status: "ACTIVE", Lifecycle: "InService", Version: "7", Attributes: []string{"fleet.closed"}},
	)
	server.Group(func(g *emulator.Group) { *g = emulator.Group{Desired: 5, Max: 8, Version: "7"} })
	return h, server
}

// Hosts are seen as ECS and their group have them: given up by either, started from an older template, closed to launches. A
// host is closed by an attribute that RunTask looks for, and nothing else is done to it.
func TestHosts(t *testing.T) {
	h, server := hosts(t)
	states, err := h.States(t.Context())
	require.NoError(t, err)
	require.Equal(t, []pool.HostState{
		{Host: fleet.Host(arn(1))}, {Host: fleet.Host(arn(2)), Outdated: true}, {Host: fleet.Host(arn(3)), Ending: true},
		{Host: fleet.Host(arn(4)), Ending: true}, {Host: fleet.Host(arn(5)), Shut: true},
	}, states)
	for range 2 {
		require.NoError(t, h.Shut(t.Context(), fleet.Host(arn(1)), true))
		require.NoError(t, h.Shut(t.Context(), fleet.Host(arn(5)), false))
	}
	states, err = h.States(t.Context())
	require.NoError(t, err)
	require.Equal(t, []bool{true, false}, []bool{states[0].Shut, states[4].Shut})
	require.NoError(t, h.Shut(t.Context(), fleet.Host(arn(9)), true), "one that is gone")
	first, _ := server.Host(arn(1))
	require.Equal(t, "ACTIVE", first.Status)

	_, err = provider(t, server.URL, nil).Launch(t.Context(), pool.Batch{Key: "k", Count: 1})
	require.NoError(t, err)
	require.Equal(t, []any{map[string]any{"type": "memberOf", "expression": "attribute:fleet.closed not_exists"}}, server.Calls("RunTask")[0].Input["placementConstraints"])
}

// The group grows to the number, to its maximum and never down, and its name is asked for once. What it refuses is told
// apart.
func TestGroup(t *testing.T) {
	h, server := hosts(t)
	desired := func() int {
		n, err := h.Desired(t.Context(), pool.Primary)
		require.NoError(t, err)
		return n
	}
	require.Equal(t, 5, desired())
	require.NoError(t, h.Grow(t.Context(), pool.Primary, 4))
	require.Empty(t, server.Calls("SetDesiredCapacity"), "never down")
	require.NoError(t, h.Grow(t.Context(), pool.Primary, 7))
	require.Equal(t, 7, desired())
	require.NoError(t, h.Grow(t.Context(), pool.Primary, 12))
	require.Equal(t, 8, desired(), "the maximum")
	require.Len(t, server.Calls("DescribeCapacityProviders"), 1)
	server.Group(func(g *emulator.Group) { g.Busy, g.Max = true, 10 })
	require.ErrorIs(t, h.Grow(t.Context(), pool.Primary, 9), pool.ErrThrottled)
	server.Refuse("ThrottlingException", "Rate exceeded")
	require.ErrorIs(t, h.Shut(t.Context(), fleet.Host(arn(1)), true), pool.ErrThrottled)
	_, err := ecs.NewHosts(config(server.URL), "fleet", "")
	require.EqualError(t, err, "cluster, capacity provider: one is empty; allowed: both stated")
}
