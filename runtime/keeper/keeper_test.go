package keeper_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"workerfleet/runtime/claim"
	"workerfleet/runtime/fleet"
	"workerfleet/runtime/keeper"
	"workerfleet/runtime/seal"
	"workerfleet/runtime/session"
	"workerfleet/runtime/signals"
)

// everyone has credentials.
type everyone struct{}

func (everyone) Credentials(_ context.Context, user fleet.User) ([]byte, error) {
	return []byte("secret of " + user), nil
}

// mailbox counts the assignments of each user; while err is set nothing arrives.
type mailbox struct {
	mu       sync.Mutex
	assigned map[fleet.User]int
	ended    []fleet.Epoch
	err      error
}

// released is how often the worker of an epoch was told that its session is over.
func (m *mailbox) released(epoch fleet.Epoch) (times int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, e := range m.ended {
		if e == epoch {
			times++
		}
	}
	return times
}

func (m *mailbox) fail(err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.err = err
}

func (m *mailbox) count(user fleet.User) int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.assigned[user]
}

func (m *mailbox) Post(_ context.Context, _ fleet.Host, mail fleet.Mail) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.err == nil && mail.Kind == fleet.MailAssign {
		m.assigned[mail.User]++
	}
	if m.err == nil && mail.Kind == fleet.MailRelease {
		m.ended = append(m.ended, mail.Epoch)
	}
	return m.err
}

// bench is a pool of in-memory parts with one keeper. Its tests run in a bubble of made-up time.
type bench struct {
	*keeper.Keeper
	t         *testing.T
	store     *claim.Memory
	authority *session.Memory
	mailbox   *mailbox
	key       string
}

func newBench(t *testing.T) *bench {
	t.Helper()
	key, err := seal.NewKey()
	require.NoError(t, err)
	b := &bench{t: t, store: claim.NewMemory(), authority: session.NewMemory(), mailbox: &mailbox{assigned: map[fleet.User]int{}}, key: key.Public()}
	terms := claim.DefaultTerms()
	sessions := session.New(session.Config{
		Claims: b.store, Directory: b.store, Authority: b.authority, Vault: everyone{}, Mailbox: b.mailbox, Terms: terms,
	})
	incarnations := 0
	b.Keeper = keeper.New(keeper.Config{
		Store: b.store, Sessions: sessions, Authority: b.authority, Recorder: signals.Discard{}, Terms: terms,
		Incarnation: func() string { incarnations++; return fmt.Sprintf("data-%d", incarnations) },
	})
	return b
}

func (b *bench) pass() keeper.Report {
	b.t.Helper()
	r, err := b.Pass(b.t.Context())
	require.NoError(b.t, err)
	return r
}

func (b *bench) register(r claim.Registration) {
	b.t.Helper()
	if r.Key == "" {
		r.Key = b.key
	}
	standing, err := b.store.Register(b.t.Context(), r, b.Terms)
	require.NoError(b.t, err)
	require.Equal(b.t, claim.Ok, standing)
}

func (b *bench) idle(worker string) {
	b.t.Helper()
	b.register(claim.Registration{Worker: fleet.Worker(worker), Host: "h1", Life: 1})
}

// serving claims for the user and confirms as the worker would.
func (b *bench) serving(user fleet.User) claim.Binding {
	b.t.Helper()
	p, err := b.Sessions.Claim(b.t.Context(), claim.Request{User: user}, "")
	require.NoError(b.t, err)
	require.NotNil(b.t, p.Bound)
	require.NoError(b.t, b.store.Confirm(b.t.Context(), p.Bound.Worker, p.Bound.Life, p.Bound.Epoch))
	return *p.Bound
}

func (b *bench) bound(user fleet.User) claim.Binding {
	b.t.Helper()
	answer, err := b.store.Claim(b.t.Context(), claim.Request{User: user}, b.Terms)
	require.NoError(b.t, err)
	require.NotNil(b.t, answer.Bound)
	return *answer.Bound
}

// beat keeps workers of h1 alive.
func (b *bench) beat(beats ...claim.Beat) {
	b.t.Helper()
	_, err := b.store.Beat(b.t.Context(), "h1", beats, b.Terms)
	require.NoError(b.t, err)
}

// A worker that falls silent loses its user when TTL and guard have passed and no sooner; the database is fenced, and
// the user has another worker in the same round.
func TestSilentWorkerIsReplaced(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t)
		b.pass()
		b.idle("w1")
		first := b.serving("ann")
		b.idle("w2")
		for elapsed := time.Duration(0); elapsed < b.Terms.TTL+b.Terms.Guard; elapsed += time.Second {
			b.beat(claim.Beat{Worker: "w2", Life: 1})
			require.Empty(t, b.pass().Dead, "after %s", elapsed)
			time.Sleep(time.Second)
		}
		time.Sleep(time.Millisecond)
		r := b.pass()
		require.Len(t, r.Dead, 1)
		require.Equal(t, 1, r.Served)
		current, open, err := b.authority.Current(t.Context(), "ann")
		require.NoError(t, err)
		require.True(t, open)
		require.Equal(t, fleet.Worker("w2"), current.Worker)
		require.Greater(t, current.Epoch, first.Epoch)
		require.Equal(t, 2, b.mailbox.count("ann"))
	})
}

// A claim whose process died before it delivered is delivered by the next round, once.
func TestUndeliveredIsDelivered(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t)
		b.pass()
		b.idle("w1")
		_, err := b.store.Claim(t.Context(), claim.Request{User: "ann"}, b.Terms)
		require.NoError(t, err)
		require.Equal(t, 1, b.pass().Delivered)
		require.Zero(t, b.pass().Delivered)
		require.Equal(t, 1, b.mailbox.count("ann"))
	})
}

// A failed delivery is an error of the round and is tried again by the next.
func TestFailedDeliveryIsRepeated(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t)
		b.pass()
		b.idle("w1")
		away := errors.New("away")
		b.mailbox.fail(away)
		_, err := b.Sessions.Claim(t.Context(), claim.Request{User: "ann"}, "")
		require.ErrorIs(t, err, away)
		_, err = b.Pass(t.Context())
		require.ErrorIs(t, err, away)
		b.mailbox.fail(nil)
		require.Equal(t, 1, b.pass().Delivered)
	})
}

// A worker that does not confirm in time keeps nobody waiting: its user gets another one at once, and its late
// confirmation is refused.
func TestUnconfirmedIsReplaced(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t)
		b.pass()
		b.idle("w1")
		p, err := b.Sessions.Claim(t.Context(), claim.Request{User: "ann"}, "")
		require.NoError(t, err)
		b.idle("w2")
		require.Zero(t, b.pass().Expired)
		time.Sleep(b.Terms.Acknowledge + time.Millisecond)
		require.Zero(t, b.pass().Expired, "its acknowledgement may have been lost by the store")
		b.beat(claim.Beat{Worker: "w1", Life: 1})
		r := b.pass()
		require.Equal(t, 1, r.Expired)
		require.Equal(t, 1, r.Served)
		require.ErrorIs(t, b.store.Confirm(t.Context(), "w1", 1, p.Bound.Epoch), claim.ErrFenced)
		require.Equal(t, fleet.Worker("w2"), b.bound("ann").Worker)
	})
}

// After a total loss of the index the pool opens as soon as every open session has returned: sessions go on under
// their epochs, and new ones get higher ones.
func TestRebuildWithEveryone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t)
		far := fleet.Epoch(time.Now().Add(time.Hour).UnixMilli()) * 4096
		require.NoError(t, b.authority.Begin(t.Context(), session.Session{User: "ann", Epoch: far, Worker: "w1", Host: "h1", Life: 3}, 0))
		require.True(t, b.pass().Rebuilding, "the pool opened before the session returned")
		_, err := b.store.Claim(t.Context(), claim.Request{User: "bea"}, b.Terms)
		require.ErrorIs(t, err, claim.ErrRebuilding)

		b.register(claim.Registration{Worker: "w1", Host: "h1", Life: 3, User: "ann", Epoch: far})
		b.idle("w2")
		r := b.pass()
		require.True(t, r.Opened)
		require.Equal(t, 1, r.Agreed)
		require.Equal(t, claim.Serving, b.bound("ann").State)
		require.Equal(t, far, b.bound("ann").Epoch)
		require.Greater(t, b.bound("bea").Epoch, far, "an epoch was given twice")
	})
}

// Sessions that do not return are waited for as long as their workers may act, then fenced, and their users served.
func TestRebuildWithoutSome(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t)
		require.NoError(t, b.authority.Begin(t.Context(), session.Session{User: "ann", Epoch: 5, Worker: "lost", Host: "h9", Life: 1}, 0))
		time.Sleep(time.Minute) // the session is no new one
		require.True(t, b.pass().Rebuilding)
		time.Sleep(b.Terms.TTL + b.Terms.Guard)
		b.idle("w2")
		require.True(t, b.pass().Rebuilding, "the pool opened while the lost worker may act")
		time.Sleep(time.Millisecond)
		r := b.pass()
		require.True(t, r.Opened)
		require.Equal(t, 1, r.Served)
		require.Equal(t, fleet.Worker("w2"), b.bound("ann").Worker)
		require.Equal(t, 1, b.mailbox.count("ann"))
	})
}

// An index that loses its data again before it was opened begins its wait anew, whichever keeper has seen what.
func TestLostTwice(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t)
		require.NoError(t, b.authority.Begin(t.Context(), session.Session{User: "ann", Epoch: 5, Worker: "lost", Host: "h9", Life: 1}, 0))
		time.Sleep(time.Minute)
		require.True(t, b.pass().Rebuilding)
		time.Sleep(b.Terms.TTL + b.Terms.Guard - time.Millisecond)
		b.Store = claim.NewMemory()
		require.True(t, b.pass().Rebuilding)
		time.Sleep(time.Second)
		require.True(t, b.pass().Rebuilding, "the first loss's wait was taken for the second one's")
		time.Sleep(b.Terms.TTL + b.Terms.Guard)
		require.True(t, b.pass().Opened)
	})
}

// A worker that returns with a session that the database has ended is fenced: registering gave it no right.
func TestReturnedWithoutRight(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t)
		b.pass()
		require.NoError(t, b.authority.Begin(t.Context(), session.Session{User: "ann", Epoch: 5, Worker: "w1", Host: "h1", Life: 1}, 0))
		require.NoError(t, b.authority.Close(t.Context(), "ann", 5))
		b.register(claim.Registration{Worker: "w1", Host: "h1", Life: 1, User: "ann", Epoch: 5})
		require.Equal(t, 1, b.pass().Refused)
		standings, err := b.store.Beat(t.Context(), "h1", []claim.Beat{{Worker: "w1", Life: 1, Epoch: 5}}, b.Terms)
		require.NoError(t, err)
		require.Equal(t, []claim.Standing{claim.Fenced}, standings)
	})
}

// Run goes on after failed rounds and ends with its context.
func TestRun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t)
		b.idle("w1")
		ctx, cancel := context.WithCancel(t.Context())
		failures := 0
		done := make(chan error, 1)
		go func() { done <- b.Run(ctx, func(error) { failures++ }) }()
		synctest.Wait()
		b.mailbox.fail(errors.New("away"))
		_, err := b.Sessions.Claim(t.Context(), claim.Request{User: "ann"}, "")
		require.Error(t, err)
		time.Sleep(600 * time.Millisecond)
		synctest.Wait()
		require.Positive(t, failures)
		b.mailbox.fail(nil)
		time.Sleep(300 * time.Millisecond)
		synctest.Wait()
		require.Equal(t, 1, b.mailbox.count("ann"))
		cancel()
		require.NoError(t, <-done)
	})
}

// unanswered is a store whose first reap nobody answers.
type unanswered struct {
	*claim.Memory
	asked atomic.Int64
}

func (u *unanswered) Reap(ctx context.Context, t claim.Terms) (claim.Reaped, error) {
	if u.asked.Add(1) == 1 {
		<-ctx.Done()
		return claim.Reaped{}, ctx.Err()
	}
	return u.Memory.Reap(ctx, t)
}

// A call that nobody answers ends its round in a minute, and the next round is made.
func TestHungRound(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t)
		u := &unanswered{Memory: b.store}
		b.Store = u
		ctx, cancel := context.WithCancel(t.Context())
		failed, done := make(chan error, 1), make(chan error, 1)
		go func() { done <- b.Run(ctx, func(err error) { failed <- err }) }()
		require.ErrorIs(t, <-failed, context.DeadlineExceeded)
		time.Sleep(10 * time.Second)
		synctest.Wait()
		require.Greater(t, u.asked.Load(), int64(1))
		cancel()
		require.NoError(t, <-done)
	})
}

// shut has nobody's credentials but such as the broker refuses.
type shut struct{}

func (shut) Credentials(context.Context, fleet.User) ([]byte, error) {
	return nil, &session.Refused{Reason: "the account is closed"}
}

// A user whose credentials the broker refuses is not served again after a worker's death, and that is no failure.
func TestUnserved(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t)
		b.pass()
		b.idle("w1")
		b.serving("ann")
		b.idle("w2")
		b.Sessions.Vault = shut{}
		for range 2 * b.Terms.TTL / time.Second {
			time.Sleep(time.Second)
			b.beat(claim.Beat{Worker: "w2", Life: 1})
		}
		r := b.pass()
		require.Len(t, r.Dead, 1)
		require.Zero(t, r.Served)
		_, open, err := b.authority.Current(t.Context(), "ann")
		require.NoError(t, err)
		require.False(t, open)
	})
}
