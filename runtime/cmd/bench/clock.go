package main

import (
	"context"
	"net"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"

	"workerfleet/runtime/hostlink"
)

// clock is one host's. Who looks at it while the host is frozen waits, and so does whoever is about to call the store, or
// has its answer: as on a machine that stands still, nothing goes on, and what goes on first is what looks.
type clock struct {
	frozen sync.RWMutex // held while the host is
}

// freeze stops the host, thaw lets it go on where it was.
func (c *clock) freeze() { c.frozen.Lock() }
func (c *clock) thaw()   { c.frozen.Unlock() }

// pass waits until the host goes on.
func (c *clock) pass() {
	c.frozen.RLock()
	defer c.frozen.RUnlock()
}

// now is [time.Now] on this host.
func (c *clock) now() time.Time {
	c.pass()
	return time.Now()
}

// instant is [hostlink.Now] on this host.
func (c *clock) instant() hostlink.Instant {
	c.pass()
	return hostlink.Now()
}

// DialHook: see [redis.Hook].
func (c *clock) DialHook(next redis.DialHook) redis.DialHook {
	return func(ctx context.Context, network, address string) (net.Conn, error) {
		c.pass()
		defer c.pass()
		return next(ctx, network, address)
	}
}

// ProcessHook: see [redis.Hook].
func (c *clock) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, command redis.Cmder) error {
		c.pass()
		defer c.pass()
		return next(ctx, command)
	}
}

// ProcessPipelineHook: see [redis.Hook].
func (c *clock) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return func(ctx context.Context, commands []redis.Cmder) error {
		c.pass()
		defer c.pass()
		return next(ctx, commands)
	}
}
