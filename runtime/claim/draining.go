package claim

import (
	"context"

	"workerfleet/runtime/fleet"
)

// Drains takes hosts and single workers out of service without ending a session: nobody is bound to them any more, what is
// idle retires, and what serves retires when its session ends.
type Drains interface {
	// Drain marks a host in somebody's name; a mark that is there stays its owner's, but an operator's replaces any, and
	// stays until it is taken back, also while the host is silent. False: the host is not registered.
	Drain(ctx context.Context, host fleet.Host, by Drainer) (bool, error)
	// Undrain takes a mark back, and lets the host's idle workers be claimed again. "" takes back whosever it is. False: there
	// is none of that name.
	Undrain(ctx context.Context, host fleet.Host, by Drainer, t Terms) (bool, error)
	// Withdraw lets one worker retire, at once if it is idle; whoever refills the pool asks it to end then. It returns the
	// state that the worker is in now. False: the worker is not registered.
	Withdraw(ctx context.Context, worker fleet.Worker) (State, bool, error)
}

// Drainer is in whose name a host is marked.
type Drainer string

// The drainers.
const (
	// ByOperator: somebody said so, and somebody takes it back.
	ByOperator Drainer = "operator"
	// ByCluster: ECS or its Auto Scaling group is giving the host up.
	ByCluster Drainer = "cluster"
	// ByImage: the host was started from an old machine image or launch template.
	ByImage Drainer = "image"
)

// draining is what the index keeps of hosts and workers that go out of service.
type draining struct {
	hosts map[fleet.Host]Drainer
	// held are the idle workers of draining hosts, by the preference that they had: free but for the mark.
	held scores
	// leaving are workers that retire when they are idle.
	leaving map[fleet.Worker]bool
}

func newDraining() draining {
	return draining{hosts: map[fleet.Host]Drainer{}, held: scores{}, leaving: map[fleet.Worker]bool{}}
}

// offer puts an idle worker among the free ones, unless it or its host is to go.
func (x *Index) offer(now int64, w *Worker) {
	member := string(w.ID)
	switch {
	case x.drains.leaving[w.ID]:
		w.State = Draining
		x.launching.retired[member] = now
	case x.drains.hosts[w.Host] != "":
		x.drains.held[member] = x.preference(*w)
	default:
		x.free[member] = x.preference(*w)
	}
}

// withdraw takes an idle worker from wherever it stands, and says whether it stood anywhere.
func (x *Index) withdraw(worker fleet.Worker) bool {
	_, free := x.free[string(worker)]
	_, held := x.drains.held[string(worker)]
	delete(x.free, string(worker))
	delete(x.drains.held, string(worker))
	return free || held
}

// Drain: see [Drains].
func (x *Index) Drain(host fleet.Host, by Drainer) bool {
	if _, known := x.hosts[string(host)]; !known {
		return false
	}
	if x.drains.hosts[host] == "" || by == ByOperator {
		x.drains.hosts[host] = by
	}
	x.reshelve(host, x.free, x.drains.held)
	return true
}

// Undrain: see [Drains].
func (x *Index) Undrain(now int64, host fleet.Host, by Drainer, t Terms) bool {
	if marked := x.drains.hosts[host]; marked == "" || by != "" && by != marked {
		return false
	}
	delete(x.drains.hosts, host)
	x.reshelve(host, x.drains.held, x.free)
	x.match(now, t)
	return true
}

// reshelve moves a host's idle workers from one set to the other.
func (x *Index) reshelve(host fleet.Host, from, to scores) {
	for member, score := range from {
		if w := x.workers[fleet.Worker(member)]; w != nil && w.Host == host {
			to[member] = score
			delete(from, member)
		}
	}
}

// Withdraw: see [Drains].
func (x *Index) Withdraw(now int64, worker fleet.Worker) (State, bool) {
	w := x.workers[worker]
	if w == nil {
		return "", false
	}
	x.drains.leaving[worker] = true
	if x.withdraw(worker) {
		x.offer(now, w)
	}
	return w.State, true
}
