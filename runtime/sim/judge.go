package sim

import (
	"fmt"

	"workerfleet/runtime/claim"
	"workerfleet/runtime/fleet"
	"workerfleet/runtime/order"
	"workerfleet/runtime/worker"
)

// alone is what holds at every moment: of all workers that may call the exchange for a user, there is one at most.
func (w *world) alone() error {
	var first [16]*worked
	for _, h := range w.hosts {
		for _, v := range h.workers {
			name, epoch, active := v.active()
			if !active {
				continue
			}
			i := w.place(name)
			if first[i] != nil {
				_, other, _ := first[i].active()
				return fmt.Errorf("%s may call for %s under %s, and %s under %s", v.id, name, w.short(epoch), first[i].id, w.short(other))
			}
			first[i] = v
		}
	}
	return nil
}

func (w *world) place(name fleet.User) int {
	for i, u := range w.users {
		if u.name == name {
			return i
		}
	}
	return -1
}

// allowed says why a worker must not begin a call: another one has the user by a later epoch.
func (w *world) allowed(h order.Holder) string {
	for _, host := range w.hosts {
		for _, v := range host.workers {
			user, epoch, state := v.stepper.Session()
			if v.id != h.Worker && user == h.User && epoch > h.Epoch && state == worker.Serving {
				return fmt.Sprintf("%s has the user under %s", v.id, w.short(epoch))
			}
		}
	}
	return ""
}

// settled says what is still to come to rest; "" if nothing is.
func (w *world) settled() string {
	if w.stopped || w.off {
		return "the ledger is being recovered"
	}
	census := w.index.index.Census(0)
	if census.Incarnation == "" {
		return "the pool is closed"
	}
	alive := 0
	for _, h := range w.hosts {
		if a := h.agent; a != nil && !a.dead && a.stepper.Uncommitted() > 0 {
			return fmt.Sprintf("the agent of %s has outcomes that are not committed", h.name)
		}
		for _, v := range h.workers {
			alive++
			if v.stepper.Uncommitted() > 0 {
				return fmt.Sprintf("%s has outcomes that are not committed", v)
			}
			user, epoch, state := v.stepper.Session()
			known, there := w.index.index.Worker(v.id)
			switch {
			case !there || known.Life != v.life:
				return fmt.Sprintf("%s is not registered in its life", v)
			case user == "" && known.State != claim.Warm && known.State != claim.Draining:
				return fmt.Sprintf("%s is %s in the index", v, known.State)
			case user != "" && (known.State != claim.Serving || known.User != user || known.Epoch != epoch || state != worker.Serving):
				return fmt.Sprintf("%s is %s %s %s in the index", v, known.State, known.User, w.short(known.Epoch))
			}
		}
	}
	total := 0
	for _, n := range census.Workers {
		total += n
	}
	if total != alive {
		return fmt.Sprintf("the index has %d workers, and there are %d", total, alive)
	}
	if census.Free != census.Workers[claim.Warm] {
		return fmt.Sprintf("%d workers are free, and %d warm", census.Free, census.Workers[claim.Warm])
	}
	if census.Hosts != len(w.hosts) {
		return fmt.Sprintf("the index has %d hosts, and there are %d", census.Hosts, len(w.hosts))
	}
	if n := w.functions.waiting(); n > 0 {
		return fmt.Sprintf("%d messages wait", n)
	}
	for _, u := range w.users {
		if why := u.settled(); why != "" {
			return why
		}
		if why := u.pending(); why != "" {
			return why
		}
	}
	return ""
}

// settled says what a user waits for.
func (u *user) settled() string {
	row := u.database.acting(u.name)
	var mine []*worked
	for _, h := range u.hosts {
		for _, v := range h.workers {
			if name, _, _ := v.stepper.Session(); name == u.name {
				mine = append(mine, v)
			}
		}
	}
	switch {
	case len(mine) > 1:
		return fmt.Sprintf("%s has %v", u.name, mine)
	case u.wants && len(mine) == 0:
		return fmt.Sprintf("%s has no worker", u.name)
	case !u.wants && len(mine) == 1:
		return fmt.Sprintf("%s has left, and has %v", u.name, mine)
	case !u.wants && row.Epoch != 0:
		return fmt.Sprintf("%s has left, and the database has %s", u.name, u.short(row.Epoch))
	case !u.wants:
		return ""
	}
	_, epoch, active := mine[0].active()
	switch {
	case row.Worker != mine[0].id || row.Epoch != epoch:
		return fmt.Sprintf("%s has %v, and the database says %s %s", u.name, mine[0], row.Worker, u.short(row.Epoch))
	case !active:
		return fmt.Sprintf("%v may not call", mine[0])
	case mine[0].stepper.Account() == nil:
		return fmt.Sprintf("%v is not logged in", mine[0])
	case epoch < u.answered:
		return fmt.Sprintf("%s was answered %s and has %v", u.name, u.short(u.answered), mine[0])
	}
	return ""
}
