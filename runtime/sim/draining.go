package sim

import (
	"context"
	"time"

	"workerfleet/runtime/claim"
	"workerfleet/runtime/fleet"
	"workerfleet/runtime/pool"
)

// States: see [pool.HostKeeper].
func (p provider) States(context.Context) ([]pool.HostState, error) {
	return ask(p.from, &p.service, func() ([]pool.HostState, error) {
		var all []pool.HostState
		for _, h := range p.hosts {
			state := h.state
			state.Host = h.name
			all = append(all, state)
		}
		return all, nil
	})
}

// Shut: see [pool.HostKeeper].
func (p provider) Shut(_ context.Context, host fleet.Host, shut bool) error {
	return tell(p.from, &p.service, func() error {
		for _, h := range p.hosts {
			if h.name == host {
				h.state.Shut = shut
			}
		}
		return nil
	})
}

// giveUp has the provider end a host: its workers are asked to end after a while, and it is gone when they are; or the
// provider thinks better of it.
func (h *host) giveUp(again bool) {
	h.say(string(h.name), "is given up")
	h.state.Ending = true
	h.after(h.between(time.Second, 30*time.Second), func() {
		switch {
		case h.lost || !h.state.Ending:
			return
		case again:
			h.say(string(h.name), "stays")
			h.state.Ending = false
			return
		}
		for _, v := range h.workers {
			v.stop()
		}
		h.after(stopGrace+h.between(0, time.Second), func() {
			switch {
			case h.lost:
			case len(h.hosts) == 1: // others were lost meanwhile
				h.state.Ending = false
			default:
				h.lose()
			}
		})
	})
}

// takeOut has an operator take a host out of service for a while. A failover may lose that it is back, so it is said again.
func (h *host) takeOut() {
	p := h.process("operator")
	c := client{h.index, p}
	until := func(call func() error) {
		for call() != nil && p.sleep(time.Second) {
		}
	}
	back := func() error { _, err := c.Undrain(p.ctx, h.name, "", h.terms); return err }
	p.spawn(func() {
		until(func() error { _, err := c.Drain(p.ctx, h.name, claim.ByOperator); return err })
		p.sleep(h.between(10*time.Second, 60*time.Second))
		until(back)
		p.sleep(h.stormy - h.at)
		until(back)
		h.after(0, p.kill)
	})
}

// age has the host be one that others of its kind are newer than, until it is over with faults.
func (h *host) age() {
	h.say(string(h.name), "is outdated")
	h.state.Outdated = true
}
