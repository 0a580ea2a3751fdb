package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"workerfleet/runtime/agent"
	"workerfleet/runtime/cmd/internal/claimpath"
	"workerfleet/runtime/cmd/internal/index"
	"workerfleet/runtime/fleet"
	"workerfleet/runtime/keeper"
	"workerfleet/runtime/parts/relay"
	"workerfleet/runtime/signals"
	"workerfleet/runtime/valkey"
	"workerfleet/stacks/sizing"
)

// theatre is a fleet on which faults are played. Every agent, every API and every keeper reach the store through a relay of
// their own; whoever looks at what became of it looks past them.
type theatre struct {
	*simulated
	dir   string
	judge *judge
	// seen is the way past the relays.
	seen *claimpath.Parts

	mu     sync.Mutex
	hosts  []*staged
	dead   []*staged
	relays []*relay.Relay // of whoever is no host
	broken error          // what no fault explains

	healed atomic.Int64 // by keepers
	// recalled are sessions that the database had and the index did not know.
	recalled atomic.Int64
	passes   atomic.Int64 // rounds that failed in part, as they do while a server is away
}

// keepers are as many as the platform has.
const keepers = 2

// openTheatre starts everything and waits until every worker is warm.
func openTheatre(ctx context.Context, o faultOptions, out io.Writer) (started *theatre, err error) {
	s := &theatre{simulated: newSimulated(ctx), judge: newJudge()}
	defer func() {
		if err != nil {
			s.stop()
		}
	}()
	o.store = []string{"--appendonly", "yes"} // so that it can be killed and come back with what it had
	if s.dir, err = s.startServers(ctx, o.fleetOptions); err != nil {
		return nil, err
	}
	if s.seen, err = s.connect(ctx, s.settings); err != nil {
		return nil, err
	}
	s.path = s.seen
	if err = s.startAPIs(func(name string) (*claimpath.Parts, error) { return s.through(ctx, name, apiShare) }); err != nil {
		return nil, err
	}
	for i := range keepers {
		if err = s.keep(ctx, s.work, fmt.Sprint("keeper-", i)); err != nil {
			return nil, err
		}
	}
	fmt.Fprintf(out, "starting %d hosts and %d users' credentials …\n", o.hosts, o.users+o.users/away)
	began := time.Now()
	for i := range o.hosts {
		if _, err = s.host(ctx, hostName(i), o.workers/o.hosts+min(1, max(0, o.workers%o.hosts-i))); err != nil {
			return nil, err
		}
	}
	if err = errors.Join(s.deposit(ctx, o.users+o.users/away), s.await(ctx, o.workers)); err != nil {
		return nil, err
	}
	s.warmed = time.Since(began)
	return s, nil
}

// socket is where the store listens, by a URL of it.
func socket(url string) relay.End {
	return relay.End{Network: "unix", Address: strings.TrimPrefix(url, "unix://")}
}

// relay puts one between somebody and the store.
func (s *theatre) relay(name string) (*relay.Relay, string, error) {
	at := filepath.Join(s.dir, name+".sock")
	r, err := relay.Start(relay.End{Network: "unix", Address: at}, socket(s.store.URL))
	if err != nil {
		return nil, "", err
	}
	s.clean = append(s.clean, r.Close)
	return r, "unix://" + at, nil
}

// through connects the claim path of a process that is no host.
func (s *theatre) through(ctx context.Context, name string, connections claimpath.Connections) (*claimpath.Parts, error) {
	r, url, err := s.relay(name)
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	s.relays = append(s.relays, r)
	s.mu.Unlock()
	set := s.with(connections)
	set.Valkey.Address.URL = url
	return s.connect(ctx, set)
}

// healing counts what keepers had to repair.
type healing struct {
	signals.Discard
	*theatre
}

func (h healing) Add(of signals.Counter, n float64, _ ...string) {
	switch of {
	case signals.Healed:
		h.healed.Add(int64(n))
	case signals.Recalled: // a begin came late, or its claim was lost with the index: that may happen
		h.recalled.Add(int64(n))
	}
}

// keep has a keeper make its rounds until work ends.
func (s *theatre) keep(ctx, work context.Context, name string) error {
	path, err := s.through(ctx, name, keeperShare)
	if err != nil {
		return err
	}
	failed := func(error) { s.passes.Add(1) }
	k := keeper.New(keeper.Config{
		Store: path.Store, Sessions: path.Sessions, Authority: path.Database, Recorder: healing{theatre: s}, Terms: path.Terms, Incarnation: rand.Text,
	})
	s.group.Go(func() { _ = k.Run(work, failed) })
	ends := keeper.NewEnds(keeper.EndsConfig{Presence: path.Database, Sessions: path.Sessions, Period: path.Terms.TTL * 2 / 3})
	s.group.Go(func() { _ = ends.Run(work, func([]fleet.User) {}, failed) })
	return nil
}

// staged is one host: a real agent, and players.
type staged struct {
	*theatre
	name    fleet.Host
	clock   clock
	relay   *relay.Relay
	door    *door
	work    context.Context
	end     context.CancelFunc
	group   sync.WaitGroup
	players []*player
}

// host starts one.
func (s *theatre) host(ctx context.Context, name fleet.Host, workers int) (*staged, error) {
	h := &staged{theatre: s, name: name, door: &door{calls: make(chan agent.Call), closed: make(chan struct{})}}
	h.work, h.end = context.WithCancel(s.work)
	through, url, err := s.relay(string(name))
	if err != nil {
		return nil, err
	}
	h.relay = through
	to := s.settings.Valkey
	to.Address.URL = url
	client, err := index.Connect(ctx, index.Settings{Stack: s.settings.Stack, Valkey: to, Connections: sizing.AgentToValkey}, nothing)
	if err != nil {
		return nil, err
	}
	s.clean = append(s.clean, func() { _ = client.Close() })
	client.AddHook(&h.clock)
	store, err := valkey.NewStore(ctx, client)
	if err != nil {
		return nil, err
	}
	a, err := agent.New(agent.Config{
		Host: name, Door: h.door, Store: store, Post: valkey.NewMail(client), Terms: s.path.Terms, Beat: s.settings.Lease.Beat,
		Signals: counter{beats: &s.beats}, Now: h.clock.now, Instant: h.clock.instant,
	})
	if err != nil {
		return nil, err
	}
	h.group.Go(func() { _ = a.Run(h.work) })
	for i := range workers {
		h.players = append(h.players, h.employ(i))
	}
	h.group.Go(func() { h.breathe(sign(s.path.Terms.TTL)) })
	s.mu.Lock()
	s.hosts = append(s.hosts, h)
	s.mu.Unlock()
	return h, nil
}

// breathe lets the host's workers speak, one after the other, each once in the time of a sign.
func (h *staged) breathe(every time.Duration) {
	if len(h.players) == 0 {
		return
	}
	ticker := time.NewTicker(every / time.Duration(len(h.players)))
	defer ticker.Stop()
	for i := 0; ; i++ {
		select {
		case <-h.work.Done():
			return
		case <-ticker.C:
			h.players[i%len(h.players)].sign()
		}
	}
}

// die is the host's loss, with everything on it and without a word.
func (h *staged) die() {
	h.relay.Close()
	for _, p := range h.players {
		p.die()
	}
	h.end()
	h.mu.Lock()
	defer h.mu.Unlock()
	for i, other := range h.hosts {
		if other == h {
			h.hosts, h.dead = append(h.hosts[:i:i], h.hosts[i+1:]...), append(h.dead, h)
			return
		}
	}
}

// failed notes what no fault explains.
func (s *theatre) failed(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.broken = errors.Join(s.broken, err)
}

// all lists the hosts that there are, and all relays to the store.
func (s *theatre) all() (hosts []*staged, relays []*relay.Relay) {
	s.mu.Lock()
	defer s.mu.Unlock()
	hosts, relays = append(hosts, s.hosts...), append(relays, s.relays...)
	for _, h := range hosts {
		relays = append(relays, h.relay)
	}
	return hosts, relays
}

// stop ends everything.
func (s *theatre) stop() {
	s.end()
	hosts, _ := s.all()
	s.mu.Lock()
	hosts = append(hosts, s.dead...)
	s.mu.Unlock()
	for _, h := range hosts {
		h.group.Wait()
	}
	s.simulated.stop()
}
