package keeper_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
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

// yard is a provider whose workers exist as names. They register when the test lets them.
type yard struct {
	mu      sync.Mutex
	calls   int
	batches map[string][]fleet.Worker
	running []fleet.Worker
	// err is what launches answer; effect says that they happen nevertheless.
	err    error
	effect bool
	// slow is how long a launch takes.
	slow time.Duration
	// stops counts the calls.
	stops int
	// stopErr is what stops answer, without effect.
	stopErr error
}

func (y *yard) Launch(_ context.Context, b pool.Batch) ([]fleet.Worker, error) {
	time.Sleep(y.slow)
	y.mu.Lock()
	defer y.mu.Unlock()
	y.calls++
	if y.err != nil && !y.effect {
		return nil, y.err
	}
	if y.batches[b.Key] == nil {
		for range b.Count {
			worker := fleet.Worker(fmt.Sprintf("w%03d", len(y.running)))
			y.batches[b.Key] = append(y.batches[b.Key], worker)
			y.running = append(y.running, worker)
		}
	}
	if y.err != nil {
		return nil, y.err
	}
	return y.batches[b.Key], nil
}

func (y *yard) Stop(_ context.Context, worker fleet.Worker) error {
	y.mu.Lock()
	defer y.mu.Unlock()
	y.stops++
	if y.stopErr != nil {
		return y.stopErr
	}
	y.running = slices.DeleteFunc(y.running, func(w fleet.Worker) bool { return w == worker })
	return nil
}

func (y *yard) List(context.Context) ([]pool.Task, error) { return nil, nil }

// refillBench is an open pool with one host of 20 places, whose target is 10 idle workers.
type refillBench struct {
	*testing.T
	store *claim.Memory
	yard  *yard
	terms claim.Terms
	keys  int
}

func newRefillBench(t *testing.T) *refillBench {
	t.Helper()
	b := &refillBench{T: t, store: claim.NewMemory(), yard: &yard{batches: map[string][]fleet.Worker{}}, terms: claim.DefaultTerms()}
	_, err := b.store.Open(t.Context(), "data")
	require.NoError(t, err)
	b.beat()
	return b
}

func (b *refillBench) beat() {
	b.Helper()
	_, err := b.store.Beat(b.Context(), "h1", nil, b.terms)
	require.NoError(b, err)
}

// refill makes one of several that work on the pool.
func (b *refillBench) refill() *keeper.Refill {
	b.Helper()
	r, err := keeper.NewRefill(keeper.RefillConfig{
		Launches: b.store, Provider: b.yard, Terms: b.terms, Recorder: signals.Discard{}, Rollout: pool.Rollout{Image: 7},
		Policy: pool.Policy{Peak: 10, PerHost: 20, MaxHosts: 1, Buffer: 10},
		Key: func() string {
			b.yard.mu.Lock()
			defer b.yard.mu.Unlock()
			b.keys++
			return fmt.Sprintf("key-%d", b.keys)
		},
	})
	require.NoError(b, err)
	return r
}

func (b *refillBench) pass(r *keeper.Refill) keeper.RefillReport {
	b.Helper()
	report, err := r.Pass(b.Context())
	require.NoError(b, err)
	return report
}

// register lets every launched worker come.
func (b *refillBench) register() {
	b.Helper()
	for _, w := range b.yard.running {
		if _, known, err := b.store.Worker(b.Context(), w); err != nil || known {
			require.NoError(b, err)
			continue
		}
		_, err := b.store.Register(b.Context(), claim.Registration{Worker: w, Host: "h1", Life: 1, Revision: 7, Key: "k"}, b.terms)
		require.NoError(b, err)
	}
}

// One deficit is launched once, however many rounds see it at once and whether or not its workers have come.
func TestOneDeficitIsLaunchedOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newRefillBench(t)
		var group sync.WaitGroup
		for range 8 {
			r := b.refill()
			group.Go(func() {
				for range 5 {
					_, err := r.Pass(t.Context())
					require.NoError(t, err)
				}
			})
		}
		group.Wait()
		require.Len(t, b.yard.running, 10)
		b.register()
		require.Zero(t, b.pass(b.refill()).Launched)
		census, err := b.store.Census(t.Context())
		require.NoError(t, err)
		require.Equal(t, 10, census.Free)
	})
}

// A launch whose answer was lost is repeated under its key until it is known what it became, and launches nothing twice.
func TestLostAnswerIsRepeatedUnderItsKey(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newRefillBench(t)
		b.yard.err, b.yard.effect = errors.New("connection reset"), true
		_, err := b.refill().Pass(t.Context())
		require.ErrorContains(t, err, "connection reset")
		require.Len(t, b.yard.running, 10)
		b.yard.err = nil
		require.Zero(t, b.pass(b.refill()).Launched, "what may have been launched counts as coming")
		time.Sleep(11 * time.Second)
		b.beat()
		require.Equal(t, 10, b.pass(b.refill()).Launched)
		require.Len(t, b.yard.running, 10, "the key stands for one launch")
		require.Len(t, b.yard.batches, 1)
		b.register()
		stock, err := b.store.Stock(t.Context(), b.terms)
		require.NoError(t, err)
		require.Empty(t, stock.Coming)
	})
}

// What was reserved by a round that died before its call is launched by a later one.
func TestReservedButNeverAsked(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newRefillBench(t)
		require.NoError(t, b.store.Reserve(t.Context(), claim.Plan{Calls: 1, Batches: []claim.Reservation{{Key: "orphan", Image: 7, Count: 10}}}, b.terms))
		require.Zero(t, b.pass(b.refill()).Launched)
		time.Sleep(11 * time.Second)
		b.beat()
		require.Equal(t, 10, b.pass(b.refill()).Launched)
		require.Contains(t, b.yard.batches, "orphan")
	})
}

// A refusal is remembered in the index: no other round asks before its pause is over, and then one call finds out.
func TestRefusalsAreShared(t *testing.T) {
	for _, refusal := range []error{pool.ErrNoCapacity, pool.ErrThrottled} {
		synctest.Test(t, func(t *testing.T) {
			b := newRefillBench(t)
			b.yard.err = fmt.Errorf("run task: %w", refusal)
			require.Zero(t, b.pass(b.refill()).Launched)
			require.Equal(t, 1, b.yard.calls)
			report := b.pass(b.refill())
			require.Equal(t, 1, b.yard.calls, "%v", report.Actions)
			require.Contains(t, fmt.Sprint(report.Actions), refusal.Error())
			b.yard.err = nil
			time.Sleep(6 * time.Second)
			b.beat()
			require.Equal(t, 10, b.pass(b.refill()).Launched)
			b.register()
		})
	}
}

// A surplus that lasts is stopped: its workers leave the pool first, and one that cannot be asked to end is asked again.
func TestSurplusIsStopped(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newRefillBench(t)
		for i := range 20 {
			worker := fleet.Worker(fmt.Sprintf("w%03d", i))
			b.yard.running = append(b.yard.running, worker)
		}
		b.register()
		b.yard.stopErr = errors.New("connection reset")
		tick := func() keeper.RefillReport {
			time.Sleep(5 * time.Second)
			var beats []claim.Beat
			for _, w := range b.yard.running {
				beats = append(beats, claim.Beat{Worker: w, Life: 1})
			}
			_, err := b.store.Beat(t.Context(), "h1", beats, b.terms)
			require.NoError(t, err)
			report, _ := b.refill().Pass(t.Context())
			return report
		}
		stopped := 0
		for stopped == 0 {
			stopped += tick().Stopped
		}
		require.Equal(t, 1, stopped, "a tenth of the surplus in a window")
		require.Len(t, b.yard.running, 20, "the call failed")
		stock, err := b.store.Stock(t.Context(), b.terms)
		require.NoError(t, err)
		require.Len(t, stock.Draining, 1)
		b.yard.stopErr = nil
		for range 8 {
			tick()
		}
		require.NotContains(t, b.yard.running, stock.Draining[0].Worker, "it was asked again")
	})
}

// rounds lets two keepers make rounds for a while, as they do, with a host that beats.
func (b *refillBench) rounds(long time.Duration) {
	ctx, stop := context.WithTimeout(b.Context(), long)
	defer stop()
	var group sync.WaitGroup
	for range 2 {
		r := b.refill()
		group.Go(func() { _ = r.Run(ctx, func(error) {}) })
	}
	for ctx.Err() == nil {
		b.beat()
		time.Sleep(time.Second)
	}
	group.Wait()
}

// A refusal that takes longer than the time between two rounds pauses all keepers too.
func TestSlowRefusalsPause(t *testing.T) {
	for refusal, most := range map[error]int{pool.ErrNoCapacity: 6, pool.ErrThrottled: 12, pool.ErrRejected: 12} {
		synctest.Test(t, func(t *testing.T) {
			b := newRefillBench(t)
			b.yard.err, b.yard.slow = fmt.Errorf("run task: %w", refusal), 700*time.Millisecond
			b.rounds(time.Minute)
			require.LessOrEqual(t, b.yard.calls, most, "%v in a minute", refusal)
			stock, err := b.store.Stock(t.Context(), b.terms)
			require.NoError(t, err)
			require.Empty(t, stock.Coming, "what was refused is not coming")
		})
	}
}

// What is repeated is repeated every ten seconds, and asked to end every thirty, however often rounds look.
func TestRepeatsArePaced(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newRefillBench(t)
		b.yard.err, b.yard.effect = errors.New("connection reset"), true
		b.rounds(time.Minute)
		require.LessOrEqual(t, b.yard.calls, 7)
		require.Len(t, b.yard.batches, 1)
		b.yard.err = nil
		time.Sleep(time.Minute)
		b.beat()
		b.register()
		_, err := b.store.Retire(t.Context(), claim.Retirement{Host: "h1", Image: 7, Count: 5})
		require.NoError(t, err)
		b.yard.stopErr = errors.New("connection reset")
		b.rounds(100 * time.Second)
		require.LessOrEqual(t, b.yard.stops, 5*3)
		require.NotZero(t, b.yard.stops)
	})
}

// After an outage hosts beat again one by one: what stands on those that have not yet is alive, and not launched anew.
func TestSilenceIsNotMissing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newRefillBench(t)
		for i := range 9 {
			host := fleet.Host(fmt.Sprintf("h%d", i+2))
			_, err := b.store.Register(t.Context(), claim.Registration{Worker: fleet.Worker(host), Host: host, Life: 1, Revision: 7, Key: "k"}, b.terms)
			require.NoError(t, err)
		}
		b.pass(b.refill())
		b.register()
		launched := b.yard.calls
		time.Sleep(18 * time.Second)
		b.beat()
		report := b.pass(b.refill())
		require.Equal(t, launched, b.yard.calls, "%v", report.Actions)
		require.Contains(t, fmt.Sprint(report.Actions), "too many hosts are silent")
	})
}

// While the pool is rebuilt nothing is launched: a lost index looks like a lost fleet.
func TestNothingIsLaunchedIntoAPoolThatIsRebuilt(t *testing.T) {
	b := newRefillBench(t)
	b.store = claim.NewMemory()
	b.beat()
	report := b.pass(b.refill())
	require.Zero(t, b.yard.calls)
	require.Contains(t, fmt.Sprint(report.Actions), "the pool is being rebuilt")
}

// A policy that cannot be followed, and a plan that cannot be read, are errors.
func TestRefillRefuses(t *testing.T) {
	_, err := keeper.NewRefill(keeper.RefillConfig{})
	require.ErrorContains(t, err, "policy: ")
	b := newRefillBench(t)
	require.NoError(t, b.store.Reserve(t.Context(), claim.Plan{Text: "{"}, b.terms))
	_, err = b.refill().Pass(t.Context())
	require.ErrorContains(t, err, "read the plan")
}

// The idle workers of a host that goes out of service end at once, and others are launched in their place. What the round
// decided, and why, stands in the plan for people to read.
func TestDrainedHostIsEmptied(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newRefillBench(t)
		b.pass(b.refill())
		b.register()
		b.pass(b.refill())
		known, err := b.store.Drain(t.Context(), "h1", claim.ByOperator)
		require.NoError(t, err)
		require.True(t, known)
		_, err = b.store.Beat(t.Context(), "h2", nil, b.terms)
		require.NoError(t, err)
		report := b.pass(b.refill())
		require.Equal(t, []int{10, 10}, []int{report.Launched, report.Stopped}, "%v", report.Actions)
		require.Len(t, b.yard.running, 10)
		stock, err := b.store.Stock(t.Context(), b.terms)
		require.NoError(t, err)
		last, err := keeper.Last(stock.Text)
		require.NoError(t, err)
		require.Equal(t, keeper.Decision{At: stock.Now, Target: 10, Reason: "buffer: 10", Said: []string{
			"launch 10 of image 7: 0 idle, 0 resetting, 0 coming of 10 (buffer: 10)", "stop 10 idle of image 7 on h1: the host is draining",
		}}, last)
	})
}

// A plan that launches many keeps a few sentences.
func TestDecisionsAreShort(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newRefillBench(t)
		for i := range 40 {
			host := fleet.Host(fmt.Sprintf("h%02d", i))
			_, err := b.store.Register(t.Context(), claim.Registration{Worker: fleet.Worker(host), Host: host, Life: 1, Revision: 7, Key: "k"}, b.terms)
			require.NoError(t, err)
			_, err = b.store.Drain(t.Context(), host, claim.ByCluster)
			require.NoError(t, err)
		}
		report := b.pass(b.refill())
		require.Len(t, report.Actions, 41)
		stock, err := b.store.Stock(t.Context(), b.terms)
		require.NoError(t, err)
		last, err := keeper.Last(stock.Text)
		require.NoError(t, err)
		require.Len(t, last.Said, 16)
		require.Equal(t, "and 26 more", last.Said[15])
	})
}

// What was launched two seconds ago has its place: only what is younger, and what nobody has answered for, fills the limit of
// tasks without one.
func TestLaunchesArePlacedSoon(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newRefillBench(t)
		r, err := keeper.NewRefill(keeper.RefillConfig{
			Launches: b.store, Provider: b.yard, Terms: b.terms, Recorder: signals.Discard{}, Rollout: pool.Rollout{Image: 7},
			Policy: pool.Policy{Peak: 2000, PerHost: 2500, MaxHosts: 1, Buffer: 2000},
			Key:    func() string { b.keys++; return fmt.Sprintf("key-%d", b.keys) },
		})
		require.NoError(t, err)
		require.Equal(t, pool.ProvisioningLimit, b.pass(r).Launched)
		require.Zero(t, b.pass(r).Launched)
		time.Sleep(2 * time.Second)
		b.beat()
		require.Equal(t, pool.ProvisioningLimit, b.pass(r).Launched)
		b.yard.err, b.yard.effect = errors.New("connection reset"), true
		time.Sleep(3 * time.Second)
		b.beat()
		_, err = r.Pass(t.Context())
		require.ErrorContains(t, err, "connection reset")
		time.Sleep(4 * time.Second)
		b.beat()
		report, _ := r.Pass(t.Context())
		require.Contains(t, fmt.Sprint(report.Actions), "500 without a place, 500 are the most", "what nobody has answered for may wait for its place")
	})
}
