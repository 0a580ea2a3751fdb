package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strconv"

	"github.com/shopspring/decimal"

	"workerfleet/runtime/fleet"
	"workerfleet/runtime/order"
	"workerfleet/runtime/settings"
	"workerfleet/runtime/worker"
)

// parts is what a process has beside its settings.
type parts struct {
	getenv  func(string) string
	environ []string
	log     *slog.Logger
}

// wire turns settings into a life and the body that has it.
func wire(ctx context.Context, set settings.Worker, p parts) (worker.Config, worker.Body, error) {
	var config worker.Config
	var body worker.Body
	life, err := worker.LifeOf(p.getenv)
	if err != nil {
		return config, body, err
	}
	self, err := whoami(ctx, set, p)
	if err != nil {
		return config, body, err
	}
	self.Life = life
	parent, err := worker.ParentOf(p.getenv)
	if err != nil {
		return config, body, err
	}
	broker, err := brokerFor(set.Broker, p.log.With("worker", self.Worker))
	if err != nil {
		return config, body, err
	}
	body = worker.Body{
		Scratch: filepath.Join(os.TempDir(), "workerfleet-"+url.PathEscape(string(self.Worker))),
		Lives:   int(set.MaxLives),
		Parent:  parent,
		Environ: p.environ,
	}
	if set.Worker == "" { // the task's metadata is asked for once, not in every life
		body.Environ = append(slices.Clone(p.environ),
			settings.EnvWorker+"="+string(self.Worker), worker.EnvRevision+"="+strconv.FormatInt(self.Revision, 10))
	}
	if set.Recycle == settings.RecycleReplace {
		body.Lives = 1
	}
	// Whatever a broker's library writes goes where the body clears it away.
	if err := os.Setenv("TMPDIR", body.Scratch); err != nil {
		return config, body, err
	}
	config = worker.Config{
		Self: self, Beat: set.Beat, Trust: set.Trust(), Broker: broker, Log: p.log.With("worker", self.Worker),
		Dial: func(ctx context.Context) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, "unix", string(set.Path))
		},
	}
	return config, body, nil
}

// whoami finds the worker's name and the number of its image: in the environment, else in the task's metadata.
func whoami(ctx context.Context, set settings.Worker, p parts) (worker.Self, error) {
	self := worker.Self{Worker: fleet.Worker(set.Worker)}
	revision := p.getenv(worker.EnvRevision)
	if set.Worker == "" {
		task, err := taskMetadata(ctx, p.getenv(envMetadata))
		if err != nil {
			return self, fmt.Errorf("%s is absent, and so the task's name is needed: %w", settings.EnvWorker, err)
		}
		self.Worker, revision = fleet.Worker(task.ARN), task.Revision
	}
	if revision == "" {
		return self, nil
	}
	number, err := strconv.ParseInt(revision, 10, 64)
	if err != nil || number < 0 {
		return self, errors.New("the revision of the worker's image is no whole number from 0 up")
	}
	self.Revision = number
	return self, nil
}

// brokerFor chooses the broker that this binary was built with.
func brokerFor(name settings.Broker, log *slog.Logger) (order.Broker, error) {
	if name != settings.BrokerPaper {
		return nil, fmt.Errorf("%s: %s is not part of this worker; allowed: %s", settings.EnvBroker, name, settings.BrokerPaper)
	}
	return paperBroker{log}, nil
}

// paperBroker is the paper broker's session alone: it logs in with any credentials, takes no orders, and logs out. The
// log says who was in which account and when; an account's name is no secret, the rest of the credentials is.
type paperBroker struct{ log *slog.Logger }

func (b paperBroker) Traits() order.Traits { return order.Traits{RefusesRepeats: true} }

func (b paperBroker) Login(_ context.Context, _ order.Holder, credentials []byte) (order.Account, error) {
	var of struct {
		Account string `json:"account"`
	}
	if err := json.Unmarshal(credentials, &of); err != nil || of.Account == "" {
		return nil, errors.New(`the credentials are not understood; allowed: {"account": NAME, …}`)
	}
	b.log.Info("broker login", "account", of.Account)
	return paperAccount{b.log, of.Account}, nil
}

// paperAccount is one login.
type paperAccount struct {
	log  *slog.Logger
	name string
}

func (a paperAccount) Place(context.Context, order.Ticket) (order.Report, error) {
	return order.Report{}, &order.Refused{Reason: "this account takes no orders"}
}

func (a paperAccount) Cancel(context.Context, string) error { return order.ErrAbsent }

func (a paperAccount) Find(context.Context, string) (order.Report, error) {
	return order.Report{}, order.ErrAbsent
}

func (a paperAccount) Position(context.Context, string) (decimal.Decimal, error) {
	return decimal.Zero, nil
}

func (a paperAccount) Next(ctx context.Context) (order.Report, error) {
	<-ctx.Done()
	return order.Report{}, ctx.Err()
}

func (a paperAccount) Logout(context.Context) error {
	a.log.Info("broker logout", "account", a.name)
	return nil
}
