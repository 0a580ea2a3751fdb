package batch

import (
	"context"
	"slices"
	"sync"
	"sync/atomic"
)

// Calls sends calls of one kind. It is safe for concurrent use.
type Calls[In, Out any] struct {
	send        func(ctx context.Context, in []In) []Answer[Out]
	lanes, most int

	mu      sync.Mutex
	taken   int              // lanes
	waiting []*call[In, Out] // empty while a lane is free
}

// Answer is what came of one call. An error of the network leaves open what happened.
type Answer[Out any] struct {
	Out Out
	Err error
}

// call is one caller's. It belongs to that caller until it is waiting, then to Calls, and to both from done on.
type call[In, Out any] struct {
	ctx    context.Context
	in     In
	answer Answer[Out]
	done   chan struct{}
	left   func() // set when it is sent: the caller waits no more
}

// New sends batches of at most so many calls, so many batches at once. send answers each call in its place.
func New[In, Out any](lanes, most int, send func(ctx context.Context, in []In) []Answer[Out]) *Calls[In, Out] {
	return &Calls[In, Out]{send: send, lanes: lanes, most: most}
}

// Do sends a call, at once if there is a lane, else with all others that came meanwhile. When the context ends it returns
// that error: the call may still take effect, or have taken it. A batch's context ends when all who sent it have gone; the lane is free when send returns.
func (c *Calls[In, Out]) Do(ctx context.Context, in In) (out Out, err error) {
	c.mu.Lock()
	if c.taken < c.lanes {
		c.taken++
		c.mu.Unlock()
		defer c.release()
		answer := c.send(ctx, []In{in})[0]
		return answer.Out, answer.Err
	}
	mine := &call[In, Out]{ctx: ctx, in: in, done: make(chan struct{})}
	c.waiting = append(c.waiting, mine)
	c.mu.Unlock()
	select {
	case <-mine.done:
		return mine.answer.Out, mine.answer.Err
	case <-ctx.Done():
		c.leave(mine)
		return out, ctx.Err()
	}
}

// leave is for a caller whose context ended: a call that waits is sent for nobody.
func (c *Calls[In, Out]) leave(mine *call[In, Out]) {
	c.mu.Lock()
	left := mine.left
	c.mu.Unlock()
	if left != nil {
		left()
	}
}

// release gives a lane to those who wait, or back.
func (c *Calls[In, Out]) release() {
	c.mu.Lock()
	defer c.mu.Unlock()
	batch := c.next()
	if len(batch) == 0 {
		c.taken--
		return
	}
	ctx, cancel := context.WithCancel(context.WithoutCancel(batch[0].ctx))
	var waiting atomic.Int64
	waiting.Store(int64(len(batch)))
	for _, one := range batch {
		one.left = func() {
			if waiting.Add(-1) == 0 {
				cancel()
			}
		}
	}
	go func() {
		defer cancel()
		c.together(ctx, batch)
	}()
}

// next takes the first of those who wait. The lock is held.
func (c *Calls[In, Out]) next() []*call[In, Out] {
	var batch []*call[In, Out]
	at := 0
	for ; at < len(c.waiting) && len(batch) < c.most; at++ {
		if one := c.waiting[at]; one.ctx.Err() == nil {
			batch = append(batch, one)
		}
	}
	c.waiting = slices.Clone(c.waiting[at:]) // and not a part of the same, which would keep all who ever waited
	return batch
}

func (c *Calls[In, Out]) together(ctx context.Context, batch []*call[In, Out]) {
	defer c.release()
	in := make([]In, len(batch))
	for i, one := range batch {
		in[i] = one.in
	}
	answers := c.send(ctx, in)
	for i, one := range batch {
		one.answer = answers[i]
		close(one.done)
	}
}
