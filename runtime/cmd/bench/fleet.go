package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"workerfleet/runtime/agent"
	"workerfleet/runtime/cmd/internal/claimpath"
	"workerfleet/runtime/cmd/internal/index"
	"workerfleet/runtime/fleet"
	"workerfleet/runtime/httpapi"
	"workerfleet/runtime/keeper"
	"workerfleet/runtime/order"
	"workerfleet/runtime/session"
	"workerfleet/runtime/settings"
	"workerfleet/runtime/signals"
	"workerfleet/runtime/valkey"
	"workerfleet/stacks/sizing"
)

// The published lease.
const beat, ttl, guard = 2 * time.Second, 15 * time.Second, 2 * time.Second

// fleetOptions say which fleet to start.
type fleetOptions struct {
	serverOptions
	workers, hosts, users int
	// lease is the published one unless it is set.
	lease settings.Lease
	// broker is where workers trade, which are real ones then; nil is none, and they are simulated.
	broker order.Broker
}

// simulated is a fleet within this process: API, keeper and agents are the platform's own code, each agent with
// connections of its own to the store, as each API has; the workers are goroutines that speak the hosts' protocol.
type simulated struct {
	*servers
	path   *claimpath.Parts // of whoever is no API
	api    http.Handler
	beats  atomic.Int64
	ended  atomic.Int64         // simulated workers, each in its only life
	lines  map[fleet.Host]*line // of the agents to the store
	warmed time.Duration

	work  context.Context
	end   context.CancelFunc
	group sync.WaitGroup
	clean []func()
}

// apis is how many API tasks there are. What each has of its own decides how many claims go in one batch: its connections,
// its lanes and its line of claims.
const apis = 4

// userHeader names the user: there is no identity provider to measure.
const userHeader = "X-User"

// startFleet starts everything and waits until every worker is warm and every user has credentials.
func startFleet(ctx context.Context, o fleetOptions, out io.Writer) (started *simulated, err error) {
	f := newSimulated(ctx)
	defer func() {
		if err != nil {
			f.stop()
		}
	}()
	if _, err = f.startServers(ctx, o); err != nil {
		return nil, err
	}
	if f.path, err = f.connect(ctx, f.with(keeperShare)); err != nil {
		return nil, err
	}
	if err = f.path.Client.FlushAll(ctx).Err(); err != nil {
		return nil, fmt.Errorf("empty the store: %w", err)
	}
	if err = f.startAPIs(func(string) (*claimpath.Parts, error) { return f.connect(ctx, f.with(apiShare)) }); err != nil {
		return nil, err
	}
	f.startKeeper()
	fmt.Fprintf(out, "starting %d hosts and %d users' credentials …\n", o.hosts, o.users)
	began := time.Now()
	if err = f.startHosts(ctx, o); err != nil {
		return nil, err
	}
	if err = errors.Join(f.deposit(ctx, o.users), f.await(ctx, o.workers)); err != nil {
		return nil, err
	}
	f.warmed = time.Since(began)
	return f, nil
}

func newSimulated(ctx context.Context) *simulated {
	f := &simulated{lines: map[fleet.Host]*line{}}
	f.work, f.end = context.WithCancel(context.WithoutCancel(ctx))
	return f
}

// startServers starts them in a folder, which is left behind by nobody.
func (f *simulated) startServers(ctx context.Context, o fleetOptions) (dir string, err error) {
	dir, remove, err := workDir()
	if err != nil {
		return "", err
	}
	f.clean = append(f.clean, remove)
	if f.servers, err = startServers(ctx, o.serverOptions, dir); err != nil {
		return "", err
	}
	f.clean = append(f.clean, f.servers.stop)
	if o.lease.TTL > 0 {
		f.settings.Lease = o.lease
	}
	return dir, nil
}

// connect opens the claim path until the fleet stops.
func (f *simulated) connect(ctx context.Context, set claimpath.Settings) (*claimpath.Parts, error) {
	path, err := claimpath.Open(ctx, set, nothing)
	if err == nil {
		f.clean = append(f.clean, path.Close)
	}
	return path, err
}

// nothing is an environment without variables.
func nothing(string) string { return "" }

func (f *simulated) background(run func(ctx context.Context)) {
	f.group.Go(func() { run(f.work) })
}

// Shares of what the servers take are those of the platform's processes.
var (
	apiShare    = claimpath.Connections{Valkey: sizing.APIToValkey, Database: sizing.APIToDatabase}
	keeperShare = claimpath.Connections{Valkey: sizing.KeeperToValkey, Database: sizing.KeeperToDatabase}
)

// with is how a process with such a share connects.
func (f *simulated) with(share claimpath.Connections) claimpath.Settings {
	set := f.settings
	set.Connections = share
	return set
}

// startAPIs starts every API with a claim path of its own, and gives them requests in turn, as a load balancer does.
func (f *simulated) startAPIs(open func(name string) (*claimpath.Parts, error)) error {
	var all [apis]http.Handler
	for i := range all {
		name := fmt.Sprint("api-", i)
		path, err := open(name)
		if err != nil {
			return err
		}
		all[i] = f.startAPI(name, path)
	}
	var came atomic.Uint64
	f.api = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		all[came.Add(1)%apis].ServeHTTP(w, r)
	})
	return nil
}

// awaitAgain is after how long an API asks for its mail again when it could not have it.
const awaitAgain = 100 * time.Millisecond

func (f *simulated) startAPI(name string, path *claimpath.Parts) http.Handler {
	desk := session.NewDesk()
	f.background(func(ctx context.Context) {
		for last := ""; ctx.Err() == nil; {
			words, seen, err := path.Mail.Await(ctx, name, last)
			if err != nil {
				_ = rest(ctx, awaitAgain)
				continue
			}
			last = seen
			for _, word := range words {
				desk.Tell(word)
			}
		}
	})
	return httpapi.New(httpapi.Config{
		Sessions: path.Sessions, Desk: desk, Name: name, Recorder: signals.Discard{}, Ready: func(context.Context) error { return nil },
		Orders: path.Orders(name, signals.Discard{}), Reader: path.Reader, Switches: path.Database, Hooks: path.Hooks, Deposit: path.Vault.Deposit,
		Identify: func(r *http.Request) (fleet.User, error) { return fleet.ParseUser(r.Header.Get(userHeader)) },
	})
}

func (f *simulated) startKeeper() {
	k := keeper.New(keeper.Config{
		Store: f.path.Store, Sessions: f.path.Sessions, Authority: f.path.Database, Recorder: signals.Discard{}, Terms: f.path.Terms, Incarnation: rand.Text,
	})
	f.background(func(ctx context.Context) { _ = k.Run(ctx, func(error) {}) })
}

// startHosts starts the agents with connections of their own, and workers on each.
func (f *simulated) startHosts(ctx context.Context, o fleetOptions) error {
	for i := range o.hosts {
		client, err := index.Connect(ctx, index.Settings{Stack: f.settings.Stack, Valkey: f.settings.Valkey, Connections: sizing.AgentToValkey}, nothing)
		if err != nil {
			return err
		}
		f.clean = append(f.clean, func() { _ = client.Close() })
		f.lines[hostName(i)] = &line{}
		client.AddHook(f.lines[hostName(i)])
		store, err := valkey.NewStore(ctx, client)
		if err != nil {
			return err
		}
		d := &door{calls: make(chan agent.Call), closed: make(chan struct{})}
		a, err := agent.New(agent.Config{
			Host: hostName(i), Door: d, Store: store, Post: valkey.NewMail(client), Terms: f.path.Terms, Beat: f.settings.Lease.Beat, Signals: counter{beats: &f.beats},
		})
		if err != nil {
			return err
		}
		f.background(func(ctx context.Context) { _ = a.Run(ctx) })
		share := o.workers/o.hosts + min(1, max(0, o.workers%o.hosts-i))
		if o.broker != nil {
			if err := f.employ(d, crew{host: i, workers: share, broker: o.broker}); err != nil {
				return err
			}
			continue
		}
		h := &host{door: d, name: strconv.Itoa(i)}
		if err := h.fill(f, share); err != nil {
			return err
		}
	}
	return nil
}

// deposit stores every user's credentials, many at once.
func (f *simulated) deposit(ctx context.Context, users int) error {
	errs := make(chan error, users)
	places := make(chan struct{}, 16)
	for i := range users {
		places <- struct{}{}
		go func() {
			defer func() { <-places }()
			errs <- f.path.Vault.Deposit(ctx, user(i), []byte(`{"account":"`+string(user(i))+`","secret":"`+rand.Text()+`"}`))
		}()
	}
	for range users {
		if err := <-errs; err != nil {
			return err
		}
	}
	return nil
}

// await returns when every worker is free.
func (f *simulated) await(ctx context.Context, workers int) error {
	for began := time.Now(); ; time.Sleep(50 * time.Millisecond) {
		census, err := f.path.Store.Census(ctx)
		switch {
		case err != nil:
			return err
		case census.Free == workers && census.Incarnation != "":
			return nil
		case f.ended.Load() > 0: // a simulated worker has one life
			return fmt.Errorf("%d workers were given up before all were warm: their lease is too short for a machine as busy as this", f.ended.Load())
		case time.Since(began) > 5*time.Minute:
			return fmt.Errorf("%d of %d workers are warm after %v", census.Free, workers, time.Since(began))
		}
	}
}

func (f *simulated) serverCPU(ctx context.Context) float64 { return cpuSeconds(ctx, f.path.Client) }

func (f *simulated) stop() {
	f.end()
	f.group.Wait()
	for i := len(f.clean) - 1; i >= 0; i-- {
		f.clean[i]()
	}
}

// counter counts confirmed beats.
type counter struct {
	signals.Discard
	beats *atomic.Int64
}

func (c counter) Add(of signals.Counter, n float64, _ ...string) {
	if of == signals.Beats {
		c.beats.Add(int64(n))
	}
}

// door hands an agent the calls of the workers of this process.
type door struct {
	calls  chan agent.Call
	closed chan struct{}
	once   sync.Once
}

func (d *door) Accept() (agent.Call, error) {
	select {
	case call := <-d.calls:
		return call, nil
	case <-d.closed:
		return agent.Call{}, net.ErrClosed
	}
}

func (d *door) Close() error {
	d.once.Do(func() { close(d.closed) })
	return nil
}
