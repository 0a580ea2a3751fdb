package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strconv"

	"workerfleet/runtime/alpaca"
	"workerfleet/runtime/fleet"
	"workerfleet/runtime/order"
	"workerfleet/runtime/paper"
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
	broker, err := brokerFor(set)
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

// brokerFor chooses the broker. A new one is a package beside runtime/paper, and a case here.
func brokerFor(set settings.Worker) (order.Broker, error) {
	switch {
	case set.Broker == settings.BrokerPaper && set.BrokerURL != "":
		return paper.New(paper.Config{URL: string(set.BrokerURL)})
	case set.Broker == settings.BrokerPaper:
		exchange, err := paper.NewExchange(paper.Rules{})
		if err != nil {
			return nil, err
		}
		return exchange.Broker(), nil
	case set.Broker == settings.BrokerAlpaca:
		return alpaca.New(alpaca.Config{})
	}
	return nil, fmt.Errorf("%s: %s is not part of this worker; allowed: %s, %s", settings.EnvBroker, set.Broker, settings.BrokerPaper, settings.BrokerAlpaca)
}
