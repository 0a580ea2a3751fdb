package pool

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"time"
)

// retire ends the idle workers of draining hosts: nobody gets them, so none is needed, and the host is empty the sooner.
// Launches come before it, because users wait for those.
func (d *decision) retire() {
	if errors.Is(d.Launches.Err, ErrThrottled) && d.Launches.holds(d.Now) {
		return // the launches say so
	}
	for _, h := range d.byName() {
		for _, w := range h.Workers {
			if n := min(w.Idle, d.Tokens-d.calls); h.Draining && n > 0 {
				d.do(Stop{h.Name, w.Image, n, "the host is draining"})
				d.calls += n
			}
		}
	}
}

// byName orders the hosts, so that a decision does not depend on the order in which they were counted.
func (d *decision) byName() []Host {
	return slices.SortedFunc(slices.Values(d.Hosts), func(a, b Host) int { return cmp.Compare(a.Name, b.Name) })
}

// stop ends idle workers beyond the target: replaced ones at once, others slowly and only when the surplus has lasted.
func (d *decision) stop() {
	// Only what is idle now counts: a worker that is coming or resetting may fail. And a target that was higher within
	// the window may be so again.
	keep := max(d.target.Idle, d.past.highest)
	surplus := d.idle - keep
	if surplus <= 0 {
		return
	}
	wait := func(count int, until time.Time, why string) {
		if count > 0 {
			d.do(Wait{ForStops, count, until, why})
		}
	}
	if errors.Is(d.Launches.Err, ErrThrottled) && d.Launches.holds(d.Now) {
		wait(surplus, d.Launches.Until(), "stops share the bucket that is throttled")
		return
	}
	if !d.past.known {
		wait(surplus, d.past.since.Add(d.Policy.Window), fmt.Sprintf("a surplus must last for %v", d.Policy.Window))
		return
	}
	replaced, others := d.allowance(surplus)
	allowed := replaced + others
	granted := min(allowed, max(0, d.Tokens-d.calls))
	reason := fmt.Sprintf("%d idle, %d wanted within %v; %d stopped in it", d.idle, keep, d.Policy.Window, d.past.stopped)
	d.stopEmptiest(granted, reason)
	wait(allowed-granted, time.Time{}, fmt.Sprintf("%s left in the bucket", counted(max(0, d.Tokens-d.calls), "call")))
	wait(surplus-allowed, time.Time{}, fmt.Sprintf("a tenth at a time, %d stopped within %v", d.past.stopped, d.Policy.Window))
}

// allowance is how much of the surplus may go: within a window a tenth of what it was, and of outdated workers at least
// a tenth of the target, because each of those has an idle successor.
func (d *decision) allowance(surplus int) (replaced, others int) {
	share := ceilDiv(surplus+d.past.stopped, stepShare)
	replaced = min(surplus, d.outdated, max(0, max(share, d.step())-d.past.stopped))
	others = min(surplus-replaced, max(0, share-d.past.stopped-replaced))
	return replaced, others
}

// stopEmptiest takes idle workers by their image's rank, then from the host with the fewest
// workers that cannot be stopped: it is the next one to be empty.
func (d *decision) stopEmptiest(count int, reason string) {
	for _, c := range d.candidates() {
		if count <= 0 {
			return
		}
		n := min(count, c.idle)
		d.do(Stop{c.host.Name, c.image, n, reason})
		count -= n
		d.calls += n
	}
}

// idlers are the idle workers of one image on one host.
type idlers struct {
	host  Host
	image int64
	idle  int
	// rank is the image's, pinned counts the workers of the host that cannot be stopped, together all of them.
	rank, pinned, together int
	// turn is lower the more hosts of the zone hold workers: the zones empty evenly, so that the loss of one never takes
	// all that remains.
	turn int
}

// emptier orders by everything but the name.
func (a idlers) emptier(b idlers) int {
	return cmp.Or(cmp.Compare(a.rank, b.rank), cmp.Compare(a.pinned, b.pinned), cmp.Compare(a.together, b.together),
		cmp.Compare(a.turn, b.turn))
}

// candidates orders all idle workers, the first to go first.
func (d *decision) candidates() []idlers {
	var all []idlers
	holding := map[string]int{} // hosts with workers, by zone
	for _, h := range d.Hosts {
		if h.workers() > 0 {
			holding[h.Zone]++
		}
		pinned := 0
		for _, w := range h.Workers {
			pinned += w.Busy + w.Resetting
		}
		for _, w := range h.Workers {
			if w.Idle > 0 && !h.Draining {
				all = append(all, idlers{h, w.Image, w.Idle, d.Rollout.retireRank(w.Image), pinned, h.workers(), 0})
			}
		}
	}
	slices.SortFunc(all, func(a, b idlers) int {
		return cmp.Or(a.emptier(b), cmp.Compare(a.host.Name, b.host.Name), cmp.Compare(a.image, b.image))
	})
	// In the order so far, each host lets its zone have one fewer.
	for i := range all {
		c := &all[i]
		c.turn = -holding[c.host.Zone]
		holding[c.host.Zone]--
	}
	slices.SortStableFunc(all, idlers.emptier)
	return all
}
