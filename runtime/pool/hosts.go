package pool

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"time"

	"workerfleet/runtime/fleet"
)

// idleSoon is how many idle workers the hosts must hold: now, or when a host asked for now would have joined. By then
// those who wait are served, and the buffer is wanted beside them.
func (d *decision) idleSoon() int {
	served := min(d.Waiting+d.Policy.Buffer, max(0, d.Policy.MaxWorkers-d.busy))
	return max(d.target.Idle+d.extra, served, d.aim(d.Now.Add(d.Policy.HostLead), d.tally).Idle)
}

// needed is how many usable hosts carry that many idle workers beside the busy ones. Every place takes any worker, so
// free places scattered over hosts count like those of an empty one. Busy workers on a draining host end there.
func (d *decision) needed(idle int) int {
	return max(d.Policy.MinHosts, ceilDiv(d.busyThere+idle, d.Policy.PerHost))
}

// growHosts asks for the hosts that are missing. Hosts that fell silent are missing though the provider still counts
// them, so the count may rise above what is needed until it has replaced them.
func (d *decision) growHosts() {
	d.keepHolding()
	idle := d.idleSoon()
	missing := d.needed(idle) - d.usable - d.coming
	if missing <= 0 {
		return
	}
	granted := min(missing, d.moreHosts())
	if granted > 0 {
		d.grow(granted, fmt.Sprintf("%d busy and %d idle need %s, %d here and %d coming",
			d.busyThere, idle, counted(d.needed(idle), "host"), d.usable, d.coming))
	}
	if granted < missing {
		d.do(Wait{ForHosts, missing - granted, time.Time{}, fmt.Sprintf("%d hosts are the most, %d asked for", d.Policy.MaxHosts, d.Primary.Desired+d.Fallback.Desired)})
	}
}

// grow asks for the primary type, or for the fallback while that cannot be had. A throttled call would be throttled for
// either, so it is waited for.
func (d *decision) grow(hosts int, reason string) {
	primary, fallback := d.Primary.Refused, d.Fallback.Refused
	refused := func(r Refusal) string { return fmt.Sprintf("%s, %s in a row", r.word(), counted(r.Times, "time")) }
	switch {
	case !primary.holds(d.Now):
		d.do(ScaleHosts{Primary, d.Primary.Desired + hosts, reason})
	case !d.Policy.Fallback || !errors.Is(primary.Err, ErrNoCapacity):
		d.do(Wait{ForHosts, hosts, primary.Until(), string(Primary) + ": " + refused(primary)})
	case !fallback.holds(d.Now):
		d.do(ScaleHosts{Fallback, d.Fallback.Desired + hosts, fmt.Sprintf("%s; %s: %s", reason, Primary, refused(primary))})
	default:
		until := primary.Until()
		if fallback.Until().Before(until) {
			until = fallback.Until()
		}
		d.do(Wait{ForHosts, hosts, until, fmt.Sprintf("%s: %s; %s: %s", Primary, refused(primary), Fallback, refused(fallback))})
	}
}

// keepHolding raises a count that somebody lowered below the hosts that hold workers, as far as the maximum allows.
func (d *decision) keepHolding() {
	for _, group := range []struct {
		of      HostType
		desired *int
	}{{Primary, &d.Primary.Desired}, {Fallback, &d.Fallback.Desired}} {
		holding := 0
		for _, h := range d.Hosts {
			if h.Type == group.of && !h.Leaving && h.workers() > 0 {
				holding++
			}
		}
		if n := min(holding-*group.desired, d.moreHosts()); n > 0 {
			d.do(ScaleHosts{group.of, *group.desired + n, fmt.Sprintf("%s of this type hold workers, %d are kept", counted(holding, "host"), *group.desired)})
			*group.desired += n
		}
	}
}

// moreHosts is how many hosts may be asked for.
func (d *decision) moreHosts() int {
	return max(0, d.Policy.MaxHosts-d.Primary.Desired-d.Fallback.Desired)
}

// removeHosts gives up empty hosts: drained ones always, others when the need has been lower for a whole window.
func (d *decision) removeHosts() {
	idle := max(d.idleSoon(), d.past.highest)
	// What is only coming takes no workers yet, so it does not make another host spare.
	spare := d.usable - d.needed(idle)
	above := d.Primary.Desired + d.Fallback.Desired - d.Policy.MinHosts
	var remove []fleet.Host
	waiting := 0
	for _, h := range d.emptyHosts() {
		switch {
		case len(remove) >= above:
		case h.Draining: // its successor is counted as missing before this, and asked for
			remove = append(remove, h.Name)
		case spare > 0 && d.past.known:
			remove = append(remove, h.Name)
			spare--
		case spare > 0:
			waiting++
			spare--
		}
	}
	if len(remove) > 0 {
		d.do(RemoveHosts{remove, fmt.Sprintf("empty; %d busy and the %d idle wanted within %v need %s",
			d.busyThere, idle, d.Policy.Window, counted(d.needed(idle), "host"))})
	}
	if waiting > 0 {
		d.do(Wait{ForEmpty, waiting, d.past.since.Add(d.Policy.Window), fmt.Sprintf("a surplus must last for %v", d.Policy.Window)})
	}
}

// emptyHosts lists the hosts without workers in the order in which they may go: drained ones, then the fallback type's,
// then from whichever zone has the most hosts left, so that the loss of one zone never takes all that remains.
func (d *decision) emptyHosts() []Host {
	inZone := map[string]int{}
	var empty, ordered []Host
	for _, h := range d.Hosts {
		if h.usable() {
			inZone[h.Zone]++
		}
		if !h.Leaving && h.workers() == 0 {
			empty = append(empty, h)
		}
	}
	order := func(h Host) int {
		switch {
		case h.Draining:
			return 0
		case h.Type == Fallback:
			return 1
		}
		return 2
	}
	for len(empty) > 0 {
		next := slices.MinFunc(empty, func(a, b Host) int {
			return cmp.Or(cmp.Compare(order(a), order(b)), cmp.Compare(inZone[b.Zone], inZone[a.Zone]), cmp.Compare(a.Name, b.Name))
		})
		inZone[next.Zone]--
		ordered = append(ordered, next)
		empty = slices.DeleteFunc(empty, func(h Host) bool { return h.Name == next.Name })
	}
	return ordered
}
