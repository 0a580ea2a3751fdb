package keeper

import (
	"context"
	"errors"
	"fmt"

	"workerfleet/runtime/session"
)

// rebuild opens a pool that has lost its data, or is new, once nobody can act who the index does not know: every open
// session of the database has returned, or TTL and guard have passed since the pool was first seen closed – without a
// confirmed beat in that time no worker may call its broker. The index itself keeps that moment: one that loses its data
// again while it is closed begins anew.
//
// Until then every open session is in doubt. Who returns is kept, in one step of the database; who does not can be taken
// over by any claim when the time has passed. So it does not matter which keeper opens the pool, or how late another one
// is: none of them ends a session by what it has read before.
func (k *Keeper) rebuild(ctx context.Context, r *Report) error {
	wait := k.Terms.TTL + k.Terms.Guard
	ctx, cancel := context.WithTimeout(ctx, wait) // what was read is not acted on after a stop of this process
	defer cancel()
	census, err := k.Store.Census(ctx)
	if err != nil {
		return fmt.Errorf("count the pool: %w", err)
	}
	r.Workers = census.Workers
	if census.Incarnation != "" {
		return nil
	}
	r.Rebuilding = true
	if !census.Closed.IsZero() && !k.doubted.Equal(census.Closed) {
		if err := k.Authority.Doubt(ctx, wait, census.ClosedFor+wait); err != nil {
			return fmt.Errorf("begin the rebuilding: %w", err)
		}
		k.doubted = census.Closed
	}
	missing, err := k.missing(ctx)
	if err != nil {
		return err
	}
	if len(missing) > 0 && census.ClosedFor <= wait {
		return nil
	}
	if err := k.open(ctx); err != nil {
		return err
	}
	r.Rebuilding, r.Opened = false, true
	var errs []error
	for _, s := range missing {
		errs = append(errs, k.serve(ctx, s.User, r))
	}
	return errors.Join(errs...)
}

// open lets claims in, above every epoch that was ever begun.
func (k *Keeper) open(ctx context.Context) error {
	floor, err := k.Authority.Floor(ctx)
	if err != nil {
		return fmt.Errorf("find the floor: %w", err)
	}
	if err := k.Store.Raise(ctx, floor+1); err != nil {
		return fmt.Errorf("raise the floor: %w", err)
	}
	if _, err := k.Store.Open(ctx, k.Incarnation()); err != nil {
		return fmt.Errorf("open the pool: %w", err)
	}
	return nil
}

// openPage is how many open sessions are read at once.
const openPage = 1000

// missing lists the open sessions whose worker has not returned with them.
func (k *Keeper) missing(ctx context.Context) (missing []session.Session, err error) {
	page, err := k.Authority.Open(ctx, "", openPage)
	for err == nil && len(page) > 0 {
		for _, s := range page {
			w, known, err := k.Store.Worker(ctx, s.Worker)
			if err != nil {
				return nil, fmt.Errorf("look for the worker of %s: %w", s.User, err)
			}
			if !known || w.User != s.User || w.Epoch != s.Epoch {
				missing = append(missing, s)
			}
		}
		page, err = k.Authority.Open(ctx, page[len(page)-1].User, openPage)
	}
	if err != nil {
		return nil, fmt.Errorf("list open sessions: %w", err)
	}
	return missing, nil
}
