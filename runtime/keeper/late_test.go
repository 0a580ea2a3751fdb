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
	"workerfleet/runtime/signals"
)

// A process that was refused, and is stopped before it takes its binding back, ends nobody's session when it goes on:
// the predecessor has gone meanwhile, and another request for the same user has delivered the very same binding.
func TestLateUndo(t *testing.T) {
	for _, before := range []string{"undo", "close"} {
		synctest.Test(t, func(t *testing.T) {
			s := &stable{bench: newBench(t), workers: map[fleet.Worker]*horse{}, acting: map[fleet.User]map[fleet.Worker]bool{}}
			s.Sessions.Mailbox = s
			s.pass()
			for _, name := range []fleet.Worker{"w1", "w2", "w3"} {
				s.workers[name] = &horse{life: 1}
				s.register(claim.Registration{Worker: name, Host: "h1", Life: 1})
			}
			first, err := s.Sessions.Claim(t.Context(), claim.Request{User: "ann"}, "")
			require.NoError(t, err)
			require.NoError(t, s.Sessions.End(t.Context(), "ann")) // the worker has not heard of it yet

			slow := &pausing{Claims: s.store, Authority: s.authority, Vault: everyone{}, Mailbox: s, before: before, pause: time.Second}
			stopped := session.New(session.Config{Claims: slow, Directory: s.store, Authority: slow, Vault: slow, Mailbox: slow, Terms: s.Terms})
			done := make(chan error, 1)
			go func() {
				_, err := stopped.Claim(t.Context(), claim.Request{User: "ann"}, "")
				done <- err
			}()
			synctest.Wait()
			s.mu.Lock()
			s.renew(t.Context(), first.Bound.Worker)
			s.mu.Unlock()
			second, err := s.Sessions.Claim(t.Context(), claim.Request{User: "ann"}, "")
			require.NoError(t, err)
			require.NotNil(t, second.Bound)
			require.NoError(t, <-done)
			for range 8 {
				s.beat(t.Context())
				s.pass()
				p, err := s.Sessions.Claim(t.Context(), claim.Request{User: "ann"}, "")
				require.NoError(t, err)
				require.False(t, s.doubled, "two workers act for one user: paused before %s", before)
				require.Equal(t, second.Bound.Epoch, p.Bound.Epoch, "the session that was delivered has ended")
				time.Sleep(250 * time.Millisecond)
			}
			current, open, err := s.authority.Current(t.Context(), "ann")
			require.NoError(t, err)
			require.True(t, open, "the row of a worker that acts was closed")
			require.Equal(t, second.Bound.Epoch, current.Epoch)
		})
	}
}

// lateOpener is a store whose opening takes its time, once.
type lateOpener struct {
	claim.Store
	pause time.Duration
}

func (l *lateOpener) Open(ctx context.Context, incarnation string) (string, error) {
	time.Sleep(l.pause)
	l.pause = 0
	return l.Store.Open(ctx, incarnation)
}

// A keeper that opens the pool late, by what it has read before, ends no session that has returned meanwhile and that
// another keeper has agreed to.
func TestLateOpening(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t)
		require.NoError(t, b.authority.Begin(t.Context(), session.Session{User: "ann", Epoch: 5, Worker: "w1", Host: "h1", Life: 1}, 0))
		late := keeper.New(keeper.Config{
			Store: &lateOpener{b.store, 5 * time.Second}, Sessions: b.Sessions, Authority: b.authority, Recorder: signals.Discard{}, Terms: b.Terms,
			Incarnation: func() string { return "late" },
		})
		for range 18 { // longer than TTL and guard
			b.pass()
			_, err := late.Pass(t.Context())
			require.NoError(t, err)
			if census, err := b.store.Census(t.Context()); err != nil || census.Incarnation != "" {
				break
			}
			time.Sleep(900 * time.Millisecond)
		}
		time.Sleep(900 * time.Millisecond)
		done := make(chan error, 1)
		go func() {
			_, err := late.Pass(t.Context())
			done <- err
		}()
		synctest.Wait()
		b.register(claim.Registration{Worker: "w1", Host: "h1", Life: 1, User: "ann", Epoch: 5})
		b.idle("w2")
		b.pass()
		require.NoError(t, <-done)
		b.pass()
		current, open, err := b.authority.Current(t.Context(), "ann")
		require.NoError(t, err)
		require.True(t, open, "the row of a session that goes on was closed")
		require.Equal(t, fleet.Worker("w1"), current.Worker)
		require.Equal(t, claim.Serving, b.bound("ann").State)
		require.Equal(t, fleet.Epoch(5), b.bound("ann").Epoch)
	})
}

// A round drops all that is dead, however many calls of the store that takes, and says that nothing is left.
func TestManyDead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t)
		b.pass()
		for i := range claim.ReapLimit + 1 {
			_, err := b.store.Register(t.Context(), claim.Registration{
				Worker: fleet.Worker(fmt.Sprint("w", i)), Host: "h1", Life: 1, Key: b.key,
			}, b.Terms)
			require.NoError(t, err)
		}
		require.False(t, b.pass().More)
		for range (b.Terms.TTL + b.Terms.Guard) / time.Second {
			time.Sleep(time.Second)
			_, err := b.store.Beat(t.Context(), "h1", nil, b.Terms) // the host is there; its workers are not
			require.NoError(t, err)
		}
		time.Sleep(time.Second)
		round := b.pass()
		require.Len(t, round.Dead, claim.ReapLimit+1)
		require.False(t, round.More)
		require.Empty(t, b.pass().Dead)
	})
}
