package valkey

import (
	"context"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"workerfleet/runtime/claim"
	"workerfleet/runtime/fleet"
)

// The scripts answer every sequence of calls as the pure reference does, given the server's own time, and the
// reference's invariants hold after each. Sequences are random; what they do not reach is not shown.
func TestScriptsFollowTheModel(t *testing.T) {
	server := miniredis.RunT(t)
	client := redis.NewClient(&redis.Options{Addr: server.Addr()})
	t.Cleanup(func() { _ = client.Close() })
	checkModel(t, client)
}

func checkModel(t *testing.T, client redis.UniversalClient) {
	t.Helper()
	store, err := NewStore(t.Context(), client)
	require.NoError(t, err)
	rapid.Check(t, func(t *rapid.T) {
		require.NoError(t, client.FlushAll(context.Background()).Err())
		m := &model{store: store, index: claim.NewIndex(), epochs: []fleet.Epoch{0, 1}}
		store.observe = func(now int64) { m.now = now }
		t.Repeat(m.actions())
	})
}

// model drives the store and the reference side by side.
type model struct {
	store *Store
	index *claim.Index
	now   int64
	// epochs and given are every epoch and binding seen, so that calls name real ones.
	epochs []fleet.Epoch
	given  []claim.Binding
	// version is the plan's.
	version uint64
}

func (m *model) actions() map[string]func(*rapid.T) {
	ctx := context.Background()
	return map[string]func(*rapid.T){
		"open": func(t *rapid.T) {
			name := rapid.SampledFrom([]string{"a", "b"}).Draw(t, "incarnation")
			got, err := m.store.Open(ctx, name)
			require.NoError(t, err)
			require.Equal(t, m.index.Open(name), got)
		},
		"claim": func(t *rapid.T) {
			r := claim.Request{User: user(t), Bonus: rapid.SampledFrom([]time.Duration{0, time.Second, time.Hour, -time.Second}).Draw(t, "bonus")}
			terms := terms(t)
			got, gotErr := m.store.Claim(ctx, r, terms)
			want, wantErr := m.index.Claim(m.now, r, terms)
			require.Equal(t, wantErr, gotErr)
			require.Equal(t, want, got)
			if got.Bound != nil {
				m.epochs = append(m.epochs, got.Bound.Epoch)
				m.given = append(m.given, *got.Bound)
			}
		},
		"leave": func(t *rapid.T) {
			u := user(t)
			require.NoError(t, m.store.Leave(ctx, u))
			m.index.Leave(u)
		},
		"sent": func(t *rapid.T) {
			w, e := worker(t), m.epoch(t)
			require.Equal(t, m.index.Sent(w, e), m.store.Sent(ctx, w, e))
		},
		"release": func(t *rapid.T) {
			u, e := user(t), m.epoch(t)
			require.Equal(t, m.index.Release(u, e), m.store.Release(ctx, u, e))
		},
		"undo": func(t *rapid.T) {
			u, e, terms := user(t), m.epoch(t), terms(t)
			got, err := m.store.Undo(ctx, u, e, terms)
			require.NoError(t, err)
			require.Equal(t, m.index.Undo(m.now, u, e, terms), got)
		},
		"raise": func(t *rapid.T) {
			floor := m.epoch(t) + fleet.Epoch(rapid.IntRange(0, 5000).Draw(t, "above"))
			require.NoError(t, m.store.Raise(ctx, floor))
			m.index.Raise(floor)
		},
		"register": func(t *rapid.T) {
			r := claim.Registration{Worker: worker(t), Host: host(t), Life: life(t), Revision: rapid.Int64Range(0, 2).Draw(t, "revision"), Key: "key"}
			// Workers announce sessions that they were given, current or not; they make none up.
			if len(m.given) > 0 && rapid.IntRange(0, 2).Draw(t, "busy") == 0 {
				of := rapid.SampledFrom(m.given).Draw(t, "session")
				r.Worker, r.Life, r.User, r.Epoch = of.Worker, of.Life, of.User, of.Epoch
			}
			terms := terms(t)
			got, err := m.store.Register(ctx, r, terms)
			require.NoError(t, err)
			require.Equal(t, m.index.Register(m.now, r, terms), got)
		},
		"beat": func(t *rapid.T) {
			h, terms := host(t), terms(t)
			beats := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) claim.Beat {
				return claim.Beat{Worker: worker(t), Life: life(t), Epoch: m.epoch(t)}
			}), 0, 4).Draw(t, "beats")
			got, err := m.store.Beat(ctx, h, beats, terms)
			require.NoError(t, err)
			require.Equal(t, m.index.Beat(m.now, h, beats, terms), got)
		},
		"confirm": func(t *rapid.T) {
			w, l, e := worker(t), life(t), m.epoch(t)
			got := m.store.Confirm(ctx, w, l, e)
			require.Equal(t, m.index.Confirm(m.now, w, l, e), got)
		},
		"agree": func(t *rapid.T) {
			w, l, e := worker(t), life(t), m.epoch(t)
			require.Equal(t, m.index.Agree(w, l, e), m.store.Agree(ctx, w, l, e))
		},
		"exit": func(t *rapid.T) {
			w, l := worker(t), life(t)
			terms := terms(t)
			got, gotErr := m.store.Exit(ctx, w, l, terms)
			want, wantErr := m.index.Exit(m.now, w, l, terms)
			require.Equal(t, wantErr, gotErr)
			require.Equal(t, want, got)
		},
		"end": func(t *rapid.T) {
			workers, terms := rapid.SliceOfN(rapid.Custom(worker), 0, 4).Draw(t, "workers"), terms(t)
			got, err := m.store.End(ctx, workers, terms)
			require.NoError(t, err)
			require.Equal(t, m.index.End(m.now, workers, terms), got)
		},
		"gone": func(t *rapid.T) {
			w, l := worker(t), life(t)
			got, err := m.store.Gone(ctx, w, l)
			require.NoError(t, err)
			require.Equal(t, m.index.Gone(w, l), got)
		},
		"park": func(t *rapid.T) {
			h, silence := host(t), rapid.SampledFrom([]time.Duration{-time.Minute, time.Minute}).Draw(t, "silence")
			workers := rapid.SliceOfN(rapid.Custom(worker), 0, 3).Draw(t, "workers")
			require.NoError(t, m.store.Park(ctx, h, workers, silence))
			m.index.Park(m.now, h, workers, silence.Milliseconds())
		},
		"reap": func(t *rapid.T) {
			terms := terms(t)
			got, err := m.store.Reap(ctx, terms)
			require.NoError(t, err)
			require.Equal(t, m.index.Reap(m.now, terms), got)
		},
		"unconfirmed": func(t *rapid.T) {
			skip, limit := rapid.IntRange(0, 3).Draw(t, "skip"), rapid.IntRange(0, 3).Draw(t, "limit")
			got, err := m.store.Unconfirmed(ctx, skip, limit)
			require.NoError(t, err)
			require.Equal(t, m.index.Unconfirmed(m.now, skip, limit), got)
		},
		"expire": func(t *rapid.T) {
			w, e, terms := worker(t), m.epoch(t), terms(t)
			got, err := m.store.Expire(ctx, w, e, terms)
			require.NoError(t, err)
			require.Equal(t, m.index.Expire(m.now, w, e, terms), got)
		},
		"heal": func(t *rapid.T) {
			cursor, limit, terms := rapid.IntRange(0, 4).Draw(t, "cursor"), rapid.IntRange(1, 4).Draw(t, "limit"), terms(t)
			got, err := m.store.Heal(ctx, cursor, limit, terms)
			require.NoError(t, err)
			require.Equal(t, m.index.Heal(m.now, cursor, limit, terms), got)
			require.Empty(t, got.Repairs, "ordinary work left something to repair")
		},
		"reserve": func(t *rapid.T) {
			plan := claim.Plan{Seen: m.version + uint64(rapid.IntRange(0, 4).Draw(t, "ahead")/4), Text: rapid.StringN(0, 3, -1).Draw(t, "text"), Calls: rapid.IntRange(0, 60).Draw(t, "calls")}
			for range rapid.IntRange(0, 2).Draw(t, "batches") {
				plan.Batches = append(plan.Batches, claim.Reservation{Key: key(t), Image: rapid.Int64Range(0, 2).Draw(t, "image"), Count: rapid.IntRange(1, 3).Draw(t, "count")})
			}
			terms := terms(t)
			got := m.store.Reserve(ctx, plan, terms)
			require.Equal(t, m.index.Reserve(m.now, plan, terms), got)
			if got == nil {
				m.version++
			}
		},
		"note": func(t *rapid.T) {
			text := rapid.StringN(0, 3, -1).Draw(t, "text")
			require.NoError(t, m.store.Note(ctx, text))
			m.index.Note(text)
		},
		"launched": func(t *rapid.T) {
			k, workers := key(t), rapid.SliceOfNDistinct(rapid.Custom(worker), 0, 3, rapid.ID).Draw(t, "workers")
			require.NoError(t, m.store.Launched(ctx, k, workers))
			m.index.Launched(k, workers)
		},
		"retire": func(t *rapid.T) {
			r := claim.Retirement{Host: host(t), Image: rapid.Int64Range(0, 2).Draw(t, "image"), Count: rapid.IntRange(0, 3).Draw(t, "count")}
			got, err := m.store.Retire(ctx, r)
			require.NoError(t, err)
			require.Equal(t, m.index.Retire(m.now, r), got)
		},
		"drain": func(t *rapid.T) {
			h, by := host(t), drainer(t)
			got, err := m.store.Drain(ctx, h, by)
			require.NoError(t, err)
			require.Equal(t, m.index.Drain(h, by), got)
		},
		"undrain": func(t *rapid.T) {
			h, by, terms := host(t), drainer(t), terms(t)
			if rapid.Bool().Draw(t, "anybody's") {
				by = ""
			}
			got, err := m.store.Undrain(ctx, h, by, terms)
			require.NoError(t, err)
			require.Equal(t, m.index.Undrain(m.now, h, by, terms), got)
		},
		"withdraw": func(t *rapid.T) {
			w := worker(t)
			got, known, err := m.store.Withdraw(ctx, w)
			require.NoError(t, err)
			want, wanted := m.index.Withdraw(m.now, w)
			require.Equal(t, []any{want, wanted}, []any{got, known})
		},
		"arrivals": func(t *rapid.T) {
			got, err := m.store.Arrivals(ctx)
			require.NoError(t, err)
			require.Equal(t, m.index.Arrivals(m.now), got)
		},
		"": func(t *rapid.T) {
			require.NoError(t, m.index.Invariants())
			got, err := m.store.Census(ctx)
			require.NoError(t, err)
			require.Equal(t, m.index.Census(m.now), got)
			terms := claim.DefaultTerms()
			stock, err := m.store.Stock(ctx, terms)
			require.NoError(t, err)
			require.Equal(t, m.index.Stock(m.now, terms), stock)
			m.overview(ctx, t)
		},
	}
}

// overview compares what people see, in pages that end within and at the end.
func (m *model) overview(ctx context.Context, t *rapid.T) {
	all := m.index.Workers(time.UnixMilli(0), 10)
	for from := range 3 {
		since := time.UnixMilli(0)
		if from < len(all) {
			since = all[from].Lease
		}
		workers, err := m.store.Workers(ctx, since, 2)
		require.NoError(t, err)
		require.Equal(t, m.index.Workers(since, 2), workers)
		waiting, err := m.store.Waiting(ctx, from, 2)
		require.NoError(t, err)
		require.Equal(t, m.index.Waiting(from, 2), waiting)
	}
	heard, err := m.store.Heard(ctx)
	require.NoError(t, err)
	require.Equal(t, m.index.Heard(), heard)
}

func (m *model) epoch(t *rapid.T) fleet.Epoch { return rapid.SampledFrom(m.epochs).Draw(t, "epoch") }

func user(t *rapid.T) fleet.User {
	return rapid.SampledFrom([]fleet.User{"ann", "bea", "cid"}).Draw(t, "user")
}

func worker(t *rapid.T) fleet.Worker {
	return rapid.SampledFrom([]fleet.Worker{"w1", "w2", "w3", "w4"}).Draw(t, "worker")
}

func drainer(t *rapid.T) claim.Drainer {
	return rapid.SampledFrom([]claim.Drainer{claim.ByOperator, claim.ByCluster}).Draw(t, "by")
}

func key(t *rapid.T) string { return rapid.SampledFrom([]string{"k1", "k2"}).Draw(t, "key") }

func host(t *rapid.T) fleet.Host {
	return rapid.SampledFrom([]fleet.Host{"h1", "h2", "h3"}).Draw(t, "host")
}

func life(t *rapid.T) fleet.Life { return fleet.Life(rapid.IntRange(1, 3).Draw(t, "life")) }

// terms draws deadlines that hold and deadlines that have passed.
func terms(t *rapid.T) claim.Terms {
	terms := claim.DefaultTerms()
	past := func(name string) bool { return rapid.IntRange(0, 4).Draw(t, name) == 0 }
	if past("lapsed") {
		terms.TTL = -time.Minute
	}
	if past("unacknowledged") {
		terms.Acknowledge = -time.Minute
	}
	if past("departed") {
		terms.Renew = -time.Minute
	}
	if past("never launched") {
		terms.Launch = -time.Minute
	}
	if past("deaf") {
		terms.Guard = time.Millisecond
	}
	if past("held") {
		terms.Hold = -time.Minute
	}
	return terms
}
