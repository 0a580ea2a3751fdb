package sim

import (
	"slices"
	"time"
)

// reboot ends at once whatever runs on a host. It comes back under its name, perhaps before the leases of its workers have run
// out, with a clock that begins anew; what the cluster says of those workers it says after that, before or after the
// new agent is there.
func (h *host) reboot() {
	if h.down {
		return
	}
	h.say(string(h.name), "reboots")
	h.down = true
	if h.agent != nil {
		h.agent.kill()
	}
	if h.parking != nil {
		h.parking.kill()
	}
	back := h.between(time.Second, h.between(2*time.Second, 2*(h.terms.TTL+h.terms.Guard))) // mostly sooner than the leases run out
	for _, v := range slices.Clone(h.workers) {
		v.vanish()
		h.after(back+h.between(0, 5*time.Second), func() { h.taskEnded(v.id) })
	}
	h.after(back, func() {
		if h.lost {
			return
		}
		h.say(string(h.name), "is back")
		h.down = false
		h.boot -= time.Duration(h.instant())
		h.after(h.between(200*time.Millisecond, 5*time.Second), h.startAgent)
	})
}
