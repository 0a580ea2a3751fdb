package keeper

import (
	"context"
	"fmt"
	"math"

	"workerfleet/runtime/claim"
	"workerfleet/runtime/fleet"
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
	early := census.ClosedFor <= wait
	most := math.MaxInt
	if early {
		most = census.Workers[claim.Returned] + census.Workers[claim.Serving]
	}
	open, err := k.sessions(ctx, most)
	if err != nil {
		return err
	}
	if len(open) > most {
		return nil // looking for each of them would keep the store from hearing the others
	}
	missing, err := k.missing(ctx, open)
	if err != nil {
		return err
	}
	if len(missing) > 0 && early {
		return nil
	}
	if err := k.open(ctx); err != nil {
		return err
	}
	r.Rebuilding, r.Opened = false, true
	return k.several(len(missing), r, func(i int, part *Report) error { return k.serve(ctx, missing[i].User, part) })
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

// sessions lists the open ones, and no further when they are more than so many.
func (k *Keeper) sessions(ctx context.Context, most int) (open []session.Session, err error) {
	for after := fleet.User(""); ; after = open[len(open)-1].User {
		page, err := k.Authority.Open(ctx, after, openPage)
		if err != nil {
			return nil, fmt.Errorf("list open sessions: %w", err)
		}
		if open = append(open, page...); len(page) < openPage || len(open) > most {
			return open, nil
		}
	}
}

// missing lists those sessions whose worker has not returned with them. One after the other a fleet's would take longer than
// what was read may be acted on.
func (k *Keeper) missing(ctx context.Context, open []session.Session) (missing []session.Session, err error) {
	gone := make([]bool, len(open))
	looking, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	_ = k.several(len(open), &Report{}, func(i int, _ *Report) error {
		if looking.Err() != nil { // one failure is told, not that of thousands
			return nil
		}
		w, known, err := k.Store.Worker(looking, open[i].Worker)
		if err != nil {
			stop(fmt.Errorf("look for the worker of %s: %w", open[i].User, err))
		}
		gone[i] = !known || w.User != open[i].User || w.Epoch != open[i].Epoch
		return nil
	})
	if looking.Err() != nil {
		return nil, context.Cause(looking)
	}
	for i, s := range open {
		if gone[i] {
			missing = append(missing, s)
		}
	}
	return missing, nil
}
