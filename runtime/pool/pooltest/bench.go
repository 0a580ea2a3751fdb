package pooltest

import (
	"slices"
	"time"

	"github.com/stretchr/testify/require"

	"workerfleet/runtime/fleet"
	"workerfleet/runtime/pool"
)

const (
	defaultPatience = 5 * time.Second
	// glance is how long the suite watches that nothing more happens, and pause the time between two looks.
	glance, pause = 50 * time.Millisecond, 10 * time.Millisecond
)

// launch launches a batch that there is room for.
func (b *Bench) launch(t TB, batch pool.Batch) []fleet.Worker {
	t.Helper()
	workers, err := b.Provider.Launch(t.Context(), batch)
	require.NoError(t, err)
	require.Len(t, workers, batch.Count)
	return workers
}

// await lists until exactly these workers are there.
func (b *Bench) await(t TB, want []fleet.Worker) []pool.Task {
	t.Helper()
	patience := b.Patience
	if patience == 0 {
		patience = defaultPatience
	}
	for deadline := time.Now().Add(patience); ; time.Sleep(pause) {
		tasks, names := b.list(t)
		if slices.Equal(names, sorted(want)) {
			return tasks
		}
		if time.Now().After(deadline) {
			require.ElementsMatch(t, want, names, "the list after %v", patience)
		}
	}
}

// stays watches that these workers remain, and no other appears.
func (b *Bench) stays(t TB, want []fleet.Worker) {
	t.Helper()
	b.await(t, want)
	for end := time.Now().Add(glance); time.Now().Before(end); time.Sleep(pause) {
		_, names := b.list(t)
		require.Equal(t, sorted(want), names, "the list changed")
	}
}

func (b *Bench) list(t TB) ([]pool.Task, []fleet.Worker) {
	t.Helper()
	tasks, err := b.Provider.List(t.Context())
	require.NoError(t, err)
	names := []fleet.Worker{}
	for _, task := range tasks {
		names = append(names, task.Worker)
	}
	return tasks, sorted(names)
}

func sorted(workers []fleet.Worker) []fleet.Worker {
	ordered := append([]fleet.Worker{}, workers...)
	slices.Sort(ordered)
	return ordered
}
