package pooltest

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"workerfleet/runtime/fleet"
	"workerfleet/runtime/pool"
)

// Bench is a provider to hold to the contract, with nothing running on it and room for 25 workers, and the means to bring
// about what it must refuse.
type Bench struct {
	Provider pool.Provider
	// Images are two revisions that it can run.
	Images [2]int64
	// Leave leaves room for n more workers, and no more. Nil where no limit can be set: the case is skipped.
	Leave func(t TB, n int)
	// Throttle makes the provider refuse further calls as too many, or ends that. Nil where nothing throttles.
	Throttle func(t TB, on bool)
	// Patience is how long List may be behind; 0 is five seconds.
	Patience time.Duration
}

// TB is what a case needs of a test.
type TB interface {
	require.TestingT
	Helper()
	Context() context.Context
	Skip(args ...any)
}

type contract struct {
	name string
	run  func(t TB, b *Bench)
}

func contracts() []contract {
	return []contract{
		{"a batch is launched, listed with its image and key, and stopped", launchListStop},
		{"a repeated launch starts nothing more and returns the same workers", launchIsIdempotent},
		{"launches at once under one key start one batch", launchRacesWithItself},
		{"different keys start different workers", keysDiffer},
		{"a count outside 1 to 10 is refused and starts nothing", countsAreBounded},
		{"stopping is idempotent, and a stranger's stop is no error", stopIsIdempotent},
		{"a stopped worker is not started again by its launch's repetition", stopIsFinal},
		{"a launch beyond the room starts what fits and says no capacity", noCapacity},
		{"a throttled call did nothing and may be repeated", throttled},
		{"a call whose context has ended is an error", contextEnds},
	}
}

// Run holds a provider to the contract. fresh returns a new bench; each case asks for its own. Clean-up is fresh's.
func Run(t *testing.T, fresh func(t *testing.T) *Bench) {
	for _, c := range contracts() {
		t.Run(c.name, func(t *testing.T) { c.run(t, fresh(t)) })
	}
}

func launchListStop(t TB, b *Bench) {
	started := time.Now()
	first := b.launch(t, pool.Batch{Key: "first", Count: 3, Image: b.Images[0]})
	second := b.launch(t, pool.Batch{Key: "second", Count: 10, Image: b.Images[1]})
	require.Len(t, first, 3)
	require.Len(t, second, 10)
	for _, task := range b.await(t, slices.Concat(first, second)) {
		key, image := "first", b.Images[0]
		if slices.Contains(second, task.Worker) {
			key, image = "second", b.Images[1]
		}
		require.Equal(t, key, task.Key)
		require.Equal(t, image, task.Image)
		require.WithinRange(t, task.Launched, started.Add(-time.Minute), time.Now().Add(time.Minute), "the provider's clock may differ by a minute")
		_, err := fleet.ParseWorker(string(task.Worker))
		require.NoError(t, err)
	}
	require.NoError(t, b.Provider.Stop(t.Context(), first[1]))
	b.await(t, slices.Concat([]fleet.Worker{first[0], first[2]}, second))
}

func launchIsIdempotent(t TB, b *Bench) {
	batch := pool.Batch{Key: "once", Count: 4, Image: b.Images[0]}
	workers := b.launch(t, batch)
	for range 2 {
		require.ElementsMatch(t, workers, b.launch(t, batch))
	}
	b.await(t, workers)
	b.stays(t, workers)
}

func launchRacesWithItself(t TB, b *Bench) {
	batch := pool.Batch{Key: "race", Count: 5, Image: b.Images[0]}
	answers, errs := make([][]fleet.Worker, 4), make([]error, 4)
	var all sync.WaitGroup
	for i := range answers {
		all.Go(func() { answers[i], errs[i] = b.Provider.Launch(t.Context(), batch) })
	}
	all.Wait()
	for i := range answers {
		require.NoError(t, errs[i])
		require.ElementsMatch(t, answers[0], answers[i])
	}
	b.await(t, answers[0])
	b.stays(t, answers[0])
}

func keysDiffer(t TB, b *Bench) {
	one := b.launch(t, pool.Batch{Key: "one", Count: 2, Image: b.Images[0]})
	two := b.launch(t, pool.Batch{Key: "two", Count: 2, Image: b.Images[0]})
	b.await(t, slices.Concat(one, two))
}

func countsAreBounded(t TB, b *Bench) {
	for _, count := range []int{-1, 0, pool.BatchLimit + 1} {
		workers, err := b.Provider.Launch(t.Context(), pool.Batch{Key: fmt.Sprint("count", count), Count: count, Image: b.Images[0]})
		require.Error(t, err, "count %d", count)
		require.NotErrorIs(t, err, pool.ErrNoCapacity)
		require.NotErrorIs(t, err, pool.ErrThrottled)
		require.Empty(t, workers)
	}
	b.stays(t, nil)
}

func stopIsIdempotent(t TB, b *Bench) {
	workers := b.launch(t, pool.Batch{Key: "stop", Count: 2, Image: b.Images[0]})
	require.NoError(t, b.Provider.Stop(t.Context(), workers[0]))
	require.NoError(t, b.Provider.Stop(t.Context(), workers[0]))
	b.await(t, workers[1:])
	require.NoError(t, b.Provider.Stop(t.Context(), workers[0]), "long gone")
	require.NoError(t, b.Provider.Stop(t.Context(), workers[0]+"-that-never-was"))
	b.stays(t, workers[1:])
}

func stopIsFinal(t TB, b *Bench) {
	batch := pool.Batch{Key: "final", Count: 2, Image: b.Images[0]}
	workers := b.launch(t, batch)
	require.NoError(t, b.Provider.Stop(t.Context(), workers[0]))
	b.await(t, workers[1:])
	require.ElementsMatch(t, workers, b.launch(t, batch))
	b.stays(t, workers[1:])
}
