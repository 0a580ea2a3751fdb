package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"strings"
	"time"

	"workerfleet/runtime/claim"
	"workerfleet/runtime/fleet"
)

// costFigures are what costs measures.
type costFigures struct {
	Workers int         `json:"workers"`
	Hosts   int         `json:"hosts"`
	Costs   []operation `json:"operations"`
	Machine machine     `json:"machine"`
}

// operation is what one operation takes, in microseconds: of the wall clock, as one client after the other sees it; of the
// store's processor, with the reading and answering of the call; and in the script alone.
type operation struct {
	Name         string  `json:"name"`
	Times        int     `json:"times"`
	WallMicros   float64 `json:"wallMicros"`
	ServerMicros float64 `json:"serverMicros"`
	ScriptMicros float64 `json:"scriptMicros"`

	units int // of which one call has so many: a batch of beats has many
	do    func(i int) error
}

// Aims of the two operations that there are many of.
const claimAimMicros, beatAimMicros = 15, 3

// runCosts measures single operations of the store one after the other, among a whole fleet's keys.
func runCosts(ctx context.Context, args []string, out, errs io.Writer) error {
	var o runOptions
	var times int
	flags := flag.NewFlagSet("bench costs", flag.ContinueOnError)
	o.flags(flags)
	flags.IntVar(&times, "times", 5000, "times that each operation is done; some fewer")
	if err := parse(flags, args, errs); err != nil {
		return err
	}
	if err := check(flags, append(o.sizes(), limit{"times", times, 10, o.workers / 2})...); err != nil {
		return err
	}
	before := look()
	p, err := openPopulation(ctx, o.serverOptions, out)
	if err != nil {
		return err
	}
	defer p.close()
	if err := p.register(ctx, o.workers, o.hosts); err != nil {
		return err
	}
	figures := costFigures{Workers: o.workers, Hosts: o.hosts, Costs: p.operations(ctx, o, times)}
	err = o.profiled(func() error {
		for i := range figures.Costs {
			if err := p.measure(ctx, &figures.Costs[i]); err != nil {
				return fmt.Errorf("%s: %w", figures.Costs[i].Name, err)
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	figures.Machine = before.until(look())
	var words strings.Builder
	fmt.Fprintf(&words, "%-34s %10s %10s %10s\n", "µs each", "wall", "server", "script")
	for _, c := range figures.Costs {
		fmt.Fprintf(&words, "%-34s %10.1f %10.1f %10.1f\n", c.Name, c.WallMicros, c.ServerMicros, c.ScriptMicros)
	}
	fmt.Fprintf(&words, "aims      within twice %d µs a claim and %d µs a beat, of the server\nmachine   %s\n", claimAimMicros, beatAimMicros, figures.Machine)
	return tell(out, o.json, figures, words.String())
}

// measure does an operation so many times.
func (p *population) measure(ctx context.Context, c *operation) error {
	command := "evalsha"
	switch c.Name {
	case worked:
		command = "hmget"
	case posted:
		command = "xadd"
	}
	script, server, began := commandMicros(ctx, p.path.Client, command), cpuSeconds(ctx, p.path.Client), time.Now()
	for i := range c.Times {
		if err := c.do(i); err != nil {
			return err
		}
	}
	n := float64(c.Times * c.units)
	c.WallMicros = float64(time.Since(began).Microseconds()) / n
	c.ServerMicros = (cpuSeconds(ctx, p.path.Client) - server) * 1e6 / n
	c.ScriptMicros = (commandMicros(ctx, p.path.Client, command) - script) / n
	return nil
}

// Operations that are no scripts.
const (
	worked = "read a worker's record"
	posted = "post an assignment"
)

// operations are in the order of a session's life: each finds what the ones before it left.
func (p *population) operations(ctx context.Context, o runOptions, times int) []operation {
	store, t := p.path.Store, p.path.Terms
	bound := make([]claim.Binding, times)
	of := func(n, hosts int) fleet.Host { return hostName(n % hosts) }
	beats := make([]claim.Beat, 0, workersPerHost)
	for n := 0; n < o.workers && len(beats) < workersPerHost; n += o.hosts {
		beats = append(beats, claim.Beat{Worker: workerName(n), Life: life})
	}
	idle := func(n int, l fleet.Life) error {
		_, err := store.Register(ctx, claim.Registration{Worker: workerName(n), Host: of(n, o.hosts), Life: l, Revision: 1, Key: publicKey}, t)
		return err
	}
	beat := func(int) error {
		_, err := store.Beat(ctx, hostName(0), beats, t)
		return err
	}
	last := o.workers - 1
	return []operation{
		{Name: "register again, idle", Times: times, units: 1, do: func(i int) error { return idle(i, life+1) }},
		{Name: "beat, idle, in batches", Times: times / 10, units: len(beats), do: beat},
		{Name: "claim", Times: times, units: 1, do: func(i int) error {
			answer, err := store.Claim(ctx, claim.Request{User: user(i)}, t)
			if err == nil && answer.Bound == nil {
				err = errors.New("no worker is free")
			}
			if err == nil {
				bound[i] = *answer.Bound
			}
			return err
		}},
		{Name: posted, Times: times, units: 1, do: func(i int) error {
			return p.path.Mail.Post(ctx, bound[i].Host, fleet.Mail{Kind: fleet.MailAssign, Worker: bound[i].Worker, Life: bound[i].Life, User: bound[i].User, Epoch: bound[i].Epoch, Sealed: make([]byte, 200)})
		}},
		{Name: "sent", Times: times, units: 1, do: func(i int) error { return store.Sent(ctx, bound[i].Worker, bound[i].Epoch) }},
		{Name: "confirm", Times: times, units: 1, do: func(i int) error { return store.Confirm(ctx, bound[i].Worker, bound[i].Life, bound[i].Epoch) }},
		{Name: "claim again, serving", Times: times, units: 1, do: func(i int) error {
			_, err := store.Claim(ctx, claim.Request{User: user(i)}, t)
			return err
		}},
		{Name: worked, Times: times, units: 1, do: func(i int) error {
			_, _, err := store.Worker(ctx, bound[i].Worker)
			return err
		}},
		{Name: "a keeper's reap of nobody", Times: times / 10, units: 1, do: func(int) error {
			_, err := store.Reap(ctx, t)
			return err
		}},
		{Name: "a keeper's heal, 256 workers", Times: times / 10, units: 1, do: func(i int) error {
			_, err := store.Heal(ctx, i*256%o.workers, 256, t)
			return err
		}},
		{Name: "a keeper's look for unconfirmed", Times: times / 10, units: 1, do: func(int) error {
			_, err := store.Unconfirmed(ctx, 0, 256)
			return err
		}},
		{Name: "census", Times: times / 10, units: 1, do: func(int) error {
			_, err := store.Census(ctx)
			return err
		}},
		{Name: "stock", Times: times / 10, units: 1, do: func(int) error {
			_, err := store.Stock(ctx, t)
			return err
		}},
		{Name: "release", Times: times, units: 1, do: func(i int) error { return store.Release(ctx, user(i), bound[i].Epoch) }},
		{Name: "exit", Times: times, units: 1, do: func(i int) error {
			_, err := store.Exit(ctx, workerName(last-i), life+1, t)
			return err
		}},
	}
}
