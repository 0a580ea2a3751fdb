package pool

import (
	"fmt"
	"time"
)

// limit is one bound on this decision's launches.
type limit struct {
	most int
	why  string
}

// launch asks for the missing stock, as far as every limit allows.
func (d *decision) launch() {
	// What is coming counts as stock: this is why two passes that see one deficit launch once.
	missing := d.target.Idle + d.extra - d.stock()
	if missing <= 0 {
		return
	}
	if d.Launches.holds(d.Now) {
		d.do(Wait{ForLaunches, missing, d.Launches.Until(), fmt.Sprintf("%s, %s in a row", d.Launches.word(), counted(d.Launches.Times, "time"))})
		return
	}
	granted, why := d.grant(missing)
	reason := fmt.Sprintf("%d idle, %d resetting, %d coming of %d (%s)", d.idle, d.resetting, d.launching, d.target.Idle, d.target.Reason)
	if d.extra > 0 {
		reason += fmt.Sprintf(" and %d to replace others", d.extra)
	}
	d.batches(granted, reason)
	if granted < missing {
		d.do(Wait{ForLaunches, missing - granted, time.Time{}, why})
	}
}

// grant is how many of the missing workers may be launched now, and what keeps the rest.
func (d *decision) grant(missing int) (granted int, why string) {
	p := d.Policy
	limits := []limit{
		{p.MaxWorkers - d.busy - d.stock() - d.withheld, fmt.Sprintf("%d workers are the most", p.MaxWorkers)},
		// Hosts come first: what has no place only fills the provisioning limit, for everyone.
		{d.room, fmt.Sprintf("room for %d on %s, %d more coming", d.room, counted(d.usable, "host"), d.coming)},
		{ProvisioningLimit - d.Provisioning, fmt.Sprintf("%d without a place, %d are the most", d.Provisioning, ProvisioningLimit)},
		{d.Tokens * BatchLimit, counted(d.Tokens, "call") + " in the bucket"},
	}
	if d.Launches.Times > 0 {
		limits = append(limits, limit{d.launchCalls() * BatchLimit, d.Launches.word() + " last time, one call tries again"})
	}
	granted = missing
	for _, l := range limits {
		if l.most < granted {
			granted, why = max(0, l.most), l.why
		}
	}
	return granted, why
}

// launchCalls is how many calls the launches may take: after a refusal, one finds out whether it is over.
func (d *decision) launchCalls() int {
	if d.Launches.Times > 0 {
		return min(d.Tokens, 1)
	}
	return d.Tokens
}

// batches divides the launches into calls, canaries first. Every count that fits into the bucket's calls is launched in
// full: where canaries would take a call that is not there, only their whole tens go now.
func (d *decision) batches(count int, reason string) {
	canaries := min(count, d.missingCanaries())
	if ceilDiv(canaries, BatchLimit)+ceilDiv(count-canaries, BatchLimit) > d.launchCalls() {
		canaries -= canaries % BatchLimit
	}
	d.series(Launch{canaries, d.Rollout.Image, true, reason})
	d.series(Launch{count - canaries, d.Rollout.base(), false, reason})
}

// series adds a launch of any count as calls of at most [BatchLimit].
func (d *decision) series(whole Launch) {
	for left := whole.Count; left > 0; left -= BatchLimit {
		whole.Count = min(left, BatchLimit)
		d.do(whole)
		d.calls++
	}
}
