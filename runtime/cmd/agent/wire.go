package main

import (
	"context"

	"workerfleet/runtime/agent"
	"workerfleet/runtime/cmd/internal/index"
	"workerfleet/runtime/cmd/internal/program"
	"workerfleet/runtime/cmd/internal/publish"
	"workerfleet/runtime/settings"
	"workerfleet/runtime/telemetry"
	"workerfleet/runtime/valkey"
	"workerfleet/stacks/sizing"
)

// serve connects the agent to the store and to whoever reads its metrics, and runs it.
func serve(ctx context.Context, set settings.Agent, p program.Surroundings) error {
	host, err := hostName(set.Host, p.Getenv(envMetadataFile))
	if err != nil {
		return err
	}
	client, err := index.Connect(ctx, index.Settings{Stack: set.Stack, Valkey: set.Valkey, Connections: sizing.AgentToValkey}, p.Getenv)
	if err != nil {
		return err
	}
	defer client.Close()
	store, err := valkey.NewStore(ctx, client)
	if err != nil {
		return err
	}
	recorder := telemetry.NewRecorder(set.Tier)
	a, err := agent.New(agent.Config{
		Host: host, Socket: string(set.Path), Store: store, Post: valkey.NewMail(client), Terms: index.Terms(set.Lease), Beat: set.Beat,
		Log: p.Log.With("host", host, "tier", set.Tier), Signals: recorder,
	})
	if err != nil {
		return err
	}
	stop, err := publish.Start(string(set.Metrics.Listen), recorder, publish.Output{Log: p.Log, Lines: p.Output})
	if err != nil {
		return err
	}
	defer stop()
	return a.Run(ctx)
}
