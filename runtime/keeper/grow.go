package keeper

import (
	"context"
	"fmt"
	"time"

	"workerfleet/runtime/claim"
	"workerfleet/runtime/pool"
)

// group is what rounds know of the number of hosts: it is handed on with the plan, so that one of them asks for all.
type group struct {
	// At is when the provider was last asked, with whatever success, and Desired what it said, or was told since.
	At      time.Time `json:"at,omitzero"`
	Desired int       `json:"desired,omitempty"`
	// Until is how long the hosts that have not joined count as coming.
	Until time.Time `json:"until,omitzero"`
}

// The provider is asked every fifteen seconds: others change the number too, as a calendar does. What was asked for has
// twice the time that a host takes.
const (
	groupPeriod = 15 * time.Second
	groupLimit  = 2 * time.Second
	hostsTake   = 2
)

// askGroup learns how many hosts the provider keeps. A number that has risen is that of hosts that are coming, whoever asked
// for them.
func (r *Refill) askGroup(ctx context.Context, now time.Time, g *group) error {
	if r.Group == nil || now.Sub(g.At) < groupPeriod {
		return nil
	}
	g.At = now
	ctx, cancel := context.WithTimeout(ctx, groupLimit)
	defer cancel()
	desired, err := r.Group.Desired(ctx, pool.Primary)
	if err != nil {
		return fmt.Errorf("ask for the number of hosts: %w", err)
	}
	g.set(desired, now, r.Policy)
	return nil
}

func (g *group) set(desired int, now time.Time, p pool.Policy) {
	if desired > g.Desired {
		g.Until = now.Add(hostsTake * p.HostLead)
	}
	g.Desired = desired
}

// primary is the group as a decision sees it. Who has none to ask for more desires as many hosts as have joined.
func (r *Refill) primary(stock claim.Stocktake, g group, earlier notes) pool.Group {
	joined := len(stock.Hosts)
	if r.Group == nil || g.Desired == 0 {
		return pool.Group{Desired: joined}
	}
	p := pool.Group{Desired: g.Desired, Refused: earlier.Hosts.refusal()}
	if coming := g.Desired - joined; coming > 0 {
		p.Coming = []pool.Reservation{{Count: coming, Deadline: g.Until}}
	}
	return p
}

// growth is what a decision asks of the group, noted in the plan before it is asked for: another round that decides
// meanwhile counts those hosts as coming. What is refused the provider's next answer takes back.
func (r *Refill) growth(now time.Time, g *group, actions []pool.Action) (grow *pool.ScaleHosts) {
	if r.Group == nil || g.Desired == 0 {
		return nil
	}
	for _, a := range actions {
		if scale, ok := a.(pool.ScaleHosts); ok && scale.Type == pool.Primary {
			grow = &scale
			g.set(scale.Hosts, now, r.Policy)
		}
	}
	return grow
}

// grow asks for the hosts, and notes what came of it.
func (r *Refill) grow(ctx context.Context, now time.Time, scale *pool.ScaleHosts, noted *notes) error {
	if scale == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, groupLimit)
	defer cancel()
	err := r.Group.Grow(ctx, scale.Type, scale.Hosts)
	noted.Hosts = noted.Hosts.after(err, now)
	if err != nil {
		return fmt.Errorf("ask for %d hosts: %w", scale.Hosts, err)
	}
	return nil
}
