package sim

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"workerfleet/runtime/claim"
	"workerfleet/runtime/control"
	"workerfleet/runtime/fleet"
	"workerfleet/runtime/queue"
	"workerfleet/runtime/session"
	"workerfleet/runtime/signals"
)

// functions are the queues and what handles their messages, each in a process of its own: what the cluster saw, what people
// ask for, and bindings that were handed on because the one function may not open credentials and the other one may.
type functions struct {
	*world
	groups map[string]*group
	// seen are the messages that a queue takes for repetitions, and sent counts all.
	seen map[string]bool
	sent int
}

// group is what comes in order: the next message is handed out when the one before is done.
type group struct {
	name  queue.Name
	queue []*queue.Message
}

// Times of a queue: how long a message is hidden whose handler has died, when it comes again after an error, and how often.
const (
	hidden   = 30 * time.Second
	again    = 5 * time.Second
	receives = 5
)

// ask sends a message. A queue takes what it has seen for a repetition.
func (f *functions) ask(name queue.Name, t queue.Task) {
	f.sent++
	t.ID, t.At = fmt.Sprint("m", f.sent), f.now()
	out, err := t.Outgoing(name)
	if err != nil {
		f.fail("a message of %s: %w", name, err)
		return
	}
	if f.seen[string(name)+" "+out.DedupID] {
		return
	}
	f.seen[string(name)+" "+out.DedupID] = true
	way := f.between(20*time.Millisecond, time.Second)
	if f.chance(f.faults.delays) {
		way += f.between(0, 3*(f.terms.TTL+f.terms.Guard))
	}
	f.after(way, func() {
		key := string(name) + " " + out.Group
		g := f.groups[key]
		if g == nil {
			g = &group{name: name}
			f.groups[key] = g
		}
		g.queue = append(g.queue, &queue.Message{ID: t.ID, Group: out.Group, Body: out.Body})
		if len(g.queue) == 1 {
			f.handle(g)
		}
	})
}

// handle has a process do what the group's first message asks for, until it is done or has failed too often.
func (f *functions) handle(g *group) {
	if f.stopped { // the functions are, and what waits is handed out later
		f.after(again, func() { f.handle(g) })
		return
	}
	m := g.queue[0]
	m.Receives++
	p := f.process(string(g.name))
	handler := f.handler(p, g.name)
	over := false
	done := func(after time.Duration, settled bool) {
		if over {
			return
		}
		over = true
		f.after(after, func() {
			if settled || m.Receives == receives {
				g.queue = g.queue[1:]
			}
			if len(g.queue) > 0 {
				f.handle(g)
			}
		})
	}
	if f.chance(f.faults.keepers / 20) { // it dies in the middle
		f.after(f.between(0, 200*time.Millisecond), p.kill)
	}
	f.after(hidden, func() { p.kill(); done(0, false) })
	p.spawn(func() {
		err := handler(p.ctx, *m)
		if p.dead {
			return
		}
		var later *queue.Later
		switch {
		case errors.As(err, &later):
			m.Receives-- // it is put off, and has not failed
			done(later.After, false)
		case err != nil:
			f.say(p.name, "a message failed: %s", first(err))
			done(again, false)
		default:
			done(0, !f.chance(f.faults.repeats))
		}
		f.after(0, p.kill)
	})
}

func (f *functions) handler(p *process, name queue.Name) queue.Handler {
	d := f.newDesk(p)
	c := control.New(control.Config{
		Store: client{f.index, p}, Sessions: d.sessions, Authority: row{f.database, p}, Witness: f.cloud, Recorder: signals.Discard{}, Terms: f.terms,
	})
	if name == queue.PoolClaim {
		return func(ctx context.Context, m queue.Message) error {
			if task, err := queue.Parse(name, m.Body); err == nil && task.Epoch != 0 {
				d.sessions.Authority = woken{row{f.database, p}, task.Epoch}
			}
			return c.PoolClaim(ctx, m)
		}
	}
	d.sessions.Vault = nil
	d.sessions.HandOn = func(_ context.Context, b claim.Binding) error {
		f.ask(queue.PoolClaim, queue.Task{Type: queue.Wake, User: b.User, Epoch: b.Epoch})
		return nil
	}
	return c.WorkerControl
}

// woken is the authority as it is asked because of a wake, which may finish the session that it is about, and begin no other.
type woken struct {
	row
	about fleet.Epoch
}

func (w woken) Begin(ctx context.Context, s session.Session, wait time.Duration) error {
	if s.Epoch != w.about {
		w.fail("a wake about %s begins a session of %s under %s", w.short(w.about), s.User, w.short(s.Epoch))
	}
	return w.row.Begin(ctx, s, wait)
}

// Ended: see [control.Witness].
func (c *cloud) Ended(_ context.Context, host fleet.Host) ([]fleet.Worker, error) {
	return slices.Clone(c.ended[host]), nil
}

// witness has the cluster say that a worker's process has ended, if this history has somebody who listens.
func (c *cloud) witness(host fleet.Host, id fleet.Worker) {
	c.ended[host] = append(c.ended[host], id)
	if c.chance(c.faults.witness) {
		c.after(c.between(100*time.Millisecond, 20*time.Second), func() {
			c.functions.ask(queue.WorkerControl, queue.Task{Type: queue.TaskStopped, Worker: id, Status: "STOPPED"})
		})
	}
}

// report has it said that a host is lost, whether it is or not.
func (c *cloud) report(host fleet.Host) {
	c.after(c.between(0, 10*time.Second), func() {
		c.functions.ask(queue.WorkerControl, queue.Task{Type: queue.HostLost, Host: host, Status: "DRAINING"})
	})
}

// waiting says how many messages are not done.
func (f *functions) waiting() (n int) {
	for _, g := range f.groups {
		n += len(g.queue)
	}
	return n
}

// restart asks for another worker in place of the one that the user has, as an operator does.
func (u *user) restart() {
	if row := u.database.acting(u.name); u.wants && row.Epoch != 0 {
		u.say(string(u.name), "is to be restarted, %s", u.short(row.Epoch))
		u.functions.ask(queue.WorkerControl, queue.Task{Type: queue.Restart, User: u.name, Epoch: row.Epoch})
	}
}
