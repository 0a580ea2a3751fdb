package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync"

	"workerfleet/runtime/cmd/internal/claimpath"
	"workerfleet/runtime/cmd/internal/program"
	"workerfleet/runtime/cmd/internal/publish"
	"workerfleet/runtime/ecs"
	"workerfleet/runtime/iam"
	"workerfleet/runtime/keeper"
	"workerfleet/runtime/pool"
	"workerfleet/runtime/process"
	"workerfleet/runtime/settings"
	"workerfleet/runtime/telemetry"
	"workerfleet/stacks/sizing"
)

// serve connects the keeper to what it keeps and makes rounds until ctx ends.
func serve(ctx context.Context, set settings.Keeper, p program.Surroundings) error {
	p.Log = p.Log.With("tier", set.Tier)
	provider, err := provider(set, p.Getenv)
	if err != nil {
		return err
	}
	policy, rollout, err := policy(set)
	if err != nil {
		return err
	}
	path, err := claimpath.Open(ctx, claimpath.Settings{
		Stack: set.Stack, Valkey: set.Valkey, Database: set.Database, Sealing: set.Sealing, Lease: set.Lease,
		Connections: claimpath.Connections{Valkey: sizing.KeeperToValkey, Database: sizing.KeeperToDatabase},
	}, p.Getenv)
	if err != nil {
		return err
	}
	defer path.Close()
	recorder := telemetry.NewRecorder(set.Tier)
	refill, err := keeper.NewRefill(keeper.RefillConfig{
		Launches: path.Store, Provider: provider, Policy: policy, Rollout: rollout, Terms: path.Terms, Key: rand.Text, Recorder: recorder,
	})
	if err != nil {
		return err
	}
	rounds := keeper.New(keeper.Config{
		Store: path.Store, Sessions: path.Sessions, Authority: path.Database, Recorder: recorder, Terms: path.Terms, Incarnation: rand.Text,
	})
	stop, err := publish.Start(string(set.Metrics.Listen), recorder, publish.Output{Log: p.Log, Lines: p.Output})
	if err != nil {
		return err
	}
	defer stop()
	p.Log.Info("keeper")
	failed := func(what string) func(error) {
		return func(err error) { p.Log.Warn("a round failed", "round", what, "error", err) }
	}
	var group sync.WaitGroup
	var errs [2]error
	group.Go(func() { errs[0] = rounds.Run(ctx, failed("keep")) })
	group.Go(func() { errs[1] = refill.Run(ctx, failed("refill")) })
	group.Wait()
	return errors.Join(errs[:]...)
}

// provider is where workers are launched: an ECS cluster, or on one machine the process that forks them.
func provider(set settings.Keeper, getenv func(string) string) (pool.Provider, error) {
	if url, ok := set.Launcher(); ok {
		return process.NewRemote(url), nil
	}
	config, err := iam.Config(set.Region, getenv)
	if err != nil {
		return nil, err
	}
	provider, err := ecs.New(config, ecs.Config{
		Cluster: set.Name, TaskDefinition: set.TaskDefinition, CapacityProvider: set.CapacityProvider,
	})
	if err != nil {
		return nil, err
	}
	return provider, nil
}

// policy is how many workers there should be, and of which image.
func policy(set settings.Keeper) (pool.Policy, pool.Rollout, error) {
	market := pool.Market{TimeZone: string(set.TimeZone), Open: string(set.Open), Close: string(set.Close)}
	for _, day := range set.Holidays {
		text := day.Date
		if day.Close != "" {
			text += "=" + string(day.Close)
		}
		market.Holidays = append(market.Holidays, text)
	}
	calendar, err := pool.NewCalendar(market)
	if err != nil {
		return pool.Policy{}, pool.Rollout{}, fmt.Errorf("market: %w", err)
	}
	image, err := revision(set.TaskDefinition)
	if err != nil {
		return pool.Policy{}, pool.Rollout{}, err
	}
	return pool.Policy{
		Peak: int(set.Peak), PerHost: int(set.PerHost), MinHosts: int(set.MinHosts), MaxHosts: int(set.MaxHosts),
		Buffer: int(set.Buffer), CanaryShare: float64(set.CanaryShare), Calendar: calendar,
	}, pool.Rollout{Image: image}, nil
}

// revision is the number at the end of FAMILY:REVISION, or of a task definition's ARN.
func revision(definition string) (int64, error) {
	number := definition[strings.LastIndex(definition, ":")+1:]
	n, err := strconv.ParseInt(number, 10, 64)
	if err != nil || n < 1 {
		return 0, fmt.Errorf("%s: does not end in a revision; allowed: FAMILY:REVISION or the ARN of one", settings.EnvWorkerTaskDefinition)
	}
	return n, nil
}
