package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"time"

	"workerfleet/runtime/agent"
	"workerfleet/runtime/claim"
	"workerfleet/runtime/fleet"
	"workerfleet/runtime/httpapi"
	"workerfleet/runtime/keeper"
	"workerfleet/runtime/kms"
	"workerfleet/runtime/pool"
	"workerfleet/runtime/process"
	"workerfleet/runtime/session"
	"workerfleet/runtime/settings"
	"workerfleet/runtime/telemetry"
	"workerfleet/runtime/valkey"
)

// platform is everything that runs.
type platform struct {
	options
	*servers
	store    *valkey.Store
	mail     *valkey.Mail
	vault    session.Keyed
	provider *process.Provider
	accounts *accounts
	tokens   httpapi.Development
	url      string // of the API

	work  context.Context
	end   context.CancelFunc
	group sync.WaitGroup
}

// apiName is the desk at which this process's requests wait.
const apiName = "local"

// startPlatform starts everything below dir. The caller stops it.
func startPlatform(ctx context.Context, o options, dir string) (p *platform, err error) {
	p = &platform{options: o, accounts: newAccounts(), tokens: httpapi.Development{Secret: []byte(rand.Text())}}
	p.work, p.end = context.WithCancel(context.WithoutCancel(ctx))
	defer func() {
		if err != nil {
			p.stop()
		}
	}()
	if p.servers, err = startServers(ctx, dir, o); err != nil {
		return nil, err
	}
	if p.store, err = valkey.NewStore(ctx, p.client); err != nil {
		return nil, err
	}
	p.mail = valkey.NewMail(p.client)
	cipher, err := kms.OpenFile(filepath.Join(dir, "key"))
	if err != nil {
		return nil, err
	}
	p.vault = session.Keyed{Safe: p.database, Cipher: cipher}
	recorder := telemetry.NewRecorder()
	sessions := session.New(session.Config{
		Claims: p.store, Directory: p.store, Authority: p.database, Vault: p.vault, Mailbox: p.mail, Terms: claim.DefaultTerms(),
	})
	p.keep(keeper.New(keeper.Config{
		Store: p.store, Sessions: sessions, Authority: p.database, Recorder: recorder, Terms: claim.DefaultTerms(), Incarnation: rand.Text,
	}))
	if err = p.serve(sessions, recorder); err != nil {
		return nil, err
	}
	hosts, err := p.startAgents(dir, recorder)
	if err != nil {
		return nil, err
	}
	return p, p.startWorkers(dir, hosts)
}

// background runs something until the platform stops.
func (p *platform) background(what string, run func(ctx context.Context) error) {
	p.group.Go(func() {
		if err := run(p.work); err != nil && p.work.Err() == nil {
			slog.Error("ended", "what", what, "error", err)
		}
	})
}

func (p *platform) keep(k *keeper.Keeper) {
	p.background("keeper", func(ctx context.Context) error {
		return k.Run(ctx, func(err error) { slog.Warn("a round failed", "error", err) })
	})
}

// serve starts the API on a free port and brings it word of ready workers.
func (p *platform) serve(sessions *session.Sessions, recorder *telemetry.Recorder) error {
	desk := session.NewDesk()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return fmt.Errorf("listen: %w", err)
	}
	p.url = "http://" + listener.Addr().String()
	mux := http.NewServeMux()
	mux.Handle("/metrics", recorder.Handler())
	mux.Handle("/", httpapi.New(httpapi.Config{
		Sessions: sessions, Desk: desk, Name: apiName, Identify: p.tokens.Identify, Recorder: recorder,
		Ready: func(ctx context.Context) error { return p.client.Ping(ctx).Err() },
	}))
	server := &http.Server{Handler: mux, ReadHeaderTimeout: 5 * time.Second}
	p.background("api", func(context.Context) error {
		if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
			return err
		}
		return nil
	})
	p.background("api's end", func(ctx context.Context) error {
		<-ctx.Done()
		return server.Close()
	})
	p.background("desk", func(ctx context.Context) error {
		last := ""
		for ctx.Err() == nil {
			words, seen, err := p.mail.Await(ctx, apiName, last)
			if err != nil {
				time.Sleep(100 * time.Millisecond) // requests ask the index themselves meanwhile
				continue
			}
			last = seen
			for _, word := range words {
				desk.Tell(word)
			}
		}
		return nil
	})
	return nil
}

// startAgents starts an agent for each host and says where their workers meet them.
func (p *platform) startAgents(dir string, recorder *telemetry.Recorder) ([]process.Host, error) {
	hosts := make([]process.Host, p.hosts)
	for i := range hosts {
		hosts[i] = process.Host{
			Name: fleet.Host("host-" + strconv.Itoa(i+1)), Room: (p.workers + p.hosts - 1) / p.hosts,
			Socket: filepath.Join(dir, strconv.Itoa(i+1), "agent.sock"),
		}
		a, err := agent.New(agent.Config{
			Host: hosts[i].Name, Socket: hosts[i].Socket, Store: p.store, Post: p.mail, Signals: recorder,
		})
		if err != nil {
			return nil, err
		}
		p.background("agent of "+string(hosts[i].Name), a.Run)
	}
	return hosts, nil
}

// startWorkers starts the worker processes and keeps their number.
func (p *platform) startWorkers(dir string, hosts []process.Host) error {
	workers := filepath.Join(dir, "workers")
	if err := os.MkdirAll(workers, 0o755); err != nil {
		return fmt.Errorf("make the workers' folder: %w", err)
	}
	provider, err := process.New(process.Config{
		Binary: p.worker, Image: 1, Hosts: hosts, Directory: workers, Output: io.Writer(p.accounts),
		Variables: func(worker fleet.Worker, host process.Host) []string {
			var environment []string
			for _, v := range settings.Write(settings.Worker{
				Socket: settings.Socket{Path: settings.SocketPath(host.Socket)}, Worker: string(worker), Broker: settings.BrokerPaper,
			}) {
				environment = append(environment, v.Name+"="+v.Value)
			}
			return environment
		},
	})
	if err != nil {
		return err
	}
	p.provider = provider
	p.background("fleet", func(ctx context.Context) error {
		for ctx.Err() == nil {
			if err := p.refill(ctx); err != nil {
				slog.Warn("workers are missing", "error", err)
			}
			select {
			case <-ctx.Done():
			case <-time.After(250 * time.Millisecond):
			}
		}
		return nil
	})
	return nil
}

// refill starts as many workers as have ended.
func (p *platform) refill(ctx context.Context) error {
	running, err := p.provider.List(ctx)
	if err != nil {
		return err
	}
	for missing := p.workers - len(running); missing > 0; missing -= pool.BatchLimit {
		if _, err := p.provider.Launch(ctx, pool.Batch{Key: rand.Text(), Count: min(missing, pool.BatchLimit)}); err != nil {
			return err
		}
	}
	return nil
}

// stop ends everything and waits for it.
func (p *platform) stop() {
	p.end()
	if p.provider != nil {
		p.provider.Close()
	}
	p.group.Wait()
	if p.servers != nil {
		p.servers.stop()
	}
}
