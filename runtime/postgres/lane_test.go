package postgres

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"workerfleet/runtime/batch"
)

// Two connections that hang hold the claims of others up for ten seconds, and not for as long as those who sent the first ones
// wait. That a query ends with its context is the driver's.
func TestHungLanes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		hung := lanes
		calls := batch.New(lanes, most, apart(func(ctx context.Context, in []int) ([]int, error) {
			if hung > 0 {
				hung--
				<-ctx.Done()
				return nil, ctx.Err()
			}
			return in, nil
		}))
		for range lanes {
			go func() {
				_, err := calls.Do(context.Background(), 1)
				require.ErrorIs(t, err, context.DeadlineExceeded)
			}()
			synctest.Wait()
		}
		began := time.Now()
		out, err := calls.Do(context.Background(), 2)
		require.NoError(t, err)
		require.Equal(t, 2, out)
		require.Equal(t, laneLimit, time.Since(began))
	})
}
