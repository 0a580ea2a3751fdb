package keeper_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"workerfleet/runtime/claim"
	"workerfleet/runtime/fleet"
	"workerfleet/runtime/keeper"
	"workerfleet/runtime/pool"
	"workerfleet/runtime/signals"
)

// learner makes a round over the bench's pool that learns from a history; nil is one without a database.
func (b *refillBench) learner(h pool.History) *keeper.Refill {
	b.Helper()
	r, err := keeper.NewRefill(keeper.RefillConfig{
		Launches: b.store, Provider: b.yard, Terms: b.terms, Recorder: signals.Discard{}, Rollout: pool.Rollout{Image: 7}, Arrivals: b.store, History: h,
		Policy: pool.Policy{Peak: 10, PerHost: 200, MaxHosts: 1, Buffer: 1},
		Key:    func() string { b.keys++; return fmt.Sprintf("key-%d", b.keys) },
	})
	require.NoError(b, err)
	return r
}

// come lets users ask, and end their sessions again.
func (b *refillBench) come(users int) {
	b.Helper()
	for i := range users {
		user := fleet.User(fmt.Sprintf("user-%d", i))
		_, err := b.store.Claim(b.Context(), claim.Request{User: user}, b.terms)
		require.NoError(b, err)
		require.NoError(b, b.store.Leave(b.Context(), user))
	}
}

// A Monday that nobody expected is expected a week later: counted by the index, carried over into the history whoever makes
// the round, and the stock stands before the users come. The round that raises it has no database itself. Users leave the queue
// at once, so that nothing else explains the stock.
func TestMondayIsLearned(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, h := newRefillBench(t), &failing{Memory: pool.NewMemory()}
		now := func() string { return time.Now().UTC().Format("Mon 15:04:05") }
		time.Sleep(57 * time.Hour) // the bubble begins on a Saturday
		b.beat()
		require.Equal(t, "Mon 09:00:00", now())
		require.Equal(t, 1, b.pass(b.learner(h)).Target.Idle, "nothing is known: no prediction")
		time.Sleep(10 * time.Second)
		b.come(60)
		time.Sleep(2 * time.Minute)
		b.beat()
		for range 3 { // rounds at once, of which one counts
			b.pass(b.learner(h))
		}
		kept, earliest, err := h.Recall(t.Context(), []pool.Span{{To: time.Now()}})
		require.NoError(t, err)
		require.Equal(t, []pool.Minute{{At: earliest, Claims: 60}}, kept)

		time.Sleep(7*24*time.Hour - 12*time.Minute)
		b.beat()
		require.Equal(t, "Mon 08:50:10", now())
		require.Equal(t, 1, b.pass(b.learner(h)).Target.Idle, "not yet")
		time.Sleep(7*time.Minute + 30*time.Second)
		b.beat()
		calls := h.calls
		report := b.pass(b.learner(nil))
		require.Equal(t, "Mon 08:57:40", now())
		require.Contains(t, report.Target.Reason, "prediction: ")
		require.Equal(t, 55, report.Target.Idle, "two thirds of the sixty, two minutes early, and chance: 40 + 2.33 × √40 = 54.7: %v", report.Target)
		require.Equal(t, calls, h.calls)
	})
}

// failing is a history whose database is away at times.
type failing struct {
	*pool.Memory
	err   error
	calls int
}

func (f *failing) Count(ctx context.Context, counts []pool.Minute) error {
	if f.err != nil {
		return f.err
	}
	return f.Memory.Count(ctx, counts)
}

func (f *failing) Recall(ctx context.Context, spans []pool.Span) ([]pool.Minute, time.Time, error) {
	f.calls++
	if f.err != nil {
		return nil, time.Time{}, f.err
	}
	return f.Memory.Recall(ctx, spans)
}

// A database that is away stops no round and is asked once a minute; what came meanwhile is counted when it is back, and
// what is too old is forgotten.
func TestLearningOutlastsTheDatabase(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, h := newRefillBench(t), &failing{Memory: pool.NewMemory(), err: errors.New("connection refused")}
		refill := b.learner(h)
		told := 0
		for i := range 180 {
			if i%60 == 0 {
				b.come(2)
			}
			b.beat()
			report, err := refill.Pass(t.Context())
			require.False(t, report.Stale)
			if err != nil {
				require.Equal(t, 2, strings.Count(err.Error(), "connection refused"))
				told++
			}
			time.Sleep(time.Second)
		}
		require.Equal(t, 3, told)
		require.Equal(t, 3, h.calls)
		require.NotEmpty(t, b.yard.running, "the buffer")
		h.err = nil
		for range 2 {
			b.beat()
			b.pass(refill)
			time.Sleep(time.Minute)
		}
		kept, _, err := h.Recall(t.Context(), []pool.Span{{To: time.Now()}})
		require.NoError(t, err)
		require.Len(t, kept, 3, "%v", kept)
		time.Sleep(pool.Retention)
		b.beat()
		b.pass(refill)
		_, earliest, err := h.Recall(t.Context(), nil)
		require.NoError(t, err)
		require.Zero(t, earliest)
	})
}

// A minute that was counted before it was over is counted again when it is.
func TestUnfinishedMinutes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, h := newRefillBench(t), pool.NewMemory()
		for range 2 {
			time.Sleep(30 * time.Second)
			b.come(3)
			b.beat()
			b.pass(b.learner(h))
			time.Sleep(10 * time.Second)
			b.come(4)
			time.Sleep(20 * time.Second)
		}
		time.Sleep(time.Minute)
		b.beat()
		b.pass(b.learner(h))
		kept, earliest, err := h.Recall(t.Context(), []pool.Span{{To: time.Now()}})
		require.NoError(t, err)
		require.ElementsMatch(t, []pool.Minute{{At: earliest, Claims: 7}, {At: earliest.Add(time.Minute), Claims: 7}}, kept)
	})
}
