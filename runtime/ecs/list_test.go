package ecs_test

import (
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"workerfleet/runtime/ecs"
	"workerfleet/runtime/ecs/emulator"
	"workerfleet/runtime/fleet"
	"workerfleet/runtime/pool"
)

func isA(err, target error) bool { return errors.Is(err, target) }

// A fleet of several pages is listed whole, a hundred a call, without what is stopped and without other families.
func TestListPages(t *testing.T) {
	server, p := bench(t)
	want := map[fleet.Worker]bool{}
	for i := range 25 {
		workers, err := p.Launch(t.Context(), pool.Batch{Key: "b" + string(rune('a'+i)), Count: 10})
		require.NoError(t, err)
		for _, w := range workers {
			want[w] = true
		}
	}
	other := provider(t, server.URL, func(c *ecs.Config) { c.TaskDefinition = "worker-other:1" })
	_, err := other.Launch(t.Context(), pool.Batch{Key: "other", Count: 1})
	require.NoError(t, err)
	tasks, err := p.List(t.Context())
	require.NoError(t, err)
	require.Len(t, tasks, 250)
	for _, task := range tasks {
		require.True(t, want[task.Worker], task.Worker)
	}
	// A slow machine's client asks again for an answer that was late: pages are counted, not calls.
	require.Len(t, distinct(server.Calls("ListTasks"), "nextToken"), 3)
	require.Len(t, distinct(server.Calls("DescribeTasks"), "tasks"), 3)
}

// distinct are the values that a field had among calls.
func distinct(calls []emulator.Call, field string) map[string]bool {
	values := map[string]bool{}
	for _, call := range calls {
		values[fmt.Sprint(call.Input[field])] = true
	}
	return values
}

// A worker has no host while it waits for one, and one that ended while it was listed is left out.
func TestListStates(t *testing.T) {
	server, p := bench(t)
	workers, err := p.Launch(t.Context(), pool.Batch{Key: "states", Count: 3, Image: 8})
	require.NoError(t, err)
	host := emulator.Prefix + "container-instance/fleet/9"
	server.Task(string(workers[0]), "", "PROVISIONING")
	server.Task(string(workers[1]), host, "RUNNING")
	server.Task(string(workers[2]), host, "STOPPED")
	tasks, err := p.List(t.Context())
	require.NoError(t, err)
	require.Len(t, tasks, 2)
	for _, task := range tasks {
		require.Equal(t, pool.Task{
			Worker: task.Worker, Host: map[fleet.Worker]fleet.Host{workers[0]: "", workers[1]: fleet.Host(host)}[task.Worker],
			Image: 8, Key: "states", Launched: task.Launched,
		}, task)
		require.WithinDuration(t, time.Now(), task.Launched, time.Minute)
	}
}

// Reads are repeated where they were refused or lost, and only they.
func TestListRepeats(t *testing.T) {
	server, p := bench(t)
	_, err := p.Launch(t.Context(), pool.Batch{Key: "k", Count: 1})
	require.NoError(t, err)
	server.Lose(1)
	tasks, err := p.List(t.Context())
	require.NoError(t, err)
	require.Len(t, tasks, 1)
	require.Len(t, server.Calls("ListTasks"), 2)
	server.Refuse("ThrottlingException", "Rate exceeded")
	_, err = p.List(t.Context())
	require.ErrorIs(t, err, pool.ErrThrottled)
}

// Listings keep their pace: ten calls at once, then one an interval, together if they run together; and a rested pace
// saves no more than these ten. The time is the bubble's own.
func TestPace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := ecs.NewPace(16)
		begin := time.Now()
		for range 700 {
			require.NoError(t, p.Wait(t.Context()))
		}
		require.InDelta(t, 43.1, time.Since(begin).Seconds(), 0.1, "a full listing of 35,000 workers")
		time.Sleep(time.Hour)
		begin = time.Now()
		for range 26 {
			require.NoError(t, p.Wait(t.Context()))
		}
		require.InDelta(t, 1, time.Since(begin).Seconds(), 0.01)
	})
}
