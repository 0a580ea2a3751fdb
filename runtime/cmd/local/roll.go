package main

import (
	"context"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"workerfleet/runtime/fleet"
	"workerfleet/runtime/order"
	"workerfleet/runtime/paper"
	"workerfleet/runtime/pool"
	"workerfleet/runtime/settings"
)

// step is a moment of a roll: what was done, what ran from then on until the next one, and how many orders were
// accepted meanwhile.
type step struct {
	What    string  `json:"what"`
	Running string  `json:"running"`
	Seconds float64 `json:"seconds"`
	Orders  int     `json:"orders"`
	do      func(context.Context) error
}

// quarters is in how many steps workers are replaced.
const quarters = 4

// roll replaces the release before as a deployment does, in steps that are spread over the stay: the migration first, while
// the release before serves on, then functions, APIs, keepers, agents and workers, one after the other. After each step
// somebody ends a session and comes again. In the end every user asks for a worker.
func (d *day) roll(ctx context.Context) error {
	next := d.latest()
	steps := append([]step{{What: "the release before", do: func(context.Context) error { return nil }}, {
		What: "migrate", do: func(ctx context.Context) error { return d.migrate(ctx, next, settings.Switching{}) },
	}}, d.forward(next, quarters)...)
	if d.back {
		half := d.forward(next, quarters/2)
		steps = append(append(append(steps[:2:2], half...), d.backward(d.begun)...), d.forward(next, quarters)...)
	}
	pause := d.stay / time.Duration(len(steps))
	for i, s := range steps {
		before, began := d.accepted(), time.Now()
		d.progress.Store(&progress{float64(i+1) / float64(len(steps)), pause})
		if err := s.do(ctx); err != nil {
			return fmt.Errorf("%s: %w", s.What, err)
		}
		s.Running = d.running(ctx)
		if i > 1 { // the database has what this process asks it
			if err := d.turnover(ctx, due(d.kill, i-1, len(steps)-2)); err != nil {
				return err
			}
		}
		select {
		case <-time.After(pause - time.Since(began)):
		case <-ctx.Done():
			return ctx.Err()
		}
		s.Seconds, s.Orders = time.Since(began).Seconds(), d.accepted()-before
		d.steps = append(d.steps, s)
	}
	for i := range d.users {
		s, err := d.claim(ctx, d.user(i), "")
		if err != nil {
			d.lost++
			continue
		}
		d.sessions[d.user(i)] = s
	}
	return ctx.Err()
}

// progress is which share of a roll's steps has begun, and how long each lasts at least.
type progress struct {
	share float64
	pause time.Duration
}

// rolled waits until a share of the roll has begun, and draws a pause within the step: each has orders, however long it
// takes.
func (d *day) rolled(ctx context.Context, share float64, random *rand.Rand) time.Duration {
	for {
		if p := d.progress.Load(); p != nil && p.share >= share {
			return time.Duration(random.Float64() * float64(p.pause))
		}
		select {
		case <-ctx.Done():
			return 0
		case <-time.After(10 * time.Millisecond):
		}
	}
}

// forward are the steps to a release, with so many quarters of the workers that are of another one.
func (d *day) forward(r release, workers int) []step {
	var steps []step
	if d.functions {
		steps = append(steps, step{What: "functions → " + r.name, do: func(context.Context) error { return d.redeploy(r) }})
	}
	for _, g := range d.programs() {
		steps = append(steps, step{What: g.name + " → " + r.name, do: func(ctx context.Context) error { return g.become(ctx, r) }})
	}
	for left := workers; left > 0; left-- {
		steps = append(steps, step{What: "workers → " + r.name, do: func(ctx context.Context) error {
			return d.replaceWorkers(ctx, r, left+quarters-workers)
		}})
	}
	return steps
}

// backward are the steps back to a release: the last program that was replaced goes first, and workers follow keepers, who
// launch them.
func (d *day) backward(r release) []step {
	steps := d.forward(r, quarters/2)
	slices.Reverse(steps[:len(steps)-quarters/2])
	return steps
}

// replaceWorkers asks the workers of other releases to end, as the cluster does with what runs on a host that goes: one in
// so many of them, one after the other, and waits until they have. Keepers launch others.
func (d *day) replaceWorkers(ctx context.Context, r release, share int) error {
	tasks, err := d.provider.List(ctx)
	if err != nil {
		return err
	}
	var others []fleet.Worker
	for _, task := range tasks {
		if d.crew.of(task.Worker).release != r.name {
			others = append(others, task.Worker)
		}
	}
	slices.Sort(others)
	others = others[:(len(others)+share-1)/share]
	for _, worker := range others {
		if err := d.provider.Stop(ctx, worker); err != nil {
			return err
		}
		select {
		case <-time.After(workerPause):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	for {
		tasks, err := d.provider.List(ctx)
		if err != nil || !slices.ContainsFunc(tasks, func(task pool.Task) bool { return slices.Contains(others, task.Worker) }) {
			return err
		}
		select {
		case <-time.After(10 * time.Millisecond):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// workerPause is the time between two workers that are replaced.
const workerPause = 50 * time.Millisecond

// due is how many of all have come by a step of so many, counted from 1, if they are spread evenly: the last one before the end.
func due(all, step, steps int) int { return (2*all*step + steps) / (2 * steps) }

// turnover has a user end the session and come again, after workers were killed until as many are as have to be by now.
func (d *day) turnover(ctx context.Context, killed int) error {
	for range killed - d.killed {
		if err := d.killOne(ctx); err != nil {
			return err
		}
	}
	user := d.user(d.random.IntN(d.users))
	_, err := d.send(ctx, func(ctx context.Context) (*http.Request, error) {
		return d.authorized(ctx, http.MethodDelete, "/v1/sessions", user, nil)
	})
	if err != nil {
		return fmt.Errorf("end the session of %s: %w", user, err)
	}
	if _, err := d.claim(ctx, user, ""); err != nil {
		d.lost++
	}
	return ctx.Err()
}

// accepted is how many orders were, so far.
func (d *day) accepted() int {
	d.trading.mu.Lock()
	defer d.trading.mu.Unlock()
	return len(d.trading.accepted)
}

// running says how many of each kind are of which release.
func (d *day) running(ctx context.Context) string {
	counts := map[string]map[string]int{}
	count := func(kind, release string) {
		if counts[kind] == nil {
			counts[kind] = map[string]int{}
		}
		counts[kind][release]++
	}
	now := time.Now()
	for _, g := range d.programs() {
		count(g.kind, g.at(now))
	}
	tasks, _ := d.provider.List(ctx) // of this process: it does not fail but for an end
	for _, task := range tasks {
		count("worker", d.crew.of(task.Worker).release)
	}
	var said []string
	for _, kind := range slices.Sorted(maps.Keys(counts)) {
		said = append(said, fmt.Sprintf("%s %d+%d", kind, counts[kind][former], counts[kind][current]))
	}
	return strings.Join(said, ", ")
}

// mixtures counts orders by the releases of the API that accepted them, of the agent and of the worker that had them when
// they reached the exchange.
func (d *day) mixtures() map[string]int {
	if d.former == "" {
		return nil
	}
	arrived := map[string]paper.Seen{}
	for _, s := range d.exchange.Seen() {
		if _, known := arrived[s.ClientID]; s.Call == paper.Place && s.Effect && !known {
			arrived[s.ClientID] = s
		}
	}
	agents, apis := map[fleet.Host]*program{}, map[string]*program{}
	for i, g := range d.agents {
		agents[d.host(i)] = g
	}
	for i, address := range d.urls {
		if u, err := url.Parse(address); err == nil {
			apis[u.Host] = d.apis[i]
		}
	}
	counts := map[string]int{}
	for i := range d.trading.records {
		r := &d.trading.records[i]
		by, s := d.trading.by[r.ID], arrived[order.ClientID(r.ID, legsOf(r)[0])]
		worker := d.crew.of(s.Worker)
		api, agent := apis[by.from], agents[worker.host]
		if api == nil || agent == nil {
			continue // it never reached the exchange
		}
		counts[fmt.Sprintf("api %s, agent %s, worker %s", api.at(by.at), agent.at(s.At), worker.release)]++
	}
	return counts
}

// printRoll says what each moment of a roll and each mixture saw.
func (s summary) printRoll(w io.Writer) {
	if len(s.Steps) == 0 {
		return
	}
	fmt.Fprintf(w, "a roll in %d steps; programs of the release before + of this one:\n", len(s.Steps))
	for _, step := range s.Steps {
		fmt.Fprintf(w, "  %5.1f s %5d orders  %-28s %s\n", step.Seconds, step.Orders, step.What, step.Running)
	}
	for _, name := range slices.Sorted(maps.Keys(s.Mixtures)) {
		fmt.Fprintf(w, "  %6d orders by %s\n", s.Mixtures[name], name)
	}
}
