package order

import (
	"context"
	"time"
)

type startKey struct{}

// StartBy makes a context under which a call has to have begun to leave by a moment. Its deadline is another thing: how
// long the answer is waited for, once the call has left. What leaves later may meet the successor of whoever sent it.
func StartBy(ctx context.Context, at time.Time) context.Context {
	return context.WithValue(ctx, startKey{}, at)
}

// Late says that a call that has not begun must not begin any more. It reads the clock: the process may have been stopped
// since the call was decided on, and no timer has told it yet.
func Late(ctx context.Context) bool { return LateAt(ctx, time.Now()) }

// LateAt is [Late] at a time that was read elsewhere.
func LateAt(ctx context.Context, now time.Time) bool {
	if at, limited := ctx.Value(startKey{}).(time.Time); limited && !now.Before(at) {
		return true
	}
	deadline, limited := ctx.Deadline()
	return limited && !now.Before(deadline)
}
