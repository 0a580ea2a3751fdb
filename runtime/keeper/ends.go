package keeper

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"workerfleet/runtime/fleet"
	"workerfleet/runtime/session"
)

// EndsConfig is what the ends of sessions work on. Presence and Sessions must be set.
type EndsConfig struct {
	Presence session.Presence
	Sessions *session.Sessions
	// Idle is how long a user may be away, without an order that may change, before the session ends; 0 is for ever.
	Idle time.Duration
	// Period is the time between two rounds; 0 means ten seconds, or a quarter of a shorter idle time.
	Period time.Duration
}

// Ends ends sessions that nobody uses, so that their workers serve others, and closes what is known to be over. Any number of
// them may work on one pool: a session is ended by its epoch, so that one that the user has begun meanwhile goes on.
type Ends struct{ EndsConfig }

const (
	endsPeriod = 10 * time.Second
	endsPage   = 256
	// closedMost is how many ended sessions one round looks after: those of a market's end, within a few rounds.
	closedMost = 4096
	// endsPatience is how long the worker of a session that was ended is told again that it is over.
	endsPatience = 10 * time.Minute
)

// NewEnds makes the rounds.
func NewEnds(c EndsConfig) *Ends {
	if c.Period == 0 {
		c.Period = min(endsPeriod, cmp.Or(c.Idle/4, endsPeriod))
	}
	return &Ends{c}
}

// EndsReport is what one round did.
type EndsReport struct {
	// Left are the users whose sessions were ended; Closed counts sessions whose workers are known to be out of them.
	Left   []fleet.User
	Closed int
}

// Run makes rounds until the context ends, and tells whose sessions each has ended.
func (e *Ends) Run(ctx context.Context, ended func([]fleet.User), failed func(error)) error {
	return every(ctx, e.Period, func(ctx context.Context) error {
		r, err := e.Pass(ctx)
		if len(r.Left) > 0 {
			ended(r.Left)
		}
		return err
	}, failed)
}

// Pass makes one round. What fails the next one finds again.
func (e *Ends) Pass(ctx context.Context) (EndsReport, error) {
	var r EndsReport
	err := e.end(ctx, &r)
	return r, errors.Join(err, e.finish(ctx, &r))
}

// end ends what is idle, page by page. A session that could not be ended does not hold up the others.
func (e *Ends) end(ctx context.Context, r *EndsReport) error {
	if e.Idle == 0 {
		return nil
	}
	var errs []error
	for after, more := fleet.User(""), true; more; {
		page, err := e.Presence.Idle(ctx, session.Unseen(e.Idle), after, endsPage)
		if err != nil {
			return errors.Join(append(errs, err)...)
		}
		for _, s := range page {
			after = s.User
			if err := e.Sessions.EndAt(ctx, s.User, s.Epoch); err != nil {
				errs = append(errs, fmt.Errorf("end an idle session: %w", err))
				continue
			}
			r.Left = append(r.Left, s.User)
		}
		more = len(page) == endsPage
	}
	return errors.Join(errs...)
}

func (e *Ends) finish(ctx context.Context, r *EndsReport) error {
	dismissed, err := e.Presence.Dismissed(ctx, endsPatience, closedMost)
	if err != nil {
		return err
	}
	var errs []error
	for _, s := range dismissed {
		closed, err := e.Sessions.Finish(ctx, s)
		errs = append(errs, err)
		if closed {
			r.Closed++
		}
	}
	return errors.Join(errs...)
}
