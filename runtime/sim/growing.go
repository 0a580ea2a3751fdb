package sim

import (
	"context"
	"slices"
	"time"

	"workerfleet/runtime/pool"
)

var _ pool.HostGroup = provider{}

// reboot ends all that runs on a machine in one moment. It comes back under its name, with a clock that begins anew and with
// nothing on it; what the cluster says of its workers may come before that, after it, or never.
func (h *host) reboot() {
	h.say(string(h.name), "reboots")
	h.down = true
	if h.agent != nil {
		h.agent.kill()
	}
	for _, w := range slices.Clone(h.workers) {
		w.vanish()
		h.taskEnded(w.id)
	}
	h.after(h.between(3*time.Second, 60*time.Second), func() {
		h.down, h.boot = false, h.between(time.Second, 10*time.Second)-h.at
		h.startAgent()
	})
}

// Grow: see [pool.HostGroup]. Hosts come one after the other, each after a while.
func (p provider) Grow(_ context.Context, of pool.HostType, hosts int) error {
	return tell(p.from, &p.service, func() error {
		if of != pool.Primary {
			return pool.ErrNoCapacity
		}
		for ; p.desired < hosts; p.desired++ {
			p.after(p.between(20*time.Second, 90*time.Second), func() {
				h := p.newHost()
				h.say(string(h.name), "is new")
			})
		}
		return nil
	})
}

// Desired: see [pool.HostGroup].
func (p provider) Desired(_ context.Context, of pool.HostType) (int, error) {
	return ask(p.from, &p.service, func() (int, error) {
		if of != pool.Primary {
			return 0, nil
		}
		return p.desired, nil
	})
}
