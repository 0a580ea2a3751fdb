package claim

import (
	"fmt"

	"workerfleet/runtime/fleet"
)

// Invariants returns the first of the promises that does not hold, or nil. Tests and the simulator ask after every
// transition.
func (x *Index) Invariants() error {
	epochs := map[fleet.Epoch]fleet.Worker{}
	for id, w := range x.workers {
		if err := x.consistent(w); err != nil {
			return fmt.Errorf("worker %s, %s in life %d at epoch %d: %w", id, w.State, w.Life, w.Epoch, err)
		}
		if w.User == "" {
			continue
		}
		if other, twice := epochs[w.Epoch]; twice {
			return fmt.Errorf("workers %s and %s have one epoch, %d", id, other, w.Epoch)
		}
		epochs[w.Epoch] = id
	}
	for user, s := range x.users {
		if w := x.workers[s.worker]; w == nil || w.User != user || w.Epoch != s.epoch {
			return fmt.Errorf("user %s is said to be with %s at epoch %d, which does not know", user, s.worker, s.epoch)
		}
		if _, waits := x.waiting[string(user)]; waits {
			return fmt.Errorf("user %s has a worker and waits for one", user)
		}
	}
	for name, set := range map[string]scores{"free": x.free, "held": x.drains.held, "ack": x.ack, "lease": x.lease} {
		for worker := range set {
			if x.workers[fleet.Worker(worker)] == nil {
				return fmt.Errorf("%s holds %s, which is not registered", name, worker)
			}
		}
	}
	for member := range x.launching.due {
		if _, known := x.launching.what[member]; !known {
			return fmt.Errorf("%s is coming, and nobody knows what it is", member)
		}
		if x.launching.what[member].named && x.workers[fleet.Worker(member)] != nil {
			return fmt.Errorf("worker %s is coming and registered", member)
		}
	}
	for worker := range x.launching.retired {
		if w := x.workers[fleet.Worker(worker)]; w == nil || w.State != Draining {
			return fmt.Errorf("worker %s is said to be draining", worker)
		}
	}
	return nil
}

// consistent says whether the keys about one worker agree with its record.
func (x *Index) consistent(w *Worker) error {
	_, free := x.free[string(w.ID)]
	_, held := x.drains.held[string(w.ID)]
	_, due := x.ack[string(w.ID)]
	_, leased := x.lease[string(w.ID)]
	occupied := w.State == Serving || w.unconfirmed()
	switch {
	case (free || held) && w.State != Warm:
		return fmt.Errorf("it is free")
	case free && (x.drains.hosts[w.Host] != "" || x.drains.leaving[w.ID]):
		return fmt.Errorf("it is free, and goes out of service")
	case due != w.unconfirmed():
		return fmt.Errorf("acknowledgement due: %t", due)
	case !leased:
		return fmt.Errorf("it has no lease")
	case occupied != (w.User != ""):
		return fmt.Errorf("its user is %q", w.User)
	case occupied && x.users[w.User] != session{w.ID, w.Epoch}:
		return fmt.Errorf("its user %s is elsewhere", w.User)
	case occupied && w.Epoch > x.last:
		return fmt.Errorf("its epoch was never given: the last is %d", x.last)
	}
	return nil
}
