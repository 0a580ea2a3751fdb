package keeper

import (
	"context"
	"errors"
	"sync"
	"time"
)

// atOnceSessions is how many sessions a round works on at once: more than a keeper has connections, because those that come
// together are asked about together.
const atOnceSessions = 32

// several does something for every number below n, some at once, and adds up what was done. What fails stops no other.
func (k *Keeper) several(n int, r *Report, do func(i int, part *Report) error) error {
	parts, errs := make([]Report, n), make([]error, n)
	places := make(chan struct{}, atOnceSessions)
	var group sync.WaitGroup
	for i := range n {
		places <- struct{}{}
		group.Add(1)
		k.Go(func() {
			defer group.Done()
			defer func() { <-places }()
			errs[i] = do(i, &parts[i])
		})
	}
	group.Wait()
	for _, part := range parts {
		r.add(part)
	}
	return errors.Join(errs...)
}

// add counts what a part of the round did to sessions.
func (r *Report) add(part Report) {
	r.Delivered += part.Delivered
	r.Expired += part.Expired
	r.Agreed += part.Agreed
	r.Refused += part.Refused
	r.Served += part.Served
	r.Recalled += part.Recalled
}

// roundLimit ends a round whose call nobody answers: a connection to what is gone without a word may stand for a quarter of an
// hour. Whatever was done stays, and the next round finds the rest.
const roundLimit = time.Minute

// every makes rounds until the context ends. A failed round is told and the next one made in its time.
func every(ctx context.Context, period time.Duration, round func(context.Context) error, failed func(error)) error {
	ticker := time.NewTicker(period)
	defer ticker.Stop()
	for {
		limited, cancel := context.WithTimeout(ctx, roundLimit)
		err := round(limited)
		cancel()
		if err != nil && ctx.Err() == nil {
			failed(err)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C:
		}
	}
}
