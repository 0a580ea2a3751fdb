package main

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"

	"workerfleet/runtime/cmd/internal/claimpath"
	"workerfleet/runtime/cmd/internal/program"
	"workerfleet/runtime/cmd/internal/publish"
	"workerfleet/runtime/fleet"
	"workerfleet/runtime/httpapi"
	"workerfleet/runtime/oidc"
	"workerfleet/runtime/order"
	"workerfleet/runtime/session"
	"workerfleet/runtime/settings"
	"workerfleet/runtime/telemetry"
	"workerfleet/stacks/sizing"
)

// serve connects the interface to what it needs, answers until ctx ends, and then lets the requests that it has finish.
func serve(ctx context.Context, set settings.API, p program.Surroundings) error {
	p.Log = p.Log.With("tier", set.Tier)
	queues, err := sender(set, p.Getenv)
	if err != nil {
		return err
	}
	path, err := claimpath.Open(ctx, claimpath.Settings{
		Stack: set.Stack, Valkey: set.Valkey, Database: set.Database, Sealing: set.Sealing, Lease: set.Lease,
		Connections: claimpath.Connections{Valkey: sizing.APIToValkey, Database: sizing.APIToDatabase},
		Rules:       order.Rules{Daily: int(set.OrdersPerDay)},
		Later:       handOn(queues),
	}, p.Getenv)
	if err != nil {
		return err
	}
	defer path.Close()
	certificate, err := certificate(set.TLS)
	if err != nil {
		return err
	}
	recorder := telemetry.NewRecorder(set.Tier)
	stop, err := publish.Start(string(set.Metrics.Listen), recorder, publish.Output{Log: p.Log, Lines: p.Output})
	if err != nil {
		return err
	}
	defer stop()
	listener, err := net.Listen("tcp", string(set.Listen))
	if err != nil {
		return fmt.Errorf("listen: %w", err)
	}
	p.Log.Info("api", "address", listener.Addr().String())

	a := &answering{path: path, desk: session.NewDesk(), bell: httpapi.NewBell(), name: rand.Text(), log: p.Log}
	background, end := context.WithCancel(context.WithoutCancel(ctx))
	var told sync.WaitGroup
	told.Go(func() { a.listen(background) })
	told.Go(func() { a.hear(background) })
	sightings := session.NewSightings(path.Database, set.Idle)
	told.Go(func() {
		sightings.Run(background, func(err error) { p.Log.Warn("a user's session may end too soon", "error", err) })
	})
	defer func() {
		end()
		told.Wait()
	}()
	limit, err := limits(ctx, set.RateLimiting, path)
	if err != nil {
		return err
	}
	return a.answer(ctx, listener, &http.Server{
		ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 10 * time.Second, WriteTimeout: writeTimeout, IdleTimeout: idleTimeout,
		TLSConfig: &tls.Config{Certificates: []tls.Certificate{certificate}, MinVersion: tls.VersionTLS12},
		Handler: httpapi.New(httpapi.Config{
			Sessions: path.Sessions, Desk: a.desk, Name: a.name, Identify: identify(set.Identity), Ready: a.ready, Recorder: recorder,
			Orders: path.Orders(a.name, recorder), Reader: path.Reader, Switches: path.Database, Hooks: path.Hooks, Deposit: path.Vault.Deposit,
			Limit: limit, Ends: ctx.Done(), Bell: a.bell, Audit: trail(set.Background, queues, path.Database, p.Log), Why: why(path.Store.Plan), Saw: sightings.Saw,
		}),
	})
}

// writeTimeout ends an answer that nobody takes: it is longer than any request waits.
const writeTimeout = 30 * time.Second

// A load balancer keeps connections open for 60 s; who closes them first must not be this side, or a request is lost.
const idleTimeout = 75 * time.Second

// grace is how long requests may take after the process was asked to end: longer than any waits for its worker.
const grace = 20 * time.Second

// answering is a process that answers.
type answering struct {
	path *claimpath.Parts
	desk *session.Desk
	bell *httpapi.Bell
	name string
	log  *slog.Logger
}

func (a *answering) ready(ctx context.Context) error { return a.path.Client.Ping(ctx).Err() }

// answer serves until ctx ends, and then until no request is left or the grace is over.
func (a *answering) answer(ctx context.Context, listener net.Listener, server *http.Server) error {
	failed := make(chan error, 1)
	go func() { failed <- server.ServeTLS(listener, "", "") }()
	select {
	case err := <-failed:
		return fmt.Errorf("serve: %w", err)
	case <-ctx.Done():
	}
	// A task is taken from the load balancer before it is asked to end; what still comes finds nobody listening and is sent
	// elsewhere.
	a.log.Info("api ends")
	last, cancel := context.WithTimeout(context.WithoutCancel(ctx), grace)
	defer cancel()
	if err := server.Shutdown(last); err != nil {
		return errors.Join(fmt.Errorf("requests did not finish within %s: %w", grace, err), server.Close())
	}
	return nil
}

// pause is after how long the mail is asked for again when it could not be had: requests ask the index meanwhile.
const pause = 100 * time.Millisecond

// listen brings word of ready workers to the desk.
func (a *answering) listen(ctx context.Context) {
	last, failing := "", false
	for ctx.Err() == nil {
		words, seen, err := a.path.Mail.Await(ctx, a.name, last)
		if err != nil && !failing && ctx.Err() == nil {
			a.log.Warn("no word of ready workers: requests ask the index themselves", "error", err)
		}
		failing = err != nil
		if err != nil {
			select {
			case <-ctx.Done():
			case <-time.After(pause):
			}
			continue
		}
		last = seen
		for _, word := range words {
			a.desk.Tell(word)
		}
	}
}

// hear brings the bell for users' events to those who show them. What is missed while the store is away, they find by
// themselves.
func (a *answering) hear(ctx context.Context) {
	failing := false
	for last := ""; ctx.Err() == nil; {
		users, seen, err := a.path.Mail.Rung(ctx, last)
		if err != nil && !failing && ctx.Err() == nil {
			a.log.Warn("no bell for users' events: those who show them look by themselves", "error", err)
		}
		failing = err != nil
		if err != nil {
			select {
			case <-ctx.Done():
			case <-time.After(pause):
			}
			continue
		}
		last = seen
		for _, user := range users {
			a.bell.Ring(user)
		}
	}
}

// identify tells users apart as the settings say.
func identify(set settings.Identity) func(*http.Request) (fleet.User, error) {
	if set.Development != "" {
		return httpapi.Development{Secret: []byte(set.Development)}.Identify
	}
	verifier := oidc.New(string(set.OIDCIssuer), set.OIDCAudience)
	return func(r *http.Request) (fleet.User, error) {
		token, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
		if !ok {
			return "", httpapi.ErrUnauthorized
		}
		user, err := verifier.User(r.Context(), token)
		switch {
		case errors.Is(err, oidc.ErrInvalid):
			return "", httpapi.ErrUnauthorized
		case errors.Is(err, oidc.ErrUnavailable):
			return "", fmt.Errorf("%w: %w", httpapi.ErrIdentityAway, err)
		}
		return user, err
	}
}
