package claimtest

import (
	"fmt"

	"github.com/stretchr/testify/require"

	"workerfleet/runtime/fleet"
	"workerfleet/runtime/fleet/fleettest"
)

// Whatever stands in a user's name – what separates parts of a key, what chooses a slot, what a script could take for its
// own – the user has a worker of their own, and nobody else's session changes. Names are checked before; a store does not
// rest on that.
func namesAreData(b *bench) {
	b.open()
	b.idle("w-ann", "h1", 1)
	first := b.serving("ann")
	for n, text := range fleettest.Hostile() {
		worker := fmt.Sprint("w", n)
		b.idle(worker, "h1", 1)
		bound := b.serving(text)
		require.Equal(b, fleet.Worker(worker), bound.Worker, text)
		require.Equal(b, fleet.User(text), bound.User)
		record, known, err := b.store.Worker(b.ctx, bound.Worker)
		require.NoError(b, err)
		require.True(b, known)
		require.Equal(b, fleet.User(text), record.User)
		require.NoError(b, b.store.Release(b.ctx, fleet.User(text), bound.Epoch))
		require.Nil(b, b.claim(text).Bound, "it waits: nobody is free")
		require.NoError(b, b.store.Leave(b.ctx, fleet.User(text)))
	}
	require.Zero(b, b.census().Waiting)
	require.Equal(b, first, b.bound("ann"))
	healed, err := b.store.Heal(b.ctx, 0, 1000, b.terms)
	require.NoError(b, err)
	for kind, n := range healed.Repairs {
		require.Zero(b, n, kind)
	}
}
