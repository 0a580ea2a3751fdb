package httpapi

import (
	"context"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

// As many claims as there are places are under way, the others wait, and who waits too long begins nothing. The clock is
// the bubble's.
func TestLine(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLine(2)
		var now, most, done atomic.Int32
		work := func(context.Context) {
			most.Store(max(most.Load(), now.Add(1)))
			time.Sleep(slow - time.Millisecond)
			now.Add(-1)
			done.Add(1)
		}
		patient, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		for range 10 {
			go l.begun(patient, time.Minute, work)
		}
		time.Sleep(2500 * time.Millisecond)
		ahead, _ := l.promise()
		require.Equal(t, []int32{2, 4}, []int32{most.Load(), done.Load()})
		require.Equal(t, 4, ahead, "ten came, four are done and two are at work")

		hasty, cancelHasty := context.WithTimeout(t.Context(), time.Second)
		defer cancelHasty()
		require.False(t, l.begun(hasty, time.Minute, work), "its turn does not come in time")
		time.Sleep(3 * time.Second)
		require.Equal(t, []int32{2, 10}, []int32{most.Load(), done.Load()}, "nobody begins for who went away")
		ahead, _ = l.promise()
		require.Zero(t, ahead)
	})
}

// While claims take long there are fewer places, down to one, and all of them again when they do not.
func TestLineAdapts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLine(8)
		var now, most atomic.Int32
		run := func(n int, long time.Duration) {
			most.Store(0)
			var group sync.WaitGroup
			for range n {
				group.Go(func() {
					l.begun(t.Context(), time.Minute, func(context.Context) {
						most.Store(max(most.Load(), now.Add(1)))
						time.Sleep(long)
						now.Add(-1)
					})
				})
			}
			group.Wait()
		}
		run(16, 2*time.Second)
		run(3, 2*time.Second)
		require.LessOrEqual(t, most.Load(), int32(2), "places are left after slow claims")
		run(100, 10*time.Millisecond)
		run(20, 10*time.Millisecond)
		require.Equal(t, int32(8), most.Load())
	})
}

// What is begun is finished although its user has gone, within its own limit.
func TestLineFinishes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLine(1)
		ctx, cancel := context.WithCancel(t.Context())
		var ended error
		require.True(t, l.begun(ctx, time.Second, func(inner context.Context) {
			cancel()
			require.NoError(t, inner.Err())
			<-inner.Done()
			ended = inner.Err()
		}))
		require.ErrorIs(t, ended, context.DeadlineExceeded)
		require.False(t, l.begun(ctx, time.Second, func(context.Context) { t.Error("begun for nobody") }))
	})
}

// Who goes away is told a turn of their own, at the pace at which claims finish while others wait.
func TestLinePromises(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLine(1)
		for range 301 {
			go l.begun(t.Context(), time.Minute, func(context.Context) { time.Sleep(10 * time.Millisecond) })
		}
		time.Sleep(2001 * time.Millisecond)
		var wait time.Duration
		for range 100 {
			ahead, promised := l.promise()
			require.Equal(t, 100, ahead)
			require.Greater(t, promised, wait, "no two come together")
			wait = promised
		}
		require.InDelta(t, 0.8, wait.Seconds(), 0.02, "a hundred turns of 10 ms, a fifth sooner")
		time.Sleep(2 * time.Second)
		_, wait = l.promise()
		require.Less(t, wait, 20*time.Millisecond, "what was promised is over")
	})
}
