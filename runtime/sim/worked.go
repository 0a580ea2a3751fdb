package sim

import (
	"context"
	"fmt"
	"net"
	"slices"
	"time"

	"workerfleet/runtime/fleet"
	"workerfleet/runtime/hostlink"
	"workerfleet/runtime/worker"
)

// worked is one worker's process, which has one life after another.
type worked struct {
	*process
	host    *host
	id      fleet.Worker
	pid     int
	life    fleet.Life
	stepper *worker.Stepper
	wire    *wire
	// hung are the calls that end with the life; woken numbers the wake-ups, of which the last one counts.
	hung    []func()
	woken   int
	leaving bool
	stopped bool
}

// Bounds of a worker's end: of the reset, and of the grace that a stopped task has.
const (
	resetLimit = 4 * time.Second
	stopGrace  = 10 * time.Second
)

func (h *host) startWorker(id fleet.Worker) {
	if h.lost {
		return
	}
	if h.down { // the launch goes on when the host is back
		h.after(time.Second, func() { h.startWorker(id) })
		return
	}
	h.pids++
	w := &worked{process: h.run(string(id)), host: h, id: id, pid: h.pids}
	h.workers = append(h.workers, w)
	w.begin()
	w.later(h.between(0, h.beat), w.beats)
}

// begin is the beginning of a life.
func (w *worked) begin() {
	w.life++
	w.leaving, w.hung = false, nil
	stepper, err := worker.NewStepper(worker.Config{
		Self: worker.Self{Worker: w.id, Life: w.life, Revision: 1}, Beat: w.host.beat, Trust: w.host.terms.TTL - w.host.terms.Guard,
		Dial:   func(context.Context) (net.Conn, error) { return nil, errRefused },
		Broker: broker{exchange: w.host.exchange, from: w.process, hung: &w.hung}, Now: w.host.instant,
	}, worker.Steps{Spawn: w.spawn, Wall: w.wall, Stepped: w.stepped})
	if err != nil {
		w.fail("a worker: %w", err)
		return
	}
	w.stepper = stepper
	w.dial(0)
}

func (w *worked) beats() {
	w.stepper.Beat()
	w.later(w.host.beat, w.beats)
}

// dial calls the agent until it answers.
func (w *worked) dial(failures int) {
	life := w.life
	wait := min(time.Second, 10*time.Millisecond<<min(failures, 10))
	w.later(w.between(wait/2, wait*3/2), func() {
		if w.life != life || w.wire != nil {
			return
		}
		wire := w.host.connect(w)
		if wire == nil {
			w.dial(failures + 1)
			return
		}
		w.wire = wire
		w.stepper.Connect(wire)
	})
}

func (w *worked) disconnected(from *wire) {
	if w.wire != from {
		return
	}
	w.wire = nil
	w.stepper.Disconnect(from)
	w.dial(0)
}

func (w *worked) hear(m hostlink.Message) {
	if m.Kind != hostlink.BeatOk {
		w.say(w.name, "hears %s %s", m.Kind, w.short(m.Epoch))
	}
	w.stepper.Take(worker.Heard{Message: m})
}

// stepped looks at what a step left: another moment to wake at, or the end of the life.
func (w *worked) stepped() {
	if w.stepper == nil {
		return
	}
	if w.stepper.Ended() != nil {
		w.reset()
		return
	}
	w.woken++
	this, life := w.woken, w.life
	if at, ok := w.stepper.Wake(); ok {
		w.later(max(time.Microsecond, at.Sub(w.host.instant())), func() {
			if w.woken == this && w.life == life {
				w.stepper.Take(worker.Due{})
			}
		})
	}
}

// reset ends the life: no call under way, logged out, and then the next one, or the process's end.
func (w *worked) reset() {
	life := w.life
	if !w.leaving {
		w.leaving = true
		w.say(w.name, "life %d ends: %s", w.life, w.stepper.Ended().Reason)
		for _, hang := range w.hung {
			hang()
		}
		w.later(resetLimit, func() {
			if w.life == life {
				w.say(w.name, "does not reset in time")
				w.die()
			}
		})
	}
	if w.stepper.Calling() > 0 || w.stopped {
		return
	}
	w.stopped = true // the logout is under way
	w.spawn(func() {
		if account := w.stepper.Account(); account != nil {
			if a, ours := account.(accountOf); ours {
				a.hang()
			}
			_ = account.Logout(w.ctx)
		}
		w.later(w.between(time.Millisecond, 30*time.Millisecond), func() {
			w.stopped = false
			if w.life != life {
				return
			}
			if w.wire != nil {
				old := w.wire
				w.wire = nil
				_ = old.Close()
			}
			if w.stepper.Ended().Stop {
				w.die()
				return
			}
			w.begin()
		})
	})
}

// accountOf is an account whose news can be ended.
type accountOf interface{ hang() }

func (a account) hang() {
	if a.feed.wake != nil {
		a.feed.wake()
	}
}

// vanish ends the process, and nobody is told.
func (w *worked) vanish() {
	if w.dead {
		return
	}
	w.stepper.HangUp()
	w.kill()
	w.host.workers = slices.DeleteFunc(w.host.workers, func(o *worked) bool { return o == w })
	if w.wire != nil {
		_ = w.wire.Close()
	}
}

// die ends the process; the agent's pidfd tells it.
func (w *worked) die() {
	if w.dead {
		return
	}
	w.say(w.name, "ends")
	w.vanish()
	agent := w.host.agent
	if agent != nil && !agent.dead {
		agent.later(w.between(hop, time.Millisecond), func() { agent.stepper.Ended(w.pid) })
	}
	w.host.taskEnded(w.id)
}

// stop asks the process to end, and ends it after a while.
func (w *worked) stop() {
	w.later(0, func() { w.stepper.Take(worker.Stopped{}) })
	w.after(stopGrace, w.die)
}

// active says for which user the worker may call the exchange now.
func (w *worked) active() (fleet.User, fleet.Epoch, bool) {
	user, epoch, _ := w.stepper.Session()
	return user, epoch, !w.dead && w.stepper.MayCall()
}

func (w *worked) String() string {
	user, epoch, state := w.stepper.Session()
	return fmt.Sprintf("%s life %d %s %s %s", w.id, w.life, state, user, w.short(epoch))
}
