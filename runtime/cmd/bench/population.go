package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"

	"workerfleet/runtime/claim"
	"workerfleet/runtime/cmd/internal/claimpath"
	"workerfleet/runtime/fleet"
	"workerfleet/runtime/session"
)

// population is a fleet that stands in the store and the database only: nobody beats for its workers.
type population struct {
	*servers
	path  *claimpath.Parts
	clean []func()
	// dropped are workers that were dropped, and are registered again before others are.
	dropped []int
}

// openPopulation starts the servers and opens an empty pool.
func openPopulation(ctx context.Context, o serverOptions, out io.Writer) (opened *population, err error) {
	p := &population{}
	defer func() {
		if err != nil {
			p.close()
		}
	}()
	dir, remove, err := workDir()
	if err != nil {
		return nil, err
	}
	p.clean = append(p.clean, remove)
	if p.servers, err = startServers(ctx, o, dir); err != nil {
		return nil, err
	}
	p.clean = append(p.clean, p.servers.stop)
	if p.path, err = claimpath.Open(ctx, p.settings, nothing); err != nil {
		return nil, err
	}
	p.clean = append(p.clean, p.path.Close)
	fmt.Fprintf(out, "store     %s\ndatabase  %s\n", p.storeName, p.databaseName)
	return p, p.empty(ctx)
}

func (p *population) close() {
	for i := len(p.clean) - 1; i >= 0; i-- {
		p.clean[i]()
	}
}

// empty erases the store and opens a new pool in it.
func (p *population) empty(ctx context.Context) error {
	if err := p.path.Client.FlushAll(ctx).Err(); err != nil {
		return fmt.Errorf("empty the store: %w", err)
	}
	_, err := p.path.Store.Open(ctx, "bench")
	return err
}

func hostName(n int) fleet.Host     { return fleet.Host(fmt.Sprintf("host-%d", n)) }
func workerName(n int) fleet.Worker { return fleet.Worker(fmt.Sprintf("worker-%d", n)) }

// publicKey stands for a worker's public key: as long as one, and nothing is sealed to it.
const publicKey = "c3RhbmRzIGZvciBhIHB1YmxpYyBrZXkgb2YgMzIgYnk="

// register makes workers known, spread over the hosts. Nobody beats for them, so their leases last for an hour.
func (p *population) register(ctx context.Context, workers, hosts int) error {
	return failing(workers, func(i int) error { return p.registerOne(ctx, i, hosts) })
}

func (p *population) registerOne(ctx context.Context, n, hosts int) error {
	terms := p.path.Terms
	terms.TTL = time.Hour
	_, err := p.path.Store.Register(ctx, claim.Registration{Worker: workerName(n), Host: hostName(n % hosts), Life: life, Revision: 1, Key: publicKey}, terms)
	return err
}

// failing does something for every number below n, sixteen at once, and reports what failed.
func failing(n int, do func(i int) error) error {
	var mu sync.Mutex
	var errs []error
	each(n, func(i int) {
		if err := do(i); err != nil {
			mu.Lock()
			errs = append(errs, err)
			mu.Unlock()
		}
	})
	return errors.Join(errs...)
}

// serve gives users sessions that are confirmed, in the store and in the database, and returns what each host's workers are.
func (p *population) serve(ctx context.Context, users int) (map[fleet.Host][]fleet.Worker, error) {
	var mu sync.Mutex
	on := map[fleet.Host][]fleet.Worker{}
	err := failing(users, func(i int) error {
		answer, err := p.path.Store.Claim(ctx, claim.Request{User: user(i)}, p.path.Terms)
		if err != nil || answer.Bound == nil {
			return errors.Join(err, fmt.Errorf("%s has no worker", user(i)))
		}
		b := answer.Bound
		mu.Lock()
		on[b.Host] = append(on[b.Host], b.Worker)
		mu.Unlock()
		return errors.Join(
			p.path.Database.Begin(ctx, session.Session{User: b.User, Epoch: b.Epoch, Worker: b.Worker, Host: b.Host, Life: b.Life}, 0),
			p.path.Store.Sent(ctx, b.Worker, b.Epoch), p.path.Store.Confirm(ctx, b.Worker, b.Life, b.Epoch))
	})
	return on, err
}

func member(score float64, name string) redis.Z { return redis.Z{Score: score, Member: name} }
