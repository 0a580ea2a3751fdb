package keeper

import (
	"context"
	"time"
)

// every makes rounds until the context ends. A failed round is told and the next one made in its time.
func every(ctx context.Context, period time.Duration, round func(context.Context) error, failed func(error)) error {
	ticker := time.NewTicker(period)
	defer ticker.Stop()
	for {
		if err := round(ctx); err != nil && ctx.Err() == nil {
			failed(err)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C:
		}
	}
}
