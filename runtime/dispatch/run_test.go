package dispatch_test

import (
	"context"
	"fmt"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"workerfleet/runtime/dispatch"
	"workerfleet/runtime/fleet"
	"workerfleet/runtime/order"
)

// waiting is an inbox that waits a second for the first outcome, as a stream does.
type waiting struct {
	inbox
	outcomes chan dispatch.Parcel
	settled  chan time.Time
}

func (w *waiting) Take(ctx context.Context, _ int) ([]dispatch.Parcel, error) {
	select {
	case p := <-w.outcomes:
		return []dispatch.Parcel{p}, nil
	case <-time.After(time.Second):
	case <-ctx.Done():
	}
	return nil, nil
}

func (w *waiting) Settle(context.Context, []string) error {
	w.settled <- time.Now()
	return nil
}

// An outcome is committed in the moment in which it comes, also just after the inbox has waited for nothing.
func TestOutcomesDoNotWaitForAPause(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t)
		w := &waiting{outcomes: make(chan dispatch.Parcel, 1), settled: make(chan time.Time, 1)}
		b.Inbox = w
		ctx, stop := context.WithCancel(t.Context())
		ended := make(chan struct{})
		go func() {
			defer close(ended)
			_ = b.Run(ctx, func(err error) { t.Errorf("a round failed: %v", err) })
		}()
		a := b.accept("ann", "k1")
		time.Sleep(time.Second + time.Millisecond)
		came := time.Now()
		w.outcomes <- dispatch.Parcel{ID: "1-0", Outcome: fleet.Outcome{
			Worker: "w1", Host: "h1", Life: 1, User: "ann", Epoch: a.Epoch, Order: a.ID, Number: 1, State: fleet.OutcomeFilled,
		}}
		require.Zero(t, (<-w.settled).Sub(came))
		stop()
		<-ended
	})
}

// impatient returns at once.
type impatient struct {
	inbox
	taken atomic.Int64
}

func (i *impatient) Take(context.Context, int) ([]dispatch.Parcel, error) {
	i.taken.Add(1)
	return nil, nil
}

// An inbox that does not wait is left alone between two rounds.
func TestImpatientInbox(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t)
		i := &impatient{}
		b.Inbox = i
		ctx, stop := context.WithTimeout(t.Context(), 950*time.Millisecond)
		defer stop()
		require.NoError(t, b.Run(ctx, func(error) {}))
		require.EqualValues(t, 2*10, i.taken.Load(), "by both collectors, ten times in a second")
	})
}

// slow is an inbox with an outcome each of two users, whose first turn takes until the other outcome is settled.
type slow struct {
	inbox
	outcomes chan dispatch.Parcel
	settled  chan string
}

func (s *slow) Take(ctx context.Context, _ int) ([]dispatch.Parcel, error) {
	select {
	case p := <-s.outcomes:
		return []dispatch.Parcel{p}, nil
	case <-ctx.Done():
		return nil, nil
	}
}

func (s *slow) Settle(ctx context.Context, ids []string) error {
	if ids[0] == "1-0" {
		time.Sleep(time.Minute)
	}
	s.settled <- ids[0]
	return nil
}

// A turn that takes long holds up none that comes after it.
func TestSlowTurn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t)
		s := &slow{outcomes: make(chan dispatch.Parcel, 2), settled: make(chan string, 2)}
		b.Inbox = s
		for i, user := range []fleet.User{"ann", "bea"} {
			s.outcomes <- dispatch.Parcel{ID: fmt.Sprintf("%d-0", i+1), Outcome: fleet.Outcome{User: user, Order: "lost", Number: 1, State: fleet.OutcomeFilled}}
		}
		ctx, stop := context.WithCancel(t.Context())
		ended := make(chan struct{})
		go func() {
			defer close(ended)
			_ = b.Run(ctx, func(error) {}) // both are strays
		}()
		require.Equal(t, []string{"2-0", "1-0"}, []string{<-s.settled, <-s.settled})
		stop()
		<-ended
	})
}

// unanswered are switches whose first question nobody answers.
type unanswered struct {
	*order.Memory
	asked atomic.Int64
}

func (u *unanswered) Halts(ctx context.Context) ([]order.Halt, error) {
	if u.asked.Add(1) == 1 {
		<-ctx.Done()
		return nil, ctx.Err()
	}
	return u.Memory.Halts(ctx)
}

// A question that nobody answers ends its round in a minute, and the next round is made.
func TestHungRound(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t)
		u := &unanswered{Memory: b.orders}
		b.Switches, b.Inbox = u, &impatient{}
		ctx, stop := context.WithCancel(t.Context())
		failed, ended := make(chan error, 1), make(chan struct{})
		go func() {
			defer close(ended)
			_ = b.Run(ctx, func(err error) { failed <- err })
		}()
		require.ErrorIs(t, <-failed, context.DeadlineExceeded)
		time.Sleep(10 * time.Second)
		synctest.Wait()
		require.Greater(t, u.asked.Load(), int64(1))
		stop()
		<-ended
	})
}
