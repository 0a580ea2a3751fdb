package pooltest

import (
	"context"
	"slices"

	"github.com/stretchr/testify/require"

	"workerfleet/runtime/fleet"
	"workerfleet/runtime/pool"
)

func noCapacity(t TB, b *Bench) {
	if b.Leave == nil {
		t.Skip("this provider's room cannot be limited")
	}
	b.Leave(t, 3)
	batch := pool.Batch{Key: "large", Count: 5, Image: b.Images[0]}
	workers, err := b.Provider.Launch(t.Context(), batch)
	require.ErrorIs(t, err, pool.ErrNoCapacity)
	require.NotErrorIs(t, err, pool.ErrThrottled)
	require.Len(t, workers, 3, "what fits was not started")
	b.await(t, workers)

	again, err := b.Provider.Launch(t.Context(), batch)
	require.ErrorIs(t, err, pool.ErrNoCapacity, "a key's answer changed")
	require.ElementsMatch(t, workers, again)
	none, err := b.Provider.Launch(t.Context(), pool.Batch{Key: "more", Count: 1, Image: b.Images[0]})
	require.ErrorIs(t, err, pool.ErrNoCapacity)
	require.Empty(t, none)

	b.Leave(t, 2)
	rest := b.launch(t, pool.Batch{Key: "rest", Count: 2, Image: b.Images[0]})
	b.await(t, slices.Concat(workers, rest))
	again, err = b.Provider.Launch(t.Context(), batch)
	require.ErrorIs(t, err, pool.ErrNoCapacity, "new room was given to an old key")
	require.ElementsMatch(t, workers, again)
	b.stays(t, slices.Concat(workers, rest))
}

func throttled(t TB, b *Bench) {
	if b.Throttle == nil {
		t.Skip("nothing throttles this provider")
	}
	workers := b.launch(t, pool.Batch{Key: "before", Count: 2, Image: b.Images[0]})
	b.await(t, workers)
	b.Throttle(t, true)
	batch := pool.Batch{Key: "busy", Count: 3, Image: b.Images[0]}
	none, err := b.Provider.Launch(t.Context(), batch)
	require.ErrorIs(t, err, pool.ErrThrottled)
	require.NotErrorIs(t, err, pool.ErrNoCapacity)
	require.Empty(t, none)
	require.ErrorIs(t, b.Provider.Stop(t.Context(), workers[0]), pool.ErrThrottled)
	b.Throttle(t, false)
	b.stays(t, workers)
	workers = slices.Concat(workers, b.launch(t, batch))
	require.Len(t, workers, 5)
	require.NoError(t, b.Provider.Stop(t.Context(), workers[0]))
	b.await(t, workers[1:])
}

// Whether a call with an ended context happened is open, so only its error is judged.
func contextEnds(t TB, b *Bench) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := b.Provider.Launch(ctx, pool.Batch{Key: "late", Count: 1, Image: b.Images[0]})
	require.ErrorIs(t, err, context.Canceled)
	_, err = b.Provider.List(ctx)
	require.ErrorIs(t, err, context.Canceled)
	require.ErrorIs(t, b.Provider.Stop(ctx, fleet.Worker("nobody")), context.Canceled)
}
