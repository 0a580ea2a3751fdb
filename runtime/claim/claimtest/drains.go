package claimtest

import (
	"time"

	"github.com/stretchr/testify/require"

	"workerfleet/runtime/claim"
	"workerfleet/runtime/fleet"
)

// drained is who takes a host out of service.
func (b *bench) drained(host fleet.Host) claim.Drainer {
	b.Helper()
	for _, h := range b.stock().Hosts {
		if h.Host == host {
			return h.Drained
		}
	}
	b.Fatalf("%s does not beat", host)
	return ""
}

func (b *bench) drain(host fleet.Host, by claim.Drainer) {
	b.Helper()
	known, err := b.store.Drain(b.ctx, host, by)
	require.NoError(b, err)
	require.True(b, known)
}

func (b *bench) undrain(host fleet.Host, by claim.Drainer) bool {
	b.Helper()
	undone, err := b.store.Undrain(b.ctx, host, by, b.terms)
	require.NoError(b, err)
	return undone
}

func drainingHostsServeNobody(b *bench) {
	b.open()
	known, err := b.store.Drain(b.ctx, "h1", claim.ByOperator)
	require.NoError(b, err)
	require.False(b, known, "nobody has heard of it")
	b.idle("w1", "h1", 1)
	served := b.serving("ann")
	b.idle("w2", "h1", 1)
	b.idle("w3", "h1", 1)
	b.drain("h1", claim.ByOperator)
	require.Equal(b, claim.ByOperator, b.drained("h1"))
	require.Zero(b, b.census().Free)
	require.Nil(b, b.claim("bea").Bound)
	require.Equal(b, claim.Ok, b.beat("h1", "w1", 1, served.Epoch), "who is there stays")
	require.Equal(b, claim.Ok, b.beat("h1", "w2", 1, 0), "and the idle ones need not announce themselves again")
	b.idle("w4", "h1", 1)
	require.NoError(b, b.store.Release(b.ctx, "ann", served.Epoch))
	b.idle("w1", "h1", 2)
	require.Nil(b, b.claim("bea").Bound, "neither what comes nor what was reset")
	retired, err := b.store.Retire(b.ctx, claim.Retirement{Host: "h1", Image: 1, Count: 2})
	require.NoError(b, err)
	require.Len(b, retired, 2)
	b.idle("w5", "h2", 1)
	require.Equal(b, fleet.Host("h2"), b.bound("bea").Host)
	require.Nil(b, b.claim("cid").Bound)
	require.True(b, b.undrain("h1", ""))
	require.Empty(b, b.drained("h1"))
	bound := b.bound("cid")
	require.Equal(b, fleet.Host("h1"), bound.Host, "who waits is served at once")
	require.NotContains(b, retired, bound.Worker)
	require.Equal(b, 1, b.census().Free)
	healed, err := b.store.Heal(b.ctx, 0, 100, b.terms)
	require.NoError(b, err)
	require.Empty(b, healed.Repairs)
}

func marksHaveOwners(b *bench) {
	b.heard(1)
	const host = "host-00"
	require.False(b, b.undrain(host, ""))
	b.drain(host, claim.ByCluster)
	b.drain(host, claim.ByImage)
	require.Equal(b, claim.ByCluster, b.drained(host), "the first stays")
	require.False(b, b.undrain(host, claim.ByImage))
	b.drain(host, claim.ByOperator)
	require.False(b, b.undrain(host, claim.ByCluster))
	require.Equal(b, claim.ByOperator, b.drained(host))
	require.True(b, b.undrain(host, claim.ByOperator))
	require.Empty(b, b.drained(host))
}

// marksOutlastSilence are those of hosts that are forgotten, and come back under their names.
func marksOutlastSilence(b *bench) {
	b.open()
	b.heard(3)
	for host, by := range map[fleet.Host]claim.Drainer{"host-00": claim.ByOperator, "host-01": claim.ByCluster} {
		b.drain(host, by)
		require.NoError(b, b.store.Park(b.ctx, host, nil, -time.Minute))
		require.False(b, b.reap(b.terms).Held)
		require.Equal(b, 2, b.census().Hosts)
		b.heard(3)
	}
	require.Equal(b, claim.ByOperator, b.drained("host-00"))
	require.Empty(b, b.drained("host-01"), "who sees it again sets it again")
	b.idle("w1", "host-00", 1)
	require.Nil(b, b.claim("ann").Bound)
	require.True(b, b.undrain("host-00", ""))
	require.Equal(b, fleet.Worker("w1"), b.bound("ann").Worker)
}

func oneWorkerRetires(b *bench) {
	b.open()
	withdraw := func(worker fleet.Worker) claim.State {
		state, known, err := b.store.Withdraw(b.ctx, worker)
		require.NoError(b, err)
		require.True(b, known)
		return state
	}
	_, known, err := b.store.Withdraw(b.ctx, "nobody")
	require.NoError(b, err)
	require.False(b, known)
	b.idle("w1", "h1", 1)
	served := b.serving("ann")
	b.idle("w2", "h1", 1)
	require.Equal(b, claim.Serving, withdraw("w1"))
	require.Equal(b, claim.Draining, withdraw("w2"))
	require.Equal(b, claim.Draining, withdraw("w2"), "again is no more")
	require.Nil(b, b.claim("bea").Bound)
	require.Equal(b, claim.Ok, b.beat("h1", "w1", 1, served.Epoch))
	require.NoError(b, b.store.Release(b.ctx, "ann", served.Epoch))
	require.Equal(b, claim.Ok, b.idle("w1", "h1", 2))
	require.Nil(b, b.claim("bea").Bound, "its next life is nobody's")
	require.Len(b, b.stock().Draining, 2)
	for _, worker := range []fleet.Worker{"w1", "w2"} {
		_, err := b.store.Exit(b.ctx, worker, 2, b.terms)
		require.NoError(b, err)
	}
	require.Empty(b, b.stock().Draining)
	b.idle("w2", "h1", 3)
	require.Equal(b, fleet.Worker("w2"), b.bound("bea").Worker, "who comes after it with its name is another")
}
