package sim

import (
	"context"
	"fmt"
	"time"

	"workerfleet/runtime/dispatch"
	"workerfleet/runtime/keeper"
	"workerfleet/runtime/order"
	"workerfleet/runtime/pool"
	"workerfleet/runtime/session"
	"workerfleet/runtime/signals"
)

// inline runs what a process would run beside itself: its calls are what others come between.
func inline(run func()) { run() }

// desk is what a process needs that brings users to workers and orders on their way.
type desk struct {
	*process
	sessions   *session.Sessions
	dispatcher *dispatch.Dispatcher
}

func (w *world) newDesk(p *process) *desk {
	d := &desk{process: p}
	d.sessions = session.New(session.Config{
		Claims: client{w.index, p}, Directory: client{w.index, p}, Authority: row{w.database, p}, Vault: vault{w.database, p}, Mailbox: post{w.mail, p},
		Terms: w.terms, BeginAt: book{w.database, p}.BeginAt, Go: inline,
	})
	d.dispatcher = dispatch.New(dispatch.Config{
		Ledger: order.New(book{w.database, p}, w.rules), Sessions: d.sessions, Mailbox: post{w.mail, p}, Inbox: post{w.mail, p},
		Board: post{w.mail, p}, Switches: book{w.database, p}, Refusals: book{w.database, p}, Go: inline,
	})
	return d
}

// kept is one keeper's process.
type kept struct {
	*desk
	rounds *keeper.Keeper
	refill *keeper.Refill
}

// startKeeper begins one, with its rounds.
func (w *world) startKeeper(name string) *kept {
	p := w.process(name)
	k := &kept{desk: w.newDesk(p)}
	w.incarnations++
	made := 0
	key := func() string { made++; return fmt.Sprintf("%s-%d-%d", name, w.incarnations, made) }
	store := client{w.index, p}
	var err error
	k.rounds = keeper.New(keeper.Config{
		Store: store, Sessions: k.sessions, Authority: row{w.database, p}, Recorder: signals.Discard{}, Terms: w.terms,
		Incarnation: key, Period: w.keeps, Go: inline,
	})
	var group pool.HostGroup
	if w.policy.MinHosts < w.policy.MaxHosts {
		group = provider{w.cloud, p}
	}
	k.refill, err = keeper.NewRefill(keeper.RefillConfig{
		Group:    group,
		Launches: store, Arrivals: store, Provider: provider{w.cloud, p}, Policy: w.policy, Rollout: pool.Rollout{Image: 1},
		Terms: w.terms, Key: key, Recorder: signals.Discard{}, Go: inline,
	})
	if err != nil {
		w.fail("a refill: %w", err)
		return k
	}
	hosts := keeper.NewHosts(keeper.HostsConfig{Store: store, Keeper: provider{w.cloud, p}, Terms: w.terms})
	ends := keeper.NewEnds(keeper.EndsConfig{Presence: row{w.database, p}, Sessions: k.sessions})
	w.every(p, w.keeps, func(ctx context.Context) error { _, err := k.rounds.Pass(ctx); return err })
	w.every(p, w.fills, func(ctx context.Context) error { _, err := hosts.Pass(ctx); return err })
	w.every(p, ends.Period, func(ctx context.Context) error { _, err := ends.Pass(ctx); return err })
	w.every(p, w.fills, func(ctx context.Context) error { _, err := k.refill.Pass(ctx); return err })
	w.every(p, w.keeps, func(ctx context.Context) error { _, err := k.dispatcher.Attend(ctx); return err })
	w.every(p, 10*time.Millisecond, func(ctx context.Context) error {
		r, err := k.dispatcher.Collect(ctx)
		if len(r.Strays) > 0 && !w.forgot {
			w.fail("the ledger does not have the order of an outcome: %v", r.Strays)
		}
		return err
	})
	return k
}

// every makes rounds in a process until it ends. A round that failed is made again in its time.
func (w *world) every(p *process, period time.Duration, round func(context.Context) error) {
	p.spawn(func() {
		for !p.dead {
			if err := round(p.ctx); err != nil && !p.dead {
				p.say(p.name, "a round failed: %s", first(err))
			}
			if !p.sleep(p.between(period/2, period*3/2)) {
				return
			}
		}
	})
}

// first is the first line of an error: joined ones are many.
func first(err error) string {
	text := err.Error()
	for i, c := range text {
		if c == '\n' {
			return text[:i]
		}
	}
	return text
}
