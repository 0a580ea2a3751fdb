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
	"workerfleet/runtime/keeper"
	"workerfleet/runtime/session"
)

// rounds makes them for a time, while workers beat, and adds up what they did.
func (b *bench) rounds(during time.Duration, beats ...claim.Beat) (sum keeper.Report) {
	b.t.Helper()
	for ; during > 0; during -= b.Period {
		time.Sleep(b.Period)
		b.beat(beats...)
		r := b.pass()
		sum.Recalled += r.Recalled
		sum.Served += r.Served
		sum.Expired += r.Expired
	}
	return sum
}

// heldBack lets the first session begin later.
type heldBack struct {
	*session.Memory
	begin func() error
}

func (h *heldBack) Begin(ctx context.Context, s session.Session, wait time.Duration) error {
	if h.begin == nil {
		h.begin = func() error { return h.Memory.Begin(ctx, s, wait) }
		return context.DeadlineExceeded
	}
	return h.Memory.Begin(ctx, s, wait)
}

// A begin that arrives when its claim was given up long ago leaves a session that nobody knows. Its user is served again,
// after as long as a worker might act that has it.
func TestLateBeginIsRecalled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t)
		b.pass()
		b.idle("w1")
		held := &heldBack{Memory: b.authority}
		b.Sessions.Authority = held
		_, err := b.Sessions.Claim(t.Context(), claim.Request{User: "ann"}, "")
		require.ErrorIs(t, err, context.DeadlineExceeded)
		time.Sleep(b.Terms.Acknowledge)
		beats := []claim.Beat{{Worker: "w1", Life: 1}, {Worker: "w2", Life: 1}}
		undone, err := b.store.Undo(t.Context(), "ann", b.bound("ann").Epoch, b.Terms)
		require.NoError(t, err)
		require.True(t, undone)
		require.NoError(t, held.begin())
		b.idle("w2")
		wait := b.Terms.TTL + b.Terms.Guard
		require.Equal(t, keeper.Report{}, b.rounds(wait, beats...), "its worker may come back with it")
		require.Equal(t, keeper.Report{Recalled: 1}, b.rounds(wait, beats...), "its worker may act still")
		require.Equal(t, keeper.Report{Recalled: 1, Served: 1}, b.rounds(4*b.Period, beats...))
		bound := b.bound("ann")
		require.NoError(t, b.store.Confirm(t.Context(), bound.Worker, bound.Life, bound.Epoch))
		for i := range beats {
			if beats[i].Worker == bound.Worker {
				beats[i].Epoch = bound.Epoch
			}
		}
		require.Equal(t, keeper.Report{}, b.rounds(5*wait, beats...), "it is settled")
		require.Equal(t, claim.Serving, b.bound("ann").State)
	})
}

// The last sessions that an index has lost in a failover come back by their workers' beats, and go on as if nothing had been.
func TestReturningIsNotRecalled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t)
		b.pass()
		b.idle("w1")
		b.idle("w2")
		require.NoError(t, b.authority.Begin(t.Context(), session.Session{User: "ann", Epoch: 5, Worker: "w3", Host: "h1", Life: 1}, 0))
		wait := b.Terms.TTL + b.Terms.Guard
		beats := []claim.Beat{{Worker: "w1", Life: 1}, {Worker: "w2", Life: 1}}
		require.Zero(t, b.rounds(wait-time.Second, beats...))
		b.register(claim.Registration{Worker: "w3", Host: "h1", Life: 1, User: "ann", Epoch: 5})
		require.Zero(t, b.rounds(3*wait, append(beats, claim.Beat{Worker: "w3", Life: 1, Epoch: 5})...))
		require.Equal(t, fleet.Epoch(5), b.bound("ann").Epoch)
	})
}

// A user who leaves in the moment in which a keeper compares is not served for it.
func TestLeavingIsNotRecalled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t)
		b.pass()
		b.idle("w1")
		b.idle("w2")
		first := b.serving("ann")
		left := false
		b.Authority = pages{b.authority, func() {
			if !left {
				left = true
				require.NoError(t, b.Sessions.End(t.Context(), "ann"))
			}
		}}
		require.Zero(t, b.rounds(3*(b.Terms.TTL+b.Terms.Guard), claim.Beat{Worker: first.Worker, Life: 1}, claim.Beat{Worker: "w2", Life: 1}))
		require.True(t, left)
		require.False(t, b.serves("ann"))
	})
}

// pages tells what it has listed before something happens.
type pages struct {
	*session.Memory
	then func()
}

func (p pages) Open(ctx context.Context, after fleet.User, limit int) ([]session.Session, error) {
	found, err := p.Memory.Open(ctx, after, limit)
	p.then()
	return found, err
}

// All sessions are compared, page by page, and more than are watched at once; those whose users wait for a worker are in
// nobody's way.
func TestAllSessionsAreCompared(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t)
		b.pass()
		asked := asking{b.store, map[fleet.User]bool{}}
		b.Sessions.Claims, b.Go = asked, func(run func()) { run() }
		for i := range 600 {
			s := session.Session{User: fleet.User(fmt.Sprintf("user-%03d", i)), Epoch: fleet.Epoch(i + 1), Worker: "gone", Host: "h1", Life: 1}
			require.NoError(t, b.authority.Begin(t.Context(), s, 0))
		}
		b.rounds(4 * (b.Terms.TTL + b.Terms.Guard))
		require.Len(t, asked.users, 600)
	})
}

// asking knows who asked for a worker.
type asking struct {
	claim.Claims
	users map[fleet.User]bool
}

func (a asking) Claim(ctx context.Context, r claim.Request, t claim.Terms) (claim.Answer, error) {
	a.users[r.User] = true
	return a.Claims.Claim(ctx, r, t)
}
