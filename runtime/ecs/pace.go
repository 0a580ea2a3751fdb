package ecs

import (
	"context"
	"sync"
	"time"
)

// pace spaces calls: the first few at once, for a small fleet is listed in two, then one every interval.
type pace struct {
	interval time.Duration

	mu   sync.Mutex
	next time.Time
}

// atOnce is how many calls a rested pace lets through together: a tenth of the account's burst (fact
// ecs.api.clusterread.burst).
const atOnce = 10

func newPace(perSecond int) *pace { return &pace{interval: time.Second / time.Duration(perSecond)} }

// wait returns when it is the caller's turn, or with the error of a context that ended before.
func (p *pace) wait(ctx context.Context) error {
	p.mu.Lock()
	now := time.Now()
	if rested := now.Add(-(atOnce - 1) * p.interval); p.next.Before(rested) {
		p.next = rested
	}
	turn := p.next
	p.next = p.next.Add(p.interval)
	p.mu.Unlock()
	timer := time.NewTimer(turn.Sub(now))
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return ctx.Err()
	}
}
