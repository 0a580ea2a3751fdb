// Package sessiontest knows what every [session.Authority] must do: one suite for the in-memory reference and the
// databases.
package sessiontest

import (
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"workerfleet/runtime/fleet"
	"workerfleet/runtime/fleet/fleettest"
	"workerfleet/runtime/session"
)

// longWait is a wait that does not pass in a test.
const longWait = time.Hour

func on(user, worker string, life fleet.Life, epoch fleet.Epoch) session.Session {
	return session.Session{User: fleet.User(user), Worker: fleet.Worker(worker), Host: "h-" + fleet.Host(worker), Life: life, Epoch: epoch}
}

// Run holds an authority to the contract. fresh returns one without rows.
func Run(t *testing.T, fresh func(t *testing.T) session.Authority) {
	t.Run("a session begins once, and again only as itself", func(t *testing.T) {
		a, ctx := fresh(t), t.Context()
		for range 2 {
			require.NoError(t, a.Begin(ctx, on("ann", "w1", 1, 10), longWait))
		}
		current, open, err := a.Current(ctx, "ann")
		require.NoError(t, err)
		require.True(t, open)
		require.Equal(t, on("ann", "w1", 1, 10), current)
		_, open, err = a.Current(ctx, "bea")
		require.NoError(t, err)
		require.False(t, open)
	})

	t.Run("epochs only rise, whether the row is open or closed", func(t *testing.T) {
		a, ctx := fresh(t), t.Context()
		require.NoError(t, a.Begin(ctx, on("ann", "w1", 1, 10), longWait))
		for _, closed := range []bool{false, true} {
			if closed {
				require.NoError(t, a.Close(ctx, "ann", 10))
			}
			for _, epoch := range []fleet.Epoch{9, 10} {
				var outdated *session.Outdated
				require.ErrorAs(t, a.Begin(ctx, on("ann", "w2", 1, epoch), 0), &outdated, "epoch %d", epoch)
				require.Equal(t, fleet.Epoch(10), outdated.Row)
			}
		}
		var outdated *session.Outdated
		require.ErrorAs(t, a.Begin(ctx, on("ann", "w1", 1, 10), 0), &outdated, "a closed session came back")
		require.NoError(t, a.Begin(ctx, on("ann", "w2", 1, 11), longWait))
	})

	t.Run("a worker that comes back ends the takeover of its user, unless it is over", func(t *testing.T) {
		a, ctx := fresh(t), t.Context()
		first := on("ann", "w1", 1, 10)
		require.NoError(t, a.Begin(ctx, first, longWait))
		const wait = 30 * time.Millisecond
		var occupied *session.Occupied
		require.ErrorAs(t, a.Begin(ctx, on("ann", "w2", 1, 11), wait), &occupied)
		kept, err := a.Affirm(ctx, first)
		require.NoError(t, err)
		require.True(t, kept)
		time.Sleep(2 * wait)
		require.ErrorAs(t, a.Begin(ctx, on("ann", "w2", 1, 12), wait), &occupied, "the old takeover still counts against a worker that came back")
		for name, other := range map[string]session.Session{"another worker": on("ann", "w2", 1, 10), "another epoch": on("ann", "w1", 1, 11), "nobody": on("bea", "w1", 1, 10)} {
			kept, err := a.Affirm(ctx, other)
			require.NoError(t, err)
			require.False(t, kept, name)
		}
		require.NoError(t, a.Close(ctx, "ann", 10))
		kept, err = a.Affirm(ctx, first)
		require.NoError(t, err)
		require.False(t, kept, "what is over stays over")
	})

	t.Run("a doubt begins every takeover, once", func(t *testing.T) {
		a, ctx := fresh(t), t.Context()
		const wait = 40 * time.Millisecond
		for _, user := range []string{"ann", "bea", "cid"} {
			require.NoError(t, a.Begin(ctx, on(user, "w-"+user, 1, 10), longWait))
		}
		require.NoError(t, a.Close(ctx, "cid", 10))
		require.NoError(t, a.Doubt(ctx))
		time.Sleep(wait / 2)
		require.NoError(t, a.Doubt(ctx), "a later doubt does not begin it anew")
		kept, err := a.Affirm(ctx, on("bea", "w-bea", 1, 10))
		require.NoError(t, err)
		require.True(t, kept)
		time.Sleep(wait)
		require.NoError(t, a.Begin(ctx, on("ann", "w2", 1, 11), wait), "who did not come back has lost the user")
		var occupied *session.Occupied
		require.ErrorAs(t, a.Begin(ctx, on("bea", "w2", 1, 11), wait), &occupied, "who came back has not")
	})

	t.Run("who was dismissed is asked nothing, and keeps others out", func(t *testing.T) {
		a, ctx := fresh(t), t.Context()
		first := on("ann", "w1", 1, 10)
		latest, err := a.Latest(ctx, "ann")
		require.NoError(t, err)
		require.Zero(t, latest)
		require.NoError(t, a.Begin(ctx, first, longWait))
		require.NoError(t, a.Dismiss(ctx, "ann", 9), "an earlier epoch")
		require.NoError(t, a.Dismiss(ctx, "bea", 10), "nobody's session")
		_, open, err := a.Current(ctx, "ann")
		require.NoError(t, err)
		require.True(t, open)
		for range 2 {
			require.NoError(t, a.Dismiss(ctx, "ann", 10))
		}
		_, open, err = a.Current(ctx, "ann")
		require.NoError(t, err)
		require.False(t, open)
		kept, err := a.Affirm(ctx, first)
		require.NoError(t, err)
		require.False(t, kept, "a dismissed worker that comes back goes on")
		list, err := a.Open(ctx, "", 10)
		require.NoError(t, err)
		require.Empty(t, list)
		var outdated *session.Outdated
		require.ErrorAs(t, a.Begin(ctx, first, longWait), &outdated, "a dismissed session comes back")
		var occupied *session.Occupied
		require.ErrorAs(t, a.Begin(ctx, on("ann", "w2", 1, 11), longWait), &occupied, "a dismissed worker may still act")
		require.Equal(t, first, occupied.By)
		require.NoError(t, a.Close(ctx, "ann", 10))
		latest, err = a.Latest(ctx, "ann")
		require.NoError(t, err)
		require.Equal(t, fleet.Epoch(10), latest)
		require.NoError(t, a.Begin(ctx, on("ann", "w2", 1, 11), longWait))
		_, open, err = a.Current(ctx, "ann")
		require.NoError(t, err)
		require.True(t, open, "a later session is dismissed with the earlier one")
	})

	t.Run("epochs keep all their 64 bits", func(t *testing.T) {
		a, ctx := fresh(t), t.Context()
		high := fleet.Epoch(1<<63 - 1)
		require.NoError(t, a.Begin(ctx, on("ann", "w1", 1, high-1), longWait))
		require.NoError(t, a.Begin(ctx, on("ann", "w1", 2, high), longWait))
		floor, err := a.Floor(ctx)
		require.NoError(t, err)
		require.Equal(t, high, floor)
	})

	t.Run("an open row of another worker is taken over only after the wait", func(t *testing.T) {
		a, ctx := fresh(t), t.Context()
		require.NoError(t, a.Begin(ctx, on("ann", "w1", 1, 10), longWait))
		var occupied *session.Occupied
		require.ErrorAs(t, a.Begin(ctx, on("ann", "w2", 1, 11), longWait), &occupied)
		require.Equal(t, on("ann", "w1", 1, 10), occupied.By)
		require.InDelta(t, longWait.Seconds(), occupied.Wait.Seconds(), 5)

		time.Sleep(30 * time.Millisecond)
		require.ErrorAs(t, a.Begin(ctx, on("ann", "w3", 1, 12), longWait), &occupied)
		require.Less(t, occupied.Wait, longWait-20*time.Millisecond, "the wait began anew with each attempt")
		require.NoError(t, a.Begin(ctx, on("ann", "w3", 1, 13), 20*time.Millisecond), "the wait has passed")
		current, _, err := a.Current(ctx, "ann")
		require.NoError(t, err)
		require.Equal(t, on("ann", "w3", 1, 13), current)
		require.ErrorAs(t, a.Begin(ctx, on("ann", "w4", 1, 14), 20*time.Millisecond), &occupied, "a wait counts for one predecessor only")
	})

	t.Run("a closed row, or one of the same worker, is free at once", func(t *testing.T) {
		a, ctx := fresh(t), t.Context()
		require.NoError(t, a.Begin(ctx, on("ann", "w1", 1, 10), longWait))
		require.NoError(t, a.Begin(ctx, on("ann", "w1", 2, 11), longWait))
		require.NoError(t, a.Close(ctx, "ann", 10), "closing an earlier epoch")
		_, open, err := a.Current(ctx, "ann")
		require.NoError(t, err)
		require.True(t, open, "it closed the later one")
		for range 2 {
			require.NoError(t, a.Close(ctx, "ann", 11))
		}
		require.NoError(t, a.Close(ctx, "nobody", 1))
		require.NoError(t, a.Begin(ctx, on("ann", "w2", 1, 12), longWait))
	})

	t.Run("many sessions are closed in one step, and newer ones stay", func(t *testing.T) {
		a, ctx := fresh(t), t.Context()
		var all []session.Session
		for i := range 300 {
			s := on(fmt.Sprintf("user-%d", i), fmt.Sprintf("w%d", i), 1, fleet.Epoch(i+1))
			require.NoError(t, a.Begin(ctx, s, longWait))
			all = append(all, s)
		}
		require.NoError(t, a.Begin(ctx, on("user-7", "w7", 2, 1000), longWait))
		require.NoError(t, a.CloseAll(ctx, nil))
		var group sync.WaitGroup
		errs := make([]error, 4)
		for i := range errs {
			mine := slices.Clone(all[:299])
			if i%2 == 1 {
				slices.Reverse(mine)
			}
			group.Go(func() { errs[i] = a.CloseAll(ctx, append(mine, on("nobody", "w", 1, 5))) })
		}
		group.Wait()
		require.NoError(t, errors.Join(errs...), "two in different orders wait for each other")
		open, err := a.Open(ctx, "", 400)
		require.NoError(t, err)
		require.Equal(t, []session.Session{all[299], on("user-7", "w7", 2, 1000)}, open)
	})

	t.Run("open sessions are listed by user in pages", func(t *testing.T) {
		a, ctx := fresh(t), t.Context()
		floor, err := a.Floor(ctx)
		require.NoError(t, err)
		require.Zero(t, floor)
		for i, user := range []string{"dot", "ann", "cid", "bea"} {
			require.NoError(t, a.Begin(ctx, on(user, "w-"+user, 1, fleet.Epoch(i+1)), longWait))
		}
		require.NoError(t, a.Close(ctx, "cid", 3))
		first, err := a.Open(ctx, "", 2)
		require.NoError(t, err)
		require.Equal(t, []session.Session{on("ann", "w-ann", 1, 2), on("bea", "w-bea", 1, 4)}, first)
		rest, err := a.Open(ctx, "bea", 2)
		require.NoError(t, err)
		require.Equal(t, []session.Session{on("dot", "w-dot", 1, 1)}, rest)
	})

	t.Run("a name is data, whatever stands in it", func(t *testing.T) {
		a, ctx := fresh(t), t.Context()
		require.NoError(t, a.Begin(ctx, on("ann", "w1", 1, 1), longWait))
		for n, text := range fleettest.Hostile() {
			s := on(text, text, 1, fleet.Epoch(n+2))
			require.NoError(t, a.Begin(ctx, s, longWait))
			current, open, err := a.Current(ctx, fleet.User(text))
			require.NoError(t, err)
			require.True(t, open)
			require.Equal(t, s, current)
			require.NoError(t, a.Dismiss(ctx, s.User, s.Epoch))
			require.NoError(t, a.Close(ctx, s.User, s.Epoch))
		}
		list, err := a.Open(ctx, "", 100)
		require.NoError(t, err)
		require.Equal(t, []session.Session{on("ann", "w1", 1, 1)}, list)
	})

	t.Run("of many at once one begins", func(t *testing.T) {
		a, ctx := fresh(t), t.Context()
		const rivals = 16
		var group sync.WaitGroup
		errs := make([]error, rivals)
		for i := range rivals {
			group.Go(func() { errs[i] = a.Begin(ctx, on("ann", fmt.Sprintf("w%d", i), 1, fleet.Epoch(100+i)), longWait) })
		}
		group.Wait()
		won := 0
		for _, err := range errs {
			var outdated *session.Outdated
			var occupied *session.Occupied
			switch {
			case err == nil:
				won++
			case !errors.As(err, &outdated) && !errors.As(err, &occupied):
				require.NoError(t, err)
			}
		}
		require.Equal(t, 1, won)
	})
}
