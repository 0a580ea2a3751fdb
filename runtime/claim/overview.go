package claim

import (
	"cmp"
	"context"
	"slices"
	"time"

	"workerfleet/runtime/fleet"
)

// Overview is what people ask of the index. It changes nothing.
type Overview interface {
	// Workers lists the registered workers whose lease ends at a time or later, the soonest first, at most limit. Leases are
	// only prolonged, so that whoever goes on from the last one listed misses nobody, and may see some twice.
	Workers(ctx context.Context, from time.Time, limit int) ([]Listed, error)
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
func (x *Index) Workers(from time.Time, limit int) (list []Listed) {
	for _, member := range x.lease.ordered() {
		lease := instant(x.lease[member])
		if w := x.workers[fleet.Worker(member)]; w != nil && !lease.Before(from) && len(list) < limit {
			list = append(list, Listed{*w, lease, x.drains.leaving[w.ID]})
		}
	}
	return list
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
