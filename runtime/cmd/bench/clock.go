package main

import (
	"context"
	"net"
	"sync"
	"sync/atomic"
	"time"
	"unsafe"

	"github.com/redis/go-redis/v9"

	"workerfleet/runtime/hostlink"
)

// clock is one host's. Who looks at it while the host is frozen waits, and so does whoever is about to call the store, or
// has its answer: as on a machine that stands still, nothing goes on, and what goes on first is what looks.
type clock struct {
	frozen sync.RWMutex // held while the host is
	// ahead is by how many whole seconds the wall clock was stepped.
	ahead atomic.Int64
}

// freeze stops the host, thaw lets it go on where it was.
func (c *clock) freeze() { c.frozen.Lock() }
func (c *clock) thaw()   { c.frozen.Unlock() }

// pass waits until the host goes on.
func (c *clock) pass() {
	c.frozen.RLock()
	defer c.frozen.RUnlock()
}

// step moves the wall clock, as an operator or a time service does.
func (c *clock) step(by time.Duration) { c.ahead.Add(int64(by / time.Second)) }

// now is [time.Now] on this host.
func (c *clock) now() time.Time {
	c.pass()
	return stepped(time.Now(), c.ahead.Load())
}

// instant is [hostlink.Now] on this host: steps of the wall clock do not touch it.
func (c *clock) instant() hostlink.Instant {
	c.pass()
	return hostlink.Now()
}

// Of a time with a monotonic reading, package time keeps the wall clock's nanoseconds in the lower bits of the first word,
// and its seconds above them.
const nanosecondBits = 30

// stepped is a moment after the kernel has set the wall clock: the monotonic reading stays, which [time.Time.Add] would
// move along. There is no other way to have such a time without setting this machine's clock.
func stepped(t time.Time, seconds int64) time.Time {
	*(*uint64)(unsafe.Pointer(&t)) += uint64(seconds << nanosecondBits)
	return t
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
