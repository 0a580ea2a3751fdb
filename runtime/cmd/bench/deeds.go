package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"time"

	"workerfleet/runtime/claim"
	"workerfleet/runtime/fleet"
	"workerfleet/runtime/hostlink"
	"workerfleet/runtime/parts/relay"
	"workerfleet/runtime/parts/server"
)

// deed is one fault. It returns when it is over; what it has begun goes on by itself.
type deed struct {
	name string
	does func(ctx context.Context, f *faulted) error
}

// deeds are all, in their order: the last one leaves the fleet on another server.
func deeds() []deed {
	return []deed{
		{"restart", restart}, {"flush", flush}, {"partition", partition}, {"slow", slow}, {"reconnect", reconnect},
		{"frozen", frozen}, {"race", race}, {"failover", failover},
	}
}

// faulted is what a deed is done to.
type faulted struct {
	*theatre
	users  *visitors
	random *rand.Rand
	terms  claim.Terms
}

// rest waits, or returns because all is over.
func rest(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d):
		return nil
	}
}

// beyond is longer than any lease that was given before.
func (f *faulted) beyond() time.Duration { return f.terms.TTL + 2*f.terms.Guard }

// restart kills the store, and starts it again with its data when every lease has run out.
func restart(ctx context.Context, f *faulted) error {
	f.store.Stop()
	if err := rest(ctx, f.beyond()); err != nil {
		return err
	}
	return f.again(ctx)
}

func (f *faulted) again(ctx context.Context) (err error) {
	f.store, err = f.storeAgain(ctx)
	return err
}

// flush kills the store, and starts it again without its data.
func flush(ctx context.Context, f *faulted) error {
	f.store.Stop()
	if err := os.RemoveAll(filepath.Join(f.dir, "valkey", "appendonlydir")); err != nil {
		return fmt.Errorf("remove the store's data: %w", err)
	}
	return f.again(ctx)
}

// some draws hosts: that share of all, one at least, and those where somebody is served before others.
func (f *faulted) some(share float64) []*staged {
	hosts, _ := f.all()
	f.random.Shuffle(len(hosts), func(i, j int) { hosts[i], hosts[j] = hosts[j], hosts[i] })
	busy := map[fleet.Host]bool{}
	acting, _ := f.judge.acting(hostlink.Now())
	for _, s := range acting {
		busy[s.Host] = true
	}
	slices.SortStableFunc(hosts, func(a, b *staged) int {
		switch {
		case busy[a.name] == busy[b.name]:
			return 0
		case busy[a.name]:
			return -1
		}
		return 1
	})
	return hosts[:max(1, int(share*float64(len(hosts))))]
}

// partition keeps all words between a third of the hosts and the store, for longer than a lease; then they go on.
func partition(ctx context.Context, f *faulted) error {
	cut := f.some(1. / 3)
	for _, h := range cut {
		h.relay.Hold(true)
	}
	err := rest(ctx, f.beyond())
	for _, h := range cut {
		h.relay.Hold(false)
	}
	return err
}

// slow makes every word take long, both ways and for everybody.
func slow(ctx context.Context, f *faulted) error {
	_, relays := f.all()
	pace := relay.Pace{Least: 50 * time.Millisecond, Most: 300 * time.Millisecond}
	for _, r := range relays {
		r.Slow(pace, pace)
	}
	err := rest(ctx, f.beyond())
	for _, r := range relays {
		r.Slow(relay.Pace{}, relay.Pace{})
	}
	return err
}

// cuts is how often all connections are cut.
const cuts = 5

// reconnect cuts all connections in one moment, again and again.
func reconnect(ctx context.Context, f *faulted) error {
	_, relays := f.all()
	for range cuts {
		for _, r := range relays {
			r.Cut()
		}
		if err := rest(ctx, f.settings.Lease.Beat); err != nil {
			return err
		}
	}
	return nil
}

// frozenLeases is how many leases hosts stand still for: a minute of the published ones.
const frozenLeases = 4

// frozen has a tenth of the hosts stand still, agents and workers, and then go on as if nothing had happened.
func frozen(ctx context.Context, f *faulted) error {
	still := f.some(0.1)
	for _, h := range still {
		h.clock.freeze()
	}
	err := rest(ctx, frozenLeases*f.terms.TTL)
	for _, h := range still {
		h.clock.thaw()
	}
	return err
}

// lag is how long the replica has not heard of its primary when it takes over.
const lag = time.Second

// failover kills the store when its replica has not heard of it for a second, and the replica takes over.
func failover(ctx context.Context, f *faulted) error {
	port, err := server.FreePort()
	if err != nil {
		return err
	}
	if err := f.seen.Client.Do(ctx, "CONFIG", "SET", "port", port).Err(); err != nil {
		return fmt.Errorf("open a port for the replica: %w", err)
	}
	line, err := relay.Start(relay.End{Network: "tcp", Address: "127.0.0.1:0"}, relay.End{Network: "tcp", Address: fmt.Sprintf("127.0.0.1:%d", port)})
	if err != nil {
		return err
	}
	defer line.Close()
	replica, err := server.Valkey(ctx, f.storeProgram, filepath.Join(f.dir, "replica"), "--replicaof", "127.0.0.1", fmt.Sprint(line.Port()))
	if err != nil {
		return err
	}
	primary := f.store
	f.clean = append(f.clean, replica.Stop)
	if err := f.synced(ctx); err != nil {
		return err
	}
	line.Hold(true)
	if err := rest(ctx, lag); err != nil {
		return err
	}
	primary.Stop()
	return f.promote(ctx, replica)
}

// synced waits until the replica has what the primary had a moment ago.
func (f *faulted) synced(ctx context.Context) error {
	return until(ctx, 20*time.Millisecond, time.Minute, func() (bool, error) {
		n, err := f.seen.Client.Do(ctx, "WAIT", 1, 1000).Int()
		return n == 1, err
	})
}

// promote makes a replica the store, to which all relays lead from then on.
func (f *faulted) promote(ctx context.Context, replica *server.Server) error {
	set := f.settings
	set.Valkey.Address.URL = replica.URL
	seen, err := f.connect(ctx, set)
	if err != nil {
		return err
	}
	if err := seen.Client.Do(ctx, "REPLICAOF", "NO", "ONE").Err(); err != nil {
		return fmt.Errorf("promote the replica: %w", err)
	}
	f.store, f.seen, f.settings = replica, seen, set
	_, relays := f.all()
	for _, r := range relays {
		r.Lead(socket(replica.URL))
	}
	return nil
}
