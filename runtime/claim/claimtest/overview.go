package claimtest

import (
	"fmt"
	"slices"
	"time"

	"github.com/stretchr/testify/require"

	"workerfleet/runtime/claim"
	"workerfleet/runtime/fleet"
)

func overview(b *bench) {
	b.open()
	for i := range 5 {
		b.idle(fmt.Sprintf("w%d", i), fmt.Sprintf("h%d", i%2), 1)
	}
	served := b.serving("ann")
	_, _, err := b.store.Withdraw(b.ctx, served.Worker)
	require.NoError(b, err)
	b.drain("h1", claim.ByOperator)

	all, err := b.store.Workers(b.ctx, time.UnixMilli(0), 10)
	require.NoError(b, err)
	require.Len(b, all, 5)
	names := []fleet.Worker{}
	for i, w := range all {
		names = append(names, w.ID)
		require.WithinDuration(b, b.stock().Now.Add(b.terms.TTL), w.Lease, time.Minute)
		require.True(b, i == 0 || !w.Lease.Before(all[i-1].Lease), "the soonest first")
		require.Equal(b, w.ID == served.Worker, w.Leaving)
		require.Equal(b, w.ID == served.Worker, w.User == "ann")
	}
	slices.Sort(names)
	require.Equal(b, []fleet.Worker{"w0", "w1", "w2", "w3", "w4"}, names)
	first, err := b.store.Workers(b.ctx, time.UnixMilli(0), 2)
	require.NoError(b, err)
	require.Equal(b, all[:2], first)
	last, err := b.store.Workers(b.ctx, all[4].Lease, 10)
	require.NoError(b, err)
	require.Contains(b, last, all[4])
	last, err = b.store.Workers(b.ctx, all[4].Lease.Add(time.Millisecond), 10)
	require.NoError(b, err)
	require.Empty(b, last)

	for _, user := range []string{"bea", "cid", "dan", "eve", "fay"} {
		b.claim(user) // of h0's three idle workers one is taken
		soon()
	}
	waiting, err := b.store.Waiting(b.ctx, 0, 2)
	require.NoError(b, err)
	more, err := b.store.Waiting(b.ctx, 2, 10)
	require.NoError(b, err)
	waiting = append(waiting, more...)
	require.Equal(b, fleet.User("fay"), waiting[len(waiting)-1].User)
	for rank, w := range waiting {
		require.Equal(b, rank, w.Rank)
		require.WithinDuration(b, b.stock().Now, w.Since, time.Minute)
		require.Equal(b, b.terms.Renew, w.Until.Sub(w.Since))
	}

	heard, err := b.store.Heard(b.ctx)
	require.NoError(b, err)
	require.Len(b, heard, 2)
	require.Equal(b, []any{fleet.Host("h0"), claim.Drainer("")}, []any{heard[0].Host, heard[0].Drained})
	require.Equal(b, []any{fleet.Host("h1"), claim.ByOperator}, []any{heard[1].Host, heard[1].Drained})
	require.WithinDuration(b, b.stock().Now, heard[1].Last, time.Minute)
}
