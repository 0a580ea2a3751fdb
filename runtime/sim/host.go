package sim

import (
	"fmt"
	"slices"
	"time"

	"workerfleet/runtime/agent"
	"workerfleet/runtime/fleet"
	"workerfleet/runtime/hostlink"
	"workerfleet/runtime/pool"
)

// host is one machine: an agent, workers, and the clock since its start that they share.
type host struct {
	*world
	name    fleet.Host
	boot    time.Duration // what the clock showed when time began
	drift   float64       // by which it goes too fast
	step    time.Duration // by which its wall clock is off
	agent   *warden
	workers []*worked
	lost    bool
	down    bool           // it reboots
	parking *process       // what is left of an agent that was stopped
	state   pool.HostState // as the provider sees it
}

// warden is one agent's process.
type warden struct {
	*process
	stepper *agent.Stepper
	lines   []*wire
}

// hop is the way of a word over the host's socket.
const hop = 50 * time.Microsecond

func (w *world) newHost() *host {
	w.hostsMade++
	h := &host{
		world: w, name: fleet.Host(fmt.Sprintf("h%d", w.hostsMade)), boot: w.between(time.Hour, 1000*time.Hour),
		drift: (w.random.Float64() - 0.5) * w.faults.drift,
	}
	w.hosts = append(w.hosts, h)
	h.startAgent()
	return h
}

// instant is the host's clock since its start.
func (h *host) instant() hostlink.Instant {
	return hostlink.Instant(h.boot + h.at + time.Duration(float64(h.at)*h.drift))
}

// run begins a process on the host, whose wall clock it reads.
func (h *host) run(name string) *process {
	p := h.process(name)
	p.skew += h.step
	return p
}

// setClock steps the host's wall clock, for all who read it; the one since its start goes on.
func (h *host) setClock(by time.Duration) {
	h.say(string(h.name), "the wall clock is set %s ahead", by)
	h.step += by
	if h.agent != nil {
		h.agent.skew += by
	}
	for _, v := range h.workers {
		v.skew += by
	}
}

// startAgent begins an agent after the one before it has ended.
func (h *host) startAgent() {
	if h.lost || h.down || h.stopped || h.agent != nil && !h.agent.dead {
		return
	}
	a := &warden{process: h.run(string(h.name))}
	h.agent = a
	stepper, err := agent.NewStepper(a.ctx, agent.Config{
		Host: h.name, Store: client{h.index, a.process}, Post: post{h.mail, a.process}, Terms: h.terms, Beat: h.beat, Parked: h.parked,
	}, agent.Steps{
		Spawn: a.spawn, Now: a.wall, Instant: h.instant, Stepped: a.flush,
		Pause: func(failures int) bool {
			longest := min(time.Second, 20*time.Millisecond<<min(failures, 10))
			return a.sleep(h.between(longest/2, longest*3/2))
		},
	})
	if err != nil {
		h.fail("an agent: %w", err)
		return
	}
	a.stepper = stepper
	stepper.Start()
	a.later(h.between(0, h.beat), func() { h.tick(a) })
}

func (h *host) tick(a *warden) {
	a.stepper.Tick()
	a.flush()
	a.later(h.beat, func() { h.tick(a) })
}

// wire is one connection between a worker and its agent.
type wire struct {
	agent  *warden
	worker *worked
	life   fleet.Life
	line   *agent.Line
	closed bool
	ending bool
}

// flush carries what the agent has said to its workers.
func (a *warden) flush() {
	for _, w := range a.lines {
		for _, m := range w.line.Take() {
			w.worker.later(hop, func() {
				if !w.closed && w.worker.life == w.life {
					w.worker.hear(m)
				}
			})
		}
	}
}

// Send: see [worker.Line].
func (w *wire) Send(m hostlink.Message) error {
	if w.ending || w.agent.dead {
		return errRefused
	}
	w.agent.later(hop, func() {
		if !w.closed {
			w.line.Say(m)
		}
	})
	return nil
}

// Close ends the connection for both.
func (w *wire) Close() error {
	if w.ending {
		return nil
	}
	w.ending = true
	w.agent.later(2*hop, func() {
		w.line.Closed()
		w.agent.lines = slices.DeleteFunc(w.agent.lines, func(o *wire) bool { return o == w })
	})
	w.worker.later(2*hop, func() { w.worker.disconnected(w) })
	w.after(hop, func() { w.closed = true })
	return nil
}

func (w *wire) after(d time.Duration, do func()) { w.worker.after(d, do) }

// connect takes a worker's call; nil: nobody listens.
func (h *host) connect(worker *worked) *wire {
	a := h.agent
	if a == nil || a.dead {
		return nil
	}
	w := &wire{agent: a, worker: worker, life: worker.life}
	w.line = a.stepper.Connect(worker.pid, func() { _ = w.Close() })
	a.lines = append(a.lines, w)
	return w
}

// stopAgent ends an agent: politely it parks its workers first. Another one comes after a while.
func (h *host) stopAgent(polite bool, again time.Duration) {
	a := h.agent
	if a == nil || a.dead {
		return
	}
	gone := func() {
		if a.dead {
			return
		}
		h.say(string(h.name), "the agent ends")
		a.kill()
		for _, w := range a.lines {
			_ = w.Close()
		}
		h.after(again, h.startAgent)
	}
	if !polite {
		gone()
		return
	}
	h.say(string(h.name), "the agent is stopped")
	successor := h.run(string(h.name) + " parking") // the roster is read; nothing of the agent calls any more
	h.parking = successor
	parking := a.stepper
	names := parking.Workers()
	a.kill()
	for _, w := range a.lines {
		_ = w.Close()
	}
	successor.spawn(func() {
		for range 5 {
			if (client{h.index, successor}).Park(successor.ctx, h.name, names, h.parked) == nil {
				break
			}
			successor.sleep(200 * time.Millisecond)
		}
		successor.after(0, successor.kill)
	})
	h.after(again, h.startAgent)
}

// lose takes a machine away, and nobody on it says a word.
func (h *host) lose() {
	h.say(string(h.name), "the host is lost")
	h.lost = true
	if h.agent != nil {
		h.agent.kill()
	}
	for _, w := range slices.Clone(h.workers) {
		w.vanish()
		h.taskEnded(w.id)
	}
	h.world.hosts = slices.DeleteFunc(h.world.hosts, func(o *host) bool { return o == h })
	h.cloud.replenish(5*time.Second, 20*time.Second)
}
