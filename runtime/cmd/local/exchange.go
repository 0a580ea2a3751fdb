package main

import (
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"workerfleet/runtime/paper"
	"workerfleet/runtime/settings"
)

// startExchange serves the exchange that all workers of this machine trade on. It outlives them, and so is the judge of
// what they did.
func (p *platform) startExchange() error {
	rules := paper.Rules{Seed: p.seed, Latency: time.Millisecond, Lag: 50 * time.Millisecond, Parts: 0.2, Record: p.accounts}
	if p.chaos {
		rules.Faults = chaosFaults()
	}
	var err error
	if p.exchange, err = paper.NewExchange(rules); err != nil {
		return fmt.Errorf("paper exchange: %w", err)
	}
	listener, err := net.Listen("tcp", string(anyPort))
	if err != nil {
		return errors.Join(fmt.Errorf("listen: %w", err), p.exchange.Close())
	}
	server := &http.Server{Handler: paper.Handler(p.exchange), ReadHeaderTimeout: time.Second}
	go func() { _ = server.Serve(listener) }() // ends with the platform
	p.brokerURL = settings.WebURL("http://" + listener.Addr().String())
	p.servers.onStop(func() {
		_ = server.Close()
		_ = p.exchange.Close()
	})
	return nil
}

// chaosFaults lose calls before their effect, and answers after it.
func chaosFaults() []paper.Fault {
	return []paper.Fault{
		{Call: paper.Place, Kind: paper.Dropped, Rate: 0.03}, {Call: paper.Place, Kind: paper.Cut, Rate: 0.05},
		{Call: paper.Place, Kind: paper.Silent, Rate: 0.02}, {Call: paper.Find, Kind: paper.Cut, Rate: 0.05},
		{Call: paper.Cancel, Kind: paper.Cut, Rate: 0.1}, {Call: paper.News, Kind: paper.Twice, Rate: 0.2},
		{Call: paper.Login, Kind: paper.Dropped, Rate: 0.02},
	}
}

// workersLog takes what workers write.
func (p *platform) workersLog() (*os.File, error) {
	log, err := os.Create(filepath.Join(p.dir, "workers.log"))
	if err != nil {
		return nil, fmt.Errorf("workers: %w", err)
	}
	p.servers.onStop(func() { _ = log.Close() })
	return log, nil
}
