package main

import (
	"context"
	"strings"
	"sync"
	"time"

	"workerfleet/runtime/keeper"
)

// fresh is how long a word of the pool is told again: thousands may wait at an open.
const fresh = time.Second

// why tells those who wait what was decided last about the pool.
func why(plan func(context.Context) (string, error)) func(context.Context) (string, error) {
	var mu sync.Mutex
	var told string
	var until time.Time
	return func(ctx context.Context) (string, error) {
		mu.Lock()
		defer mu.Unlock()
		if time.Now().Before(until) {
			return told, nil
		}
		text, err := plan(ctx)
		if err != nil {
			return "", err
		}
		decision, err := keeper.Last(text)
		if err != nil {
			return "", err
		}
		told, until = decision.Reason, time.Now().Add(fresh)
		if len(decision.Said) > 0 {
			told += ": " + strings.Join(decision.Said, ", ")
		}
		return told, nil
	}
}
