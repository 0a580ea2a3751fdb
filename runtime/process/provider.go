package process

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"slices"
	"strconv"
	"sync"
	"time"

	"workerfleet/runtime/fleet"
	"workerfleet/runtime/pool"
)

// Host is a place for workers: an agent that listens on a socket of this machine.
type Host struct {
	Name   fleet.Host
	Socket string
	// Room is how many workers it holds.
	Room int
}

// Config is what a provider is made of. Binary, Hosts, Directory and Variables must be set.
type Config struct {
	// Binary is the worker's executable, and Binaries that of images which have one of their own.
	Binary   string
	Binaries map[int64]string
	// Image is the revision that stands for a batch without one.
	Image int64
	Hosts []Host
	// Directory is where each worker has one of its own.
	Directory string
	// Variables returns the environment of a worker of an image on a host: its settings, and nothing else is added but what
	// concerns the process itself.
	Variables func(worker fleet.Worker, host Host, image int64) ([]string, error)
	// Output takes what workers write, several at once; nil is nowhere.
	Output io.Writer
	// Grace is how long a worker that was asked to end may take; 0 is 10 s.
	Grace time.Duration
}

// Provider runs workers as child processes.
type Provider struct {
	Config
	run string // tells this provider's workers from those of an earlier one
	// forks are carried out by one thread, with whose end the kernel ends the workers.
	forks   chan func()
	workers sync.WaitGroup

	mu      sync.Mutex
	closed  bool
	last    int
	batches map[string]*batch
	running map[fleet.Worker]*child
	shut    map[fleet.Host]bool
}

var (
	_ pool.Provider   = (*Provider)(nil)
	_ pool.HostKeeper = (*Provider)(nil)
)

// batch is what a key was answered with.
type batch struct {
	pool.Batch
	workers []fleet.Worker
	full    bool // there was no room for the rest
}

const defaultGrace = 10 * time.Second

// New makes a provider without workers. Close ends it. Errors name the field.
func New(c Config) (*Provider, error) {
	if c.Binary == "" || c.Directory == "" || c.Variables == nil || len(c.Hosts) == 0 {
		return nil, errors.New("binary, directory, variables, hosts: one is missing; allowed: all set")
	}
	for _, h := range c.Hosts {
		if _, err := fleet.ParseHost(string(h.Name)); err != nil {
			return nil, err
		}
		if h.Socket == "" || h.Room < 0 {
			return nil, fmt.Errorf("hosts: %s has the socket %q and room for %d; allowed: a path, and from 0 up", h.Name, h.Socket, h.Room)
		}
	}
	c.Grace = cmp.Or(c.Grace, defaultGrace)
	if err := os.MkdirAll(c.Directory, 0o700); err != nil {
		return nil, fmt.Errorf("directory: %w", err)
	}
	p := &Provider{
		Config: c, run: strconv.FormatInt(time.Now().UnixMicro(), 36), forks: make(chan func()),
		batches: map[string]*batch{}, running: map[fleet.Worker]*child{}, shut: map[fleet.Host]bool{},
	}
	go func() {
		// Children end with the thread that forked them, so that it must not end before. Nor with this goroutine, as a locked
		// one would: it may have forked others before, which have nothing to do with workers.
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		for fork := range p.forks {
			fork()
		}
	}()
	return p, nil
}

// Launch: see [pool.Provider]. A key is remembered until Close.
func (p *Provider) Launch(ctx context.Context, asked pool.Batch) ([]fleet.Worker, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if asked.Count < 1 || asked.Count > pool.BatchLimit {
		return nil, fmt.Errorf("launch: count: is %d; allowed: 1 to %d", asked.Count, pool.BatchLimit)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return nil, errors.New("launch: the provider is closed")
	}
	b := p.batches[asked.Key]
	if b == nil {
		b = &batch{Batch: asked}
		p.batches[asked.Key] = b
	}
	if b.Batch != asked {
		return nil, fmt.Errorf("launch: key %q stands for another batch", asked.Key)
	}
	for len(b.workers) < b.Count && !b.full {
		host, ok := p.roomiest()
		if !ok {
			b.full = true
			break
		}
		worker, err := p.start(b.Batch, host)
		if err != nil {
			return nil, fmt.Errorf("launch: %w", err) // the same key goes on from here
		}
		b.workers = append(b.workers, worker)
	}
	if b.full {
		return slices.Clone(b.workers), fmt.Errorf("launch: %w: %d of %d workers fit", pool.ErrNoCapacity, len(b.workers), b.Count)
	}
	return slices.Clone(b.workers), nil
}

// roomiest is the open host with the most room, the first of several.
func (p *Provider) roomiest() (Host, bool) {
	taken := map[fleet.Host]int{}
	for _, c := range p.running {
		taken[c.task.Host]++
	}
	best, room := Host{}, 0
	for _, h := range p.Hosts {
		if left := h.Room - taken[h.Name]; left > room && !p.shut[h.Name] {
			best, room = h, left
		}
	}
	return best, room > 0
}

// Stop: see [pool.Provider].
func (p *Provider) Stop(ctx context.Context, worker fleet.Worker) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if c := p.running[worker]; c != nil {
		c.stop(p.Grace)
	}
	return nil
}

// List: see [pool.Provider].
func (p *Provider) List(ctx context.Context) ([]pool.Task, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	tasks := make([]pool.Task, 0, len(p.running))
	for _, c := range p.running {
		tasks = append(tasks, c.task)
	}
	return tasks, nil
}

// States: see [pool.HostKeeper]. Hosts of this machine neither age nor end.
func (p *Provider) States(context.Context) ([]pool.HostState, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	states := make([]pool.HostState, 0, len(p.Hosts))
	for _, h := range p.Hosts {
		states = append(states, pool.HostState{Host: h.Name, Shut: p.shut[h.Name]})
	}
	return states, nil
}

// Shut: see [pool.HostKeeper].
func (p *Provider) Shut(_ context.Context, host fleet.Host, shut bool) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.shut[host] = shut
	return nil
}

// Close asks all workers to end, and returns when they have: after the grace at the latest. Nothing can be launched any
// more.
func (p *Provider) Close() {
	p.mu.Lock()
	already := p.closed
	p.closed = true
	for _, c := range p.running {
		c.stop(p.Grace)
	}
	p.mu.Unlock()
	p.workers.Wait()
	if !already {
		close(p.forks)
	}
}
