package pool

// tally is a snapshot, added up.
type tally struct {
	idle, resetting, busy, launching int
	// withheld counts the idle and resetting workers on draining hosts: nobody gets them, so they are no stock.
	withheld int
	// outdated counts the idle workers that should be replaced: those of an outdated image.
	outdated int
	// canaries counts the workers of the rollout's image, launching ones included; canariesBusy those that are busy.
	canaries, canariesBusy int
	// usable counts the hosts that take workers, busyThere the busy workers on them, and room their free places: what
	// is launching takes one each.
	usable, busyThere, room int
	// coming counts the hosts that were asked for and have not joined.
	coming int
}

// add adds up a snapshot whose policy is complete.
func add(s Snapshot) tally {
	var t tally
	for _, h := range s.Hosts {
		onHost := 0
		for _, w := range h.Workers {
			if h.Draining {
				t.withheld += w.Idle + w.Resetting
			} else {
				t.addStock(w, s.Rollout)
			}
			t.busy += w.Busy
			onHost += w.total()
			if w.Image == s.Rollout.Image {
				t.canaries += w.total()
				t.canariesBusy += w.Busy
			}
			if h.usable() {
				t.busyThere += w.Busy
			}
		}
		if h.usable() {
			t.usable++
			t.room += max(0, s.Policy.PerHost-onHost)
		}
	}
	// The image of a launching worker counts, so that a canary on its way is not launched again.
	for _, r := range s.Launching {
		if r.Image == s.Rollout.Image && s.Now.Before(r.Deadline) {
			t.canaries += r.Count
		}
	}
	t.launching = inFlight(s.Launching, s.Now)
	// Whether a launching worker has its place already is not known host by host; it will need one.
	t.room = max(0, t.room-t.launching)
	t.coming = inFlight(s.Primary.Coming, s.Now) + inFlight(s.Fallback.Coming, s.Now)
	return t
}

func (t *tally) addStock(w Stock, r Rollout) {
	t.idle += w.Idle
	t.resetting += w.Resetting
	if r.outdated(w.Image) {
		t.outdated += w.Idle
	}
}

// stock is what is idle or soon will be.
func (t tally) stock() int { return t.idle + t.resetting + t.launching }

// usable hosts take new workers.
func (h Host) usable() bool { return !h.Draining && !h.Leaving }

func (h Host) workers() int {
	sum := 0
	for _, w := range h.Workers {
		sum += w.total()
	}
	return sum
}
