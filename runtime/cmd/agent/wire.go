package main

import (
	"context"
	"io"
	"log/slog"

	"workerfleet/runtime/agent"
	"workerfleet/runtime/cmd/internal/index"
	"workerfleet/runtime/cmd/internal/publish"
	"workerfleet/runtime/settings"
	"workerfleet/runtime/telemetry"
	"workerfleet/runtime/valkey"
	"workerfleet/stacks/sizing"
)

// parts is what the process has beside its settings.
type parts struct {
	getenv func(string) string
	log    *slog.Logger
	output io.Writer
}

// serve connects the agent to the store and to whoever reads its metrics, and runs it.
func serve(ctx context.Context, set settings.Agent, p parts) error {
	host, err := hostName(set.Host, p.getenv(envMetadataFile))
	if err != nil {
		return err
	}
	client, err := index.Connect(ctx, index.Settings{Stack: set.Stack, Valkey: set.Valkey, Connections: sizing.AgentToValkey}, p.getenv)
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
		Log: p.log.With("host", host, "tier", set.Tier), Signals: recorder,
	})
	if err != nil {
		return err
	}
	stop, err := publish.Start(string(set.Metrics.Listen), recorder, publish.Output{Log: p.log, Lines: p.output})
	if err != nil {
		return err
	}
	defer stop()
	return a.Run(ctx)
}
