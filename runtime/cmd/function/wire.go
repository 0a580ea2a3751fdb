package main

import (
	"context"
	"fmt"
	"sync"
	"time"

	"workerfleet/runtime/cmd/internal/program"
	"workerfleet/runtime/lambda"
	"workerfleet/runtime/settings"
	"workerfleet/runtime/signals"
	"workerfleet/runtime/telemetry"
)

// serve takes events until Lambda ends the process. It connects to nothing: a handler does with its first event, and again
// with the next one if that failed.
func serve(ctx context.Context, set settings.Function, p program.Surroundings) error {
	recorder := telemetry.NewRecorder(set.Tier)
	f, err := function(parts{set: set, Surroundings: p, recorder: recorder})
	if err != nil {
		return err
	}
	f.Log = p.Log.With("tier", set.Tier, "handler", string(set.Handler))
	f.After = func() {
		if err := recorder.Flush(p.Output, time.Now()); err != nil {
			f.Log.Warn("metrics", "error", err)
		}
	}
	go f.Serve()
	<-ctx.Done()
	return nil
}

// parts are what handlers are made of.
type parts struct {
	program.Surroundings
	set      settings.Function
	recorder signals.Recorder
}

// function is what the settings' handler does.
func function(p parts) (lambda.Function, error) {
	switch p.set.Handler {
	case settings.HandlerClaim:
		return claimFunction(p), nil
	case settings.HandlerControl:
		return controlFunction(p), nil
	case settings.HandlerOrders:
		return ordersFunction(p), nil
	case settings.HandlerPool:
		return poolFunction(p), nil
	case settings.HandlerMaintenance:
		return maintenanceFunction(p), nil
	}
	return lambda.Function{}, fmt.Errorf("%s: %q is not allowed; allowed: %v", settings.EnvHandler, p.set.Handler, settings.Handlers())
}

// later opens something when it is first asked for, and keeps it. What failed is tried anew: the process may live for hours
// and an outage does not.
func later[T any](open func(ctx context.Context) (T, error)) func(ctx context.Context) (T, error) {
	var mu sync.Mutex
	var kept T
	var there bool
	return func(ctx context.Context) (T, error) {
		mu.Lock()
		defer mu.Unlock()
		if there {
			return kept, nil
		}
		opened, err := open(ctx)
		if err == nil {
			kept, there = opened, true
		}
		return opened, err
	}
}
