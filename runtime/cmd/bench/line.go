package main

import (
	"context"
	"errors"
	"sync/atomic"

	"github.com/redis/go-redis/v9"
)

// line is an agent's way to the store, which can be cut.
type line struct{ gone atomic.Bool }

// errCut is what an agent hears of a store that it cannot reach.
var errCut = errors.New("the host is cut off")

// DialHook: see [redis.Hook].
func (l *line) DialHook(next redis.DialHook) redis.DialHook { return next }

// ProcessHook: see [redis.Hook].
func (l *line) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, command redis.Cmder) error {
		if l.gone.Load() {
			command.SetErr(errCut)
			return errCut
		}
		return next(ctx, command)
	}
}

// ProcessPipelineHook: see [redis.Hook].
func (l *line) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return func(ctx context.Context, commands []redis.Cmder) error {
		if l.gone.Load() {
			return errCut
		}
		return next(ctx, commands)
	}
}
