package claim

import (
	"slices"

	"workerfleet/runtime/fleet"
)

// Reap: see [Passes].
//
// Silence is judged here, in the same step that reaps, by comparing the hosts that beat with those that are
// registered: a detector beside the index could be late after a failover. While too many are silent, their workers
// stay; those of hosts that beat are reaped as ever. After a gap nobody is given up for a lease: see gaps.
func (x *Index) Reap(now int64, t Terms) Reaped {
	if x.incarnation == "" && x.closed == 0 {
		x.closed = now
	}
	x.gaps.attend(now, t)
	if x.unheard(now, t) {
		x.gaps.close(now, t)
	}
	limit := millis(t.TTL + t.Guard)
	var silent []fleet.Host
	for name, heard := range x.hosts {
		if heard+limit < now {
			silent = append(silent, fleet.Host(name))
		}
	}
	slices.Sort(silent)
	var report Reaped
	if len(silent) > silentAllowed(len(x.hosts)) {
		if x.hold == 0 {
			x.hold = now + millis(t.Hold)
		}
		report.Held = now < x.hold
	} else {
		x.hold = 0
	}
	if report.Held {
		report.Silent = silent
	}
	spare := x.gaps.spare(now, t)
	for seen, worker := range x.lease.ordered() {
		if x.lease[worker]+millis(t.Guard) >= now || seen == ReapWindow || spare {
			break
		}
		w := x.workers[fleet.Worker(worker)]
		if w == nil {
			delete(x.lease, worker)
			continue
		}
		if report.Held && slices.Contains(silent, w.Host) {
			continue
		}
		if len(report.Dead) == ReapLimit {
			report.More = true
			break
		}
		report.Dead = append(report.Dead, x.drop(now, w, t))
	}
	x.match(now, t)
	if !report.Held && !spare {
		x.forget(silent)
	}
	return report
}

// forget drops silent hosts that have no worker left. An operator's mark stays: the host may come back under its name.
func (x *Index) forget(silent []fleet.Host) {
	for _, name := range silent {
		occupied := false
		for _, w := range x.workers {
			occupied = occupied || w.Host == name
		}
		if !occupied {
			delete(x.hosts, string(name))
			if x.drains.hosts[name] != ByOperator {
				delete(x.drains.hosts, name)
			}
		}
	}
}

// Unconfirmed: see [Passes].
func (x *Index) Unconfirmed(now int64, skip, limit int) []Unconfirmed {
	var list []Unconfirmed
	due := x.ack.ordered()
	due = due[min(skip, len(due)):]
	for _, worker := range due[:min(limit, len(due))] {
		if w := x.workers[fleet.Worker(worker)]; w != nil && w.unconfirmed() {
			list = append(list, Unconfirmed{Binding: w.Binding(), Overdue: x.ack[worker] < now})
		}
	}
	return list
}

// Expire: see [Passes].
func (x *Index) Expire(now int64, worker fleet.Worker, epoch fleet.Epoch, t Terms) bool {
	w := x.workers[worker]
	due := x.ack[string(worker)]
	if w == nil || w.State != Assigned || w.Epoch != epoch || due >= now {
		return false
	}
	// An acknowledgement may be among the writes that a failover lost. A beat brings it back, and this waits for one.
	if heard := x.lease[string(worker)] - millis(t.TTL); heard <= due || x.gaps.unsure(heard, now, t) {
		return false
	}
	x.unbind(w)
	return true
}

// Heal: see [Passes].
func (x *Index) Heal(now int64, cursor, limit int, t Terms) Healed {
	healed := Healed{Repairs: map[string]int{}}
	members := x.lease.ordered()
	end := min(cursor+limit, len(members))
	for _, worker := range members[min(cursor, len(members)):end] {
		x.heal(now, worker, t, healed.Repairs)
	}
	if end < len(members) {
		healed.Next = end
	}
	return healed
}

// heal makes the keys of one worker agree with its record, which is the one that decides. A worker without a record
// is nobody; a record without a lease is given one, so that it is reaped if it stays silent.
func (x *Index) heal(now int64, worker string, t Terms, repairs map[string]int) {
	w := x.workers[fleet.Worker(worker)]
	if w == nil {
		delete(x.lease, worker)
		repairs["lease"]++
		if _, free := x.free[worker]; free {
			delete(x.free, worker)
			repairs["free"]++
		}
		if _, due := x.ack[worker]; due {
			delete(x.ack, worker)
			repairs["ack"]++
		}
		return
	}
	if w.State != Warm && x.withdraw(w.ID) {
		repairs["free"]++
	}
	if w.User != "" {
		switch s, ok := x.users[w.User]; {
		case !ok:
			x.users[w.User] = session{w.ID, w.Epoch}
			repairs["user"]++
		case s.worker != w.ID && s.epoch > w.Epoch:
			x.unbind(w)
			repairs["user"]++
		case s.worker != w.ID || s.epoch != w.Epoch:
			x.users[w.User] = session{w.ID, w.Epoch}
			repairs["user"]++
		}
	}
	_, due := x.ack[worker]
	switch {
	case due && !w.unconfirmed():
		delete(x.ack, worker)
		repairs["ack"]++
	case !due && w.unconfirmed():
		x.ack[worker] = now + millis(t.Acknowledge)
		repairs["ack"]++
	}
}
