package claimtest

import (
	"fmt"
	"time"

	"github.com/stretchr/testify/require"

	"workerfleet/runtime/claim"
	"workerfleet/runtime/fleet"
)

func (b *bench) stock() claim.Stocktake {
	b.Helper()
	stock, err := b.store.Stock(b.ctx, b.terms)
	require.NoError(b, err)
	return stock
}

func (b *bench) reserve(p claim.Plan) {
	b.Helper()
	require.NoError(b, b.store.Reserve(b.ctx, p, b.terms))
}

// coming lists what is coming without its deadlines, which depend on the clock.
func (b *bench) coming() []claim.Coming {
	b.Helper()
	list := b.stock().Coming
	for i := range list {
		list[i].Deadline = time.Time{}
	}
	return list
}

func stockByHostAndImage(b *bench) {
	require.False(b, b.stock().Open)
	b.open()
	b.idle("w1", "h2", 1)
	b.idle("w2", "h1", 1)
	b.register(claim.Registration{Worker: "w3", Host: "h1", Life: 1, Revision: 2, Key: "k"}, b.terms)
	b.serving("ann") // on the newest image
	ended := b.serving("bea")
	require.NoError(b, b.store.Release(b.ctx, "bea", ended.Epoch))
	b.idleWith("w4", "h3", 1, b.terms)
	_, err := b.store.Beat(b.ctx, "h4", nil, b.terms)
	require.NoError(b, err)
	stock := b.stock()
	require.True(b, stock.Open)
	require.Zero(b, stock.Waiting)
	hosts := map[fleet.Host][]claim.ImageStock{}
	for _, h := range stock.Hosts {
		hosts[h.Host] = h.Images
	}
	resetting := claim.ImageStock{Image: 1, Resetting: 1}
	idle := claim.ImageStock{Image: 1, Idle: 1}
	on := map[fleet.Worker]fleet.Host{"w1": "h2", "w2": "h1"}
	want := map[fleet.Host][]claim.ImageStock{"h3": {idle}, "h4": nil}
	for worker, host := range on {
		if worker == ended.Worker {
			want[host] = append(want[host], resetting)
		} else {
			want[host] = append(want[host], idle)
		}
	}
	want["h1"] = append(want["h1"], claim.ImageStock{Image: 2, Busy: 1})
	require.Equal(b, want, hosts)

	past := b.terms
	past.TTL, past.Guard = -time.Minute, 0
	silent, err := b.store.Stock(b.ctx, past)
	require.NoError(b, err)
	require.Empty(b, silent.Hosts, "silent hosts are left out")
}

func plansAreExclusive(b *bench) {
	seen := b.stock()
	require.Zero(b, seen.Version)
	b.reserve(claim.Plan{Seen: seen.Version, Text: "first", Calls: 1, Batches: []claim.Reservation{{Key: "k1", Image: 7, Count: 10}}})
	err := b.store.Reserve(b.ctx, claim.Plan{Seen: seen.Version, Text: "second", Calls: 1, Batches: []claim.Reservation{{Key: "k2", Image: 7, Count: 10}}}, b.terms)
	require.ErrorIs(b, err, claim.ErrStale, "two passes that saw one deficit must not both launch")
	after := b.stock()
	require.Equal(b, "first", after.Text)
	require.Equal(b, seen.Version+1, after.Version)
	require.Equal(b, []claim.Coming{{Reservation: claim.Reservation{Key: "k1", Image: 7, Count: 10}}}, b.coming())
	require.WithinRange(b, after.Coming[0].Deadline, after.Now.Add(b.terms.Launch-time.Minute), after.Now.Add(b.terms.Launch))
}

func callsAreShared(b *bench) {
	require.Equal(b, claim.CallsBurst, b.stock().Calls)
	b.reserve(claim.Plan{Calls: claim.CallsBurst})
	left := b.stock()
	require.Less(b, left.Calls, claim.CallsBurst/2)
	err := b.store.Reserve(b.ctx, claim.Plan{Seen: left.Version, Text: "greedy", Calls: claim.CallsBurst}, b.terms)
	require.ErrorIs(b, err, claim.ErrStale)
	require.Empty(b, b.stock().Text, "what was refused changed nothing")
}

func comingUntilRegistered(b *bench) {
	b.open()
	b.reserve(claim.Plan{Calls: 1, Batches: []claim.Reservation{{Key: "k1", Image: 7, Count: 3}}})
	b.idle("quick", "h1", 1) // registers before the launch was answered
	require.NoError(b, b.store.Launched(b.ctx, "k1", []fleet.Worker{"quick", "slow"}))
	named := claim.Coming{Reservation: claim.Reservation{Image: 7, Count: 1}, Worker: "slow"}
	require.Equal(b, []claim.Coming{named}, b.coming(), "the third did not fit and is not coming")
	require.NoError(b, b.store.Launched(b.ctx, "k1", []fleet.Worker{"quick", "slow"}), "repeating is harmless")
	require.NoError(b, b.store.Launched(b.ctx, "slow", []fleet.Worker{"stranger"}), "a worker is no reservation")
	require.Equal(b, []claim.Coming{named}, b.coming())
	b.idle("slow", "h1", 1)
	require.Empty(b, b.coming())

	lost := b.terms
	lost.Launch = -time.Second
	require.NoError(b, b.store.Reserve(b.ctx, claim.Plan{Seen: 1, Batches: []claim.Reservation{{Key: "k2", Image: 7, Count: 1}}}, lost))
	require.Empty(b, b.coming(), "a reservation counts until its deadline")
	b.reserve(claim.Plan{Seen: 2, Batches: []claim.Reservation{{Key: "k3", Image: 7, Count: 1}}})
	require.NoError(b, b.store.Launched(b.ctx, "k2", []fleet.Worker{"late"}))
	require.Len(b, b.coming(), 1, "what has lapsed was forgotten")
}

func retiredIsNobodys(b *bench) {
	b.open()
	b.idle("w1", "h1", 1)
	b.idle("w2", "h1", 1)
	b.idle("other", "h2", 1)
	retired, err := b.store.Retire(b.ctx, claim.Retirement{Host: "h1", Image: 2, Count: 1})
	require.NoError(b, err)
	require.Empty(b, retired, "of another image")
	retired, err = b.store.Retire(b.ctx, claim.Retirement{Host: "h1", Image: 1, Count: 1})
	require.NoError(b, err)
	require.Equal(b, []fleet.Worker{"w1"}, retired, "the one that would be bound last")
	require.Equal(b, claim.Ok, b.beat("h1", "w1", 1, 0), "it is asked to end, and beats until it does")
	require.Equal(b, claim.Ok, b.idle("w1", "h1", 1))
	require.Equal(b, claim.Fenced, b.beat("h1", "w1", 1, 5))
	stock := b.stock()
	require.Len(b, stock.Draining, 1)
	require.Equal(b, fleet.Worker("w1"), stock.Draining[0].Worker)
	require.WithinDuration(b, stock.Now, stock.Draining[0].Since, time.Minute)
	require.Equal(b, claim.ImageStock{Image: 1, Idle: 1, Busy: 1}, stock.Hosts[0].Images[0])
	require.NotEqual(b, fleet.Worker("w1"), b.bound("ann").Worker)
	require.NotEqual(b, fleet.Worker("w1"), b.bound("bea").Worker)
	require.Nil(b, b.claim("cid").Bound, "nobody is bound to a retired worker")
	_, err = b.store.Exit(b.ctx, "w1", 1, b.terms)
	require.NoError(b, err)
	require.Empty(b, b.stock().Draining)
}

func retireFromTheMiddle(b *bench) {
	b.open()
	for i := range 5 {
		b.register(claim.Registration{Worker: fleet.Worker(fmt.Sprintf("new-%d", i)), Host: "h1", Life: 1, Revision: 2, Key: "k"}, b.terms)
	}
	for i := range 1_100 { // bound after those of the newest image
		b.idle(fmt.Sprintf("old-%04d", i), "h2", 1)
	}
	taken := b.bound("ann")
	require.Contains(b, taken.Worker, "new-")
	retired, err := b.store.Retire(b.ctx, claim.Retirement{Host: "h1", Image: 2, Count: 10})
	require.NoError(b, err)
	require.Len(b, retired, 4, "all that were idle there")
	require.NotContains(b, retired, taken.Worker)
	retired, err = b.store.Retire(b.ctx, claim.Retirement{Host: "h1", Image: 2, Count: 10})
	require.NoError(b, err)
	require.Empty(b, retired)
	_, err = b.store.Exit(b.ctx, "old-0000", 1, b.terms)
	require.NoError(b, err)
	retired, err = b.store.Retire(b.ctx, claim.Retirement{Host: "h2", Image: 1, Count: 2_000})
	require.NoError(b, err)
	require.Len(b, retired, 1_099, "one that has gone is nobody to retire")
	require.Zero(b, b.census().Free)
}

func notesStay(b *bench) {
	require.NoError(b, b.store.Note(b.ctx, "refused"))
	b.reserve(claim.Plan{Text: "plan"})
	stock := b.stock()
	require.Equal(b, "refused", stock.Note)
	require.Equal(b, "plan", stock.Text)
	require.Equal(b, uint64(1), stock.Version, "a note is no plan")
}

func silenceIsDoubtful(b *bench) {
	b.open()
	require.False(b, b.stock().Doubtful, "a pool without hosts")
	b.heard(12)
	require.False(b, b.stock().Doubtful)
	for silent := 1; silent <= 3; silent++ { // a tenth of twelve, rounded up, may be silent
		require.NoError(b, b.store.Park(b.ctx, fleet.Host(fmt.Sprintf("host-%02d", silent)), nil, -time.Minute))
		stock := b.stock()
		require.Len(b, stock.Hosts, 12-silent)
		require.Equal(b, silent > 2, stock.Doubtful, "%d of 12 are silent", silent)
	}
}
