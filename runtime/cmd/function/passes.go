package main

import (
	"context"
	"crypto/rand"
	"errors"
	"time"

	"workerfleet/runtime/cmd/internal/index"
	"workerfleet/runtime/cmd/internal/refilling"
	"workerfleet/runtime/dispatch"
	"workerfleet/runtime/keeper"
	"workerfleet/runtime/lambda"
	"workerfleet/runtime/valkey"
	"workerfleet/stacks/sizing"
)

// poolFunction keeps the number of workers right, and asks nobody but the index and the cluster: what others have learned of
// past weeks stands in the plan.
func poolFunction(p parts) lambda.Function {
	open := later(func(ctx context.Context) (*keeper.Refill, error) {
		client, err := index.Connect(ctx, index.Settings{Stack: p.set.Stack, Valkey: p.set.Valkey, Connections: sizing.FunctionToValkey}, p.Getenv)
		if err != nil {
			return nil, err
		}
		store, err := valkey.NewStore(ctx, client)
		if err == nil {
			var refill *keeper.Refill
			if refill, err = p.refill(keeper.RefillConfig{Launches: store}); err == nil {
				return refill, nil
			}
		}
		_ = client.Close() // the next event connects anew
		return nil, err
	})
	return lambda.Function{Pass: func(ctx context.Context) error {
		refill, err := open(ctx)
		if err != nil {
			return err
		}
		_, err = refill.Pass(ctx)
		return err
	}}
}

func (p parts) filling() refilling.Settings {
	return refilling.Settings{Stack: p.set.Stack, Cluster: p.set.Cluster, Launching: p.set.Launching, Pool: p.set.Pool, Market: p.set.Market}
}

// refill completes what a refill works on.
func (p parts) refill(c keeper.RefillConfig) (*keeper.Refill, error) {
	set := p.filling()
	provider, err := refilling.Provider(set, p.Getenv)
	if err != nil {
		return nil, err
	}
	policy, rollout, err := refilling.Policy(set)
	if err != nil {
		return nil, err
	}
	_, c.Group, err = refilling.Hosts(set, p.Getenv)
	if err != nil {
		return nil, err
	}
	c.Provider, c.Policy, c.Rollout, c.Terms, c.Key, c.Recorder = provider, policy, rollout, index.Terms(p.set.Lease), rand.Text, p.recorder
	return keeper.NewRefill(c)
}

// upkeep is what maintenance does at each tick.
type upkeep struct {
	keeper *keeper.Keeper
	refill *keeper.Refill
	hosts  *keeper.Hosts
	orders *dispatch.Dispatcher
	ends   *keeper.Ends
}

// maintenanceFunction makes the keeper's rounds, looks at the orders that are due, and then makes the hosts' round, the
// refill's, whose launches and stops also renew the image, and that of the sessions' ends.
func maintenanceFunction(p parts) lambda.Function {
	open := later(func(ctx context.Context) (upkeep, error) {
		wake, err := p.wakes()
		if err != nil {
			return upkeep{}, err
		}
		path, err := p.path(ctx, wake)
		if err != nil {
			return upkeep{}, err
		}
		refill, err := p.refill(keeper.RefillConfig{Launches: path.Store, Arrivals: path.Store, History: path.Database})
		if err != nil {
			path.Close()
			return upkeep{}, err
		}
		hosts, _, err := refilling.Hosts(p.filling(), p.Getenv)
		if err != nil {
			path.Close()
			return upkeep{}, err
		}
		rounds := keeper.NewHosts(keeper.HostsConfig{Store: path.Store, Keeper: hosts, Terms: path.Terms})
		ends := keeper.NewEnds(keeper.EndsConfig{Presence: path.Database, Sessions: path.Sessions, Idle: p.set.Idle})
		return upkeep{refill: refill, hosts: rounds, ends: ends, orders: path.Orders(consumer, p.recorder), keeper: keeper.New(keeper.Config{
			Store: path.Store, Sessions: path.Sessions, Authority: path.Database, Recorder: p.recorder, Terms: path.Terms, Incarnation: rand.Text,
		})}, nil
	})
	return lambda.Function{Pass: func(ctx context.Context) error {
		u, err := open(ctx)
		if err != nil {
			return err
		}
		return u.pass(ctx)
	}}
}

// Pauses between the rounds of one event: none while there is more to do, and longer while a pool that is being rebuilt
// waits for its hosts. lastRound is what is left of an event's time when no other round is begun.
const (
	rebuildPause = time.Second
	lastRound    = 10 * time.Second
)

// pass goes on while a round reached a bound, or the pool is being rebuilt: the process that opens it must have seen it
// closed for TTL and guard, and nobody knows whether the next event comes to this one. What failed hinders no refill.
func (u upkeep) pass(ctx context.Context) error {
	err := u.rounds(ctx)
	_, ordersErr := u.orders.Pass(ctx)
	_, hostsErr := u.hosts.Pass(ctx)
	_, refillErr := u.refill.Pass(ctx)
	_, endsErr := u.ends.Pass(ctx)
	return errors.Join(err, ordersErr, hostsErr, refillErr, endsErr)
}

func (u upkeep) rounds(ctx context.Context) error {
	for {
		report, err := u.keeper.Pass(ctx)
		if deadline, ok := ctx.Deadline(); err != nil || ok && time.Until(deadline) < lastRound || !report.More && !report.Rebuilding {
			return err
		}
		if report.Rebuilding {
			select {
			case <-ctx.Done():
				return ctx.Err()
			case <-time.After(rebuildPause):
			}
		}
	}
}
