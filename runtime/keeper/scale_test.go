package keeper_test

import (
	"context"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"workerfleet/runtime/claim"
	"workerfleet/runtime/fleet"
	"workerfleet/runtime/session"
)

// distant is a store that takes its time to answer what it is asked about one worker.
type distant struct {
	*claim.Memory
	away time.Duration
	fail error
}

func (d distant) Worker(ctx context.Context, worker fleet.Worker) (claim.Worker, bool, error) {
	select {
	case <-time.After(d.away):
	case <-ctx.Done():
		return claim.Worker{}, false, ctx.Err()
	}
	if d.fail != nil {
		return claim.Worker{}, false, d.fail
	}
	return d.Memory.Worker(ctx, worker)
}

// sessions begins some in the database, and nobody's worker is known to the index.
func (b *bench) sessions(n int) (open []session.Session) {
	b.t.Helper()
	for i := range n {
		s := session.Session{User: fleet.User(fmt.Sprint("u", i)), Epoch: fleet.Epoch(i + 1), Worker: fleet.Worker(fmt.Sprint("w", i)), Host: "h1", Life: 1}
		require.NoError(b.t, b.authority.Begin(b.t.Context(), s, 0))
		open = append(open, s)
	}
	return open
}

// A pool is opened in time although one look at each of its sessions takes longer than a lease and its guard.
func TestRebuildOfMany(t *testing.T) {
	const many = 2000
	for name, returns := range map[string]bool{"all return": true, "nobody returns": false} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := newBench(t)
				b.Store = distant{Memory: b.store, away: (b.Terms.TTL + b.Terms.Guard) * 2 / many}
				open := b.sessions(many)
				require.True(t, b.pass().Rebuilding)
				if returns {
					for _, s := range open {
						b.register(claim.Registration{Worker: s.Worker, Host: s.Host, Life: s.Life, User: s.User, Epoch: s.Epoch})
					}
				} else {
					time.Sleep(b.Terms.TTL + b.Terms.Guard + time.Millisecond)
				}
				require.True(t, b.pass().Opened)
			})
		})
	}
}

// While workers are known to be missing the store is not asked about each of them in every round.
func TestRebuildWaitsForTheCount(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t)
		b.Store = distant{Memory: b.store, away: time.Second}
		open := b.sessions(3)
		b.pass()
		for _, s := range open[1:] {
			b.register(claim.Registration{Worker: s.Worker, Host: s.Host, Life: s.Life, User: s.User, Epoch: s.Epoch})
		}
		began := time.Now()
		require.True(t, b.pass().Rebuilding)
		require.Zero(t, time.Since(began))
		b.register(claim.Registration{Worker: "w0", Host: "h1", Life: 1, User: "u0", Epoch: 1})
		require.True(t, b.pass().Opened)
	})
}

// Of looks that fail by the thousand one is told.
func TestRebuildTellsOneFailure(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t)
		b.sessions(100)
		b.pass()
		time.Sleep(b.Terms.TTL + b.Terms.Guard + time.Millisecond)
		b.Store = distant{Memory: b.store, fail: context.DeadlineExceeded}
		_, err := b.Pass(t.Context())
		require.ErrorIs(t, err, context.DeadlineExceeded)
		require.Less(t, len(err.Error()), 200)
	})
}

// All who return are agreed to in one round, as long as there is nothing else in their way.
func TestManyReturn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t)
		const many = 1500
		for _, s := range b.sessions(many) {
			b.register(claim.Registration{Worker: s.Worker, Host: s.Host, Life: s.Life, User: s.User, Epoch: s.Epoch})
		}
		require.Equal(t, many, b.pass().Agreed)
		require.Zero(t, b.pass().Agreed)
	})
}

// What nothing can be done about is looked at once in a round.
func TestNothingToConfirm(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t)
		b.pass()
		for i := range 300 {
			b.idle(fmt.Sprint("w", i))
			_, err := b.Sessions.Claim(t.Context(), claim.Request{User: fleet.User(fmt.Sprint("u", i))}, "")
			require.NoError(t, err)
		}
		counted := &counting{Memory: b.store}
		b.Store = counted
		b.pass()
		require.Equal(t, 2, counted.lists)
	})
}

// Assignments of hosts that died are overdue and stay until their leases end. Who returns meanwhile has to be agreed to before
// its own lease does.
func TestReturnBehindTheDead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t)
		b.pass()
		for i := range 300 {
			b.idle(fmt.Sprint("w", i))
			_, err := b.Sessions.Claim(t.Context(), claim.Request{User: fleet.User(fmt.Sprint("u", i))}, "")
			require.NoError(t, err)
		}
		time.Sleep(b.Terms.Acknowledge + time.Second)
		s := session.Session{User: "bea", Epoch: 1, Worker: "late", Host: "h2", Life: 1}
		require.NoError(t, b.authority.Begin(t.Context(), s, 0))
		b.register(claim.Registration{Worker: s.Worker, Host: s.Host, Life: s.Life, User: s.User, Epoch: s.Epoch})
		require.Equal(t, 1, b.pass().Agreed)
	})
}

// counting counts how often unconfirmed sessions are listed.
type counting struct {
	*claim.Memory
	lists int
}

func (c *counting) Unconfirmed(ctx context.Context, skip, limit int) ([]claim.Unconfirmed, error) {
	c.lists++
	return c.Memory.Unconfirmed(ctx, skip, limit)
}
