package ecs_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"workerfleet/runtime/ecs"
	"workerfleet/runtime/ecs/emulator"
	"workerfleet/runtime/fleet"
	"workerfleet/runtime/pool"
)

// Of a host's tasks those are ended that ECS describes as stopped: not one that runs, nor one that is only asked to stop,
// nor another host's.
func TestWitness(t *testing.T) {
	cluster, p := bench(t)
	workers, err := p.Launch(t.Context(), pool.Batch{Key: "k", Count: 4})
	require.NoError(t, err)
	const host = emulator.Prefix + "container-instance/fleet/1"
	for _, worker := range workers[:3] {
		require.NoError(t, p.Stop(t.Context(), worker))
	}
	cluster.Task(string(workers[1]), host, "STOPPING")
	cluster.Task(string(workers[2]), emulator.Prefix+"container-instance/fleet/2", "STOPPED")
	witness := ecs.NewWitness(config(cluster.URL), "fleet")
	ended, err := witness.Ended(t.Context(), host)
	require.NoError(t, err)
	require.Equal(t, []fleet.Worker{workers[0]}, ended)
	cluster.Refuse("AccessDeniedException", "no")
	_, err = witness.Ended(t.Context(), host)
	require.ErrorContains(t, err, "list what stopped")
}
