package keeper

import (
	"context"
	"errors"
	"fmt"
	"time"

	"workerfleet/runtime/pool"
)

// lesson is what a round knows of past weeks. It is handed on with the plan, so that one round a minute asks the database
// for all of them, and a round without a database predicts alike.
type lesson struct {
	pool.Learned
	// At is when the database was last asked, with whatever success; Counted is until when it knows the arrivals.
	At      time.Time `json:"at,omitzero"`
	Counted time.Time `json:"counted,omitzero"`
}

// What was learned is learned anew after a minute, and covers ten more: so long may the database be away. It gets two
// seconds, because a round has other things to do.
const (
	learnPeriod = time.Minute
	learnAhead  = 10 * time.Minute
	learnLimit  = 2 * time.Second
)

// learn carries the index's counts over into the history and recalls the minutes to come. Whatever fails is tried again in a
// minute, by what was learned until then.
func (r *Refill) learn(ctx context.Context, now time.Time, l *lesson) error {
	if r.History == nil || now.Sub(l.At) < learnPeriod && !l.At.After(now) {
		return nil
	}
	l.At = now
	ctx, cancel := context.WithTimeout(ctx, learnLimit)
	defer cancel()
	return errors.Join(r.count(ctx, now, l), r.recall(ctx, now, l), r.History.Forget(ctx, now.Add(-pool.Retention)))
}

// count carries over what has come since the last time. The minute in which that was, was not over.
func (r *Refill) count(ctx context.Context, now time.Time, l *lesson) error {
	arrived, err := r.Arrivals.Arrivals(ctx)
	if err != nil {
		return fmt.Errorf("count the arrivals: %w", err)
	}
	var counts []pool.Minute
	for _, a := range arrived {
		if !a.Minute.Before(l.Counted.Add(-time.Minute)) {
			counts = append(counts, pool.Minute{At: a.Minute, Claims: a.Claims})
		}
	}
	if len(counts) > 0 {
		if err := r.History.Count(ctx, counts); err != nil {
			return err
		}
	}
	l.Counted = now
	return nil
}

func (r *Refill) recall(ctx context.Context, now time.Time, l *lesson) error {
	learned, err := pool.Learn(ctx, r.History, now, r.Policy, learnAhead)
	if err != nil {
		return err
	}
	l.Learned = learned
	return nil
}
