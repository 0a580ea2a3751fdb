package sim

import (
	"context"
	"time"

	"workerfleet/runtime/fleet"
	"workerfleet/runtime/order"
	"workerfleet/runtime/queue"
	"workerfleet/runtime/session"
)

// backup is the database as it stood at one moment.
type backup struct {
	authority *session.Memory
	orders    *order.Memory
}

// restoration is one restore of the database, as operators are told to make it.
type restoration struct {
	// stopped says that nothing runs but workers' hosts, off that orders are switched off until all is looked up.
	stopped, off bool
	// lost are the exchange's names of orders that the backup does not have.
	lost map[string]bool
}

// backUp copies the database, to which it is put back after a while.
func (w *world) backUp() {
	b := backup{w.database.authority.Clone(), w.database.orders.Clone()}
	w.say("operator", "backs the database up")
	w.after(w.between(time.Second, 20*time.Second), func() { w.restore(b) })
}

// restore stops everything that uses the database, workers with it, puts the backup back, and has whatever is not final looked
// up before anything is sent.
func (w *world) restore(b backup) {
	w.say("operator", "restores the database")
	w.stopped, w.forgot = true, true
	for _, p := range w.serving() {
		p.kill()
	}
	for _, h := range w.hosts {
		h.empty()
	}
	w.forget(b)
	w.database.replaced++
	w.database.authority, w.database.orders = b.authority, b.orders
	w.after(w.between(0, 10*time.Second), w.recover)
}

// serving are the processes of APIs, keepers and functions.
func (w *world) serving() (all []*process) {
	for _, d := range w.fronts {
		all = append(all, d.process)
	}
	for _, k := range w.keepers {
		all = append(all, k.process)
	}
	for _, p := range w.processes {
		if p.name == string(queue.PoolClaim) || p.name == string(queue.WorkerControl) {
			all = append(all, p)
		}
	}
	return all
}

// empty ends a host's agent and its workers.
func (h *host) empty() {
	if h.agent != nil {
		h.agent.kill()
	}
	for len(h.workers) > 0 {
		h.workers[0].die()
	}
}

// forget notes what the backup does not have. Users who were answered do not ask again; what they send again all the same is
// another order.
func (w *world) forget(b backup) {
	for _, u := range w.users {
		kept := map[fleet.OrderID]bool{}
		all, _ := b.orders.Orders(context.Background(), u.name, 0, 1<<20)
		for _, r := range all {
			kept[r.ID] = true
		}
		for _, r := range u.records() {
			for _, leg := range legs(r) {
				if !kept[r.ID] {
					w.lost[order.ClientID(r.ID, leg)] = true
				}
			}
		}
		for _, v := range u.wishes {
			if len(v.ids) > 0 && !kept[v.ids[0]] {
				v.ids, v.refused = nil, true
			}
		}
	}
}

// recover switches orders off and makes all that is not final unknown; then everything is started again.
func (w *world) recover() {
	n, _ := w.database.orders.Recover(context.Background())
	w.say("operator", "recovers the ledger: %d orders are unknown", n)
	w.stopped, w.off = false, true
	for i, d := range w.fronts {
		w.fronts[i] = w.newDesk(w.process(d.name))
	}
	for i, k := range w.keepers {
		w.keepers[i] = w.startKeeper(k.name)
	}
	for _, h := range w.hosts {
		h.startAgent()
	}
	w.after(time.Second, w.resume)
}

// resume switches orders on again when none is looked up any more.
func (w *world) resume() {
	if n, _ := w.database.orders.Unsettled(context.Background()); n > 0 {
		w.after(time.Second, w.resume)
		return
	}
	w.say("operator", "switches orders on")
	w.off = false
	for _, u := range w.users {
		_ = w.database.orders.Halt(context.Background(), u.name, false, "")
	}
	_ = w.database.orders.Halt(context.Background(), "", false, "")
}
