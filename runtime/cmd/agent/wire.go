package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"time"

	"workerfleet/runtime/agent"
	"workerfleet/runtime/claim"
	"workerfleet/runtime/settings"
	"workerfleet/runtime/telemetry"
	"workerfleet/runtime/valkey"
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
	if set.Auth == settings.ValkeyIAM {
		return fmt.Errorf("%s: iam is not part of this agent; allowed: %s, %s", settings.EnvValkeyAuth, settings.ValkeyPassword, settings.ValkeyNone)
	}
	client, err := valkey.Connect(ctx, valkey.Address{URL: set.Address.URL, Cluster: set.Address.Cluster})
	if err != nil {
		return err
	}
	defer client.Close()
	store, err := valkey.NewStore(ctx, client)
	if err != nil {
		return err
	}
	recorder := telemetry.NewRecorder()
	terms := claim.DefaultTerms()
	terms.TTL, terms.Guard = set.TTL, set.Guard
	a, err := agent.New(agent.Config{
		Host: host, Socket: string(set.Path), Store: store, Post: valkey.NewMail(client), Terms: terms, Beat: set.Beat,
		Log: p.log.With("host", host, "tier", set.Tier), Signals: recorder,
	})
	if err != nil {
		return err
	}
	stop, err := publish(string(set.Metrics.Listen), recorder, p)
	if err != nil {
		return err
	}
	defer stop()
	return a.Run(ctx)
}

// flushEvery is how often metrics that alarms read are written to the output.
const flushEvery = time.Minute

// publish answers /metrics and writes what alarms read. stop ends both, after a last line.
func publish(address string, recorder *telemetry.Recorder, p parts) (stop func(), err error) {
	listener, err := net.Listen("tcp", address)
	if err != nil {
		return nil, fmt.Errorf("metrics: %w", err)
	}
	p.log.Info("metrics", "address", listener.Addr().String())
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", recorder.Handler())
	server := &http.Server{Handler: mux, ReadHeaderTimeout: 5 * time.Second}
	ended := make(chan struct{})
	var both sync.WaitGroup
	both.Go(func() {
		if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
			p.log.Error("metrics", "error", err)
		}
	})
	both.Go(func() {
		tick := time.NewTicker(flushEvery)
		defer tick.Stop()
		for open := true; open; {
			select {
			case <-tick.C:
			case <-ended:
				open = false
			}
			if err := recorder.Flush(p.output, time.Now()); err != nil {
				p.log.Warn("metrics", "error", err)
			}
		}
	})
	return func() {
		close(ended)
		_ = server.Close()
		both.Wait()
	}, nil
}
