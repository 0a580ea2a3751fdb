package claim

import (
	"cmp"
	"context"
	"slices"
	"time"

	"workerfleet/runtime/fleet"
)

// Overview is what people ask of the index. It changes nothing. Lists are read in pages while the pool goes on: what moves
// between two pages may be missed, or listed twice.
type Overview interface {
	// Workers lists registered workers from a place on, at most limit; next is where to go on, 0 at the end.
	Workers(ctx context.Context, from, limit int) (list []Listed, next int, err error)
	// Waiting lists the users in the queue from a rank on, at most limit.
	Waiting(ctx context.Context, from, limit int) ([]Waiter, error)
	// Heard lists the registered hosts, by name, silent ones too.
	Heard(ctx context.Context) ([]Heard, error)
}

// Listed is a worker as people see it.
type Listed struct {
	Worker
	// Lease is until when it counts as alive; Leaving says that it retires when it is idle.
	Lease   time.Time
	Leaving bool
}

// Waiter is a user in the queue.
type Waiter struct {
	User fleet.User
	Rank int
	// Since is when the user came, less the bonus that moved them ahead; Until is how long the place is kept without asking
	// again.
	Since, Until time.Time
}

// Heard is a registered host.
type Heard struct {
	Host fleet.Host
	// Last is its last batch, or until when its silence is expected.
	Last time.Time
	// Drained is who takes it out of service; empty: nobody.
	Drained Drainer
}

func instant(ms int64) time.Time { return time.UnixMilli(ms).UTC() }

// Workers: see [Overview].
func (x *Index) Workers(from, limit int) (list []Listed, next int) {
	members := x.lease.ordered()
	end := min(from+limit, len(members))
	for _, member := range members[min(from, len(members)):end] {
		if w := x.workers[fleet.Worker(member)]; w != nil {
			list = append(list, Listed{*w, instant(x.lease[member]), x.drains.leaving[w.ID]})
		}
	}
	if end < len(members) {
		next = end
	}
	return list, next
}

// Waiting: see [Overview].
func (x *Index) Waiting(from, limit int) (list []Waiter) {
	members := x.waiting.ordered()
	for rank := from; rank < min(from+limit, len(members)); rank++ {
		member := members[rank]
		list = append(list, Waiter{fleet.User(member), rank, instant(x.waiting[member]), instant(x.renew[member])})
	}
	return list
}

// Heard: see [Overview].
func (x *Index) Heard() (list []Heard) {
	for host, last := range x.hosts {
		list = append(list, Heard{fleet.Host(host), instant(last), x.drains.hosts[fleet.Host(host)]})
	}
	slices.SortFunc(list, func(a, b Heard) int { return cmp.Compare(a.Host, b.Host) })
	return list
}
