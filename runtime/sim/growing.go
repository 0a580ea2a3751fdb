package sim

import (
	"context"
	"time"

	"workerfleet/runtime/pool"
)

// hostGroup is the number of hosts that the provider keeps.
type hostGroup struct {
	desired, coming int
	short           bool // a launch found no room since the group was scaled
}

var _ pool.HostGroup = provider{}

// Desired: see [pool.HostGroup].
func (p provider) Desired(context.Context, pool.HostType) (int, error) {
	return ask(p.from, &p.service, func() (int, error) { return p.desired, nil })
}

// Grow: see [pool.HostGroup].
func (p provider) Grow(_ context.Context, _ pool.HostType, hosts int) error {
	return tell(p.from, &p.service, func() error {
		if p.chance(p.faults.throttled) {
			return pool.ErrThrottled
		}
		p.from.say(p.from.name, "%d hosts are asked for, of %d", hosts, p.desired)
		p.raise(hosts)
		return nil
	})
}

// raise keeps more hosts from now on. It takes tens of seconds until one is there.
func (c *cloud) raise(hosts int) {
	c.desired = max(c.desired, min(hosts, c.policy.MaxHosts))
	c.replenish(10*time.Second, 50*time.Second)
}

// replenish brings the hosts that are missing.
func (c *cloud) replenish(soonest, latest time.Duration) {
	for len(c.hosts)+c.coming < c.desired {
		c.coming++
		c.after(c.between(soonest, latest), func() {
			c.coming--
			h := c.newHost()
			h.say(string(h.name), "is new")
		})
	}
}

// scale is what the provider does to the group by itself: it adds a host or two where launches found no room, and gives up
// the emptiest one where the others have places for all.
func (c *cloud) scale() {
	if c.short {
		c.short = false
		c.raise(c.desired + 1 + c.random.IntN(2))
		return
	}
	var emptiest *host
	spare := -c.perHost
	for _, h := range c.hosts {
		spare += c.free(h)
		if !h.state.Ending && (emptiest == nil || c.free(h) > c.free(emptiest)) {
			emptiest = h
		}
	}
	if spare >= 0 && emptiest != nil && len(c.hosts) > c.policy.MinHosts {
		c.desired = max(c.policy.MinHosts, len(c.hosts)-1)
		emptiest.giveUp(false)
	}
}
