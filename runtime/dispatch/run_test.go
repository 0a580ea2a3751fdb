package dispatch_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"workerfleet/runtime/dispatch"
	"workerfleet/runtime/fleet"
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
	taken int
}

func (i *impatient) Take(context.Context, int) ([]dispatch.Parcel, error) {
	i.taken++
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
		require.Equal(t, 10, i.taken)
	})
}
