package main

import (
	"context"
	"crypto/rand"
	"errors"
	"sync"

	"workerfleet/runtime/cmd/internal/claimpath"
	"workerfleet/runtime/cmd/internal/program"
	"workerfleet/runtime/cmd/internal/publish"
	"workerfleet/runtime/cmd/internal/refilling"
	"workerfleet/runtime/fleet"
	"workerfleet/runtime/keeper"
	"workerfleet/runtime/settings"
	"workerfleet/runtime/telemetry"
	"workerfleet/stacks/sizing"
)

// serve connects the keeper to what it keeps and makes rounds until ctx ends.
func serve(ctx context.Context, set settings.Keeper, p program.Surroundings) error {
	p.Log = p.Log.With("tier", set.Tier)
	provider, err := refilling.Provider(filling(set), p.Getenv)
	if err != nil {
		return err
	}
	hosts, group, err := refilling.Hosts(filling(set), p.Getenv)
	if err != nil {
		return err
	}
	policy, rollout, err := refilling.Policy(filling(set))
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
		Launches: path.Store, Arrivals: path.Store, History: path.Database, Provider: provider, Group: group, Policy: policy, Rollout: rollout, Terms: path.Terms, Key: rand.Text, Recorder: recorder,
	})
	if err != nil {
		return err
	}
	rounds := keeper.New(keeper.Config{
		Store: path.Store, Sessions: path.Sessions, Authority: path.Database, Recorder: recorder, Terms: path.Terms, Incarnation: rand.Text,
	})
	ends := keeper.NewEnds(keeper.EndsConfig{Presence: path.Database, Sessions: path.Sessions, Idle: set.Idle})
	upkeep := keeper.NewHosts(keeper.HostsConfig{Store: path.Store, Keeper: hosts, Terms: path.Terms})
	stop, err := publish.Start(string(set.Metrics.Listen), recorder, publish.Output{Log: p.Log, Lines: p.Output})
	if err != nil {
		return err
	}
	defer stop()
	p.Log.Info("keeper")
	failed := func(what string) func(error) {
		return func(err error) { p.Log.Warn("a round failed", "round", what, "error", err) }
	}
	var all sync.WaitGroup
	var errs [5]error
	all.Go(func() { errs[0] = rounds.Run(ctx, failed("keep")) })
	all.Go(func() { errs[1] = refill.Run(ctx, failed("refill")) })
	all.Go(func() { errs[2] = upkeep.Run(ctx, failed("hosts")) })
	all.Go(func() { errs[3] = path.Orders("keeper", recorder).Run(ctx, failed("orders")) })
	all.Go(func() {
		errs[4] = ends.Run(ctx, func(users []fleet.User) { p.Log.Info("idle sessions end", "users", users) }, failed("ends"))
	})
	all.Wait()
	return errors.Join(errs[:]...)
}

func filling(set settings.Keeper) refilling.Settings {
	return refilling.Settings{Stack: set.Stack, Cluster: set.Cluster, Launching: set.Launching, Pool: set.Pool, Market: set.Market}
}
