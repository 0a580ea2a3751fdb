package valkey

import (
	"cmp"
	"context"
	"slices"
	"time"

	"workerfleet/runtime/claim"
	"workerfleet/runtime/fleet"
)

var _ claim.Overview = (*Store)(nil)

// items reads a list of lists.
func items[T any](a *answer, read func(item *answer, place int) T) (all []T) {
	list := a.list()
	for place := 0; list.err == nil && len(list.parts) > 0; place++ {
		item := list.list()
		all = append(all, read(item, place))
		list.err = item.err
	}
	a.err = list.err
	return all
}

// Workers: see [claim.Overview].
func (s *Store) Workers(ctx context.Context, from time.Time, limit int) ([]claim.Listed, error) {
	a, err := s.run(ctx, scriptWorkers, from.UnixMilli(), limit)
	if err != nil {
		return nil, err
	}
	list := items(a, func(item *answer, _ int) claim.Listed {
		return claim.Listed{Worker: item.worker(fleet.Worker(item.text())), Lease: item.instant(), Leaving: item.flag()}
	})
	return list, a.failed(scriptWorkers)
}

// Waiting: see [claim.Overview].
func (s *Store) Waiting(ctx context.Context, from, limit int) ([]claim.Waiter, error) {
	a, err := s.run(ctx, scriptWaiting, from, limit)
	if err != nil {
		return nil, err
	}
	list := items(a, func(item *answer, place int) claim.Waiter {
		return claim.Waiter{User: fleet.User(item.text()), Rank: from + place, Since: item.instant(), Until: item.instant()}
	})
	return list, a.failed(scriptWaiting)
}

// Heard: see [claim.Overview].
func (s *Store) Heard(ctx context.Context) ([]claim.Heard, error) {
	a, err := s.run(ctx, scriptHeard)
	if err != nil {
		return nil, err
	}
	list := items(a, func(item *answer, _ int) claim.Heard {
		return claim.Heard{Host: fleet.Host(item.text()), Last: item.instant(), Drained: claim.Drainer(item.text())}
	})
	slices.SortFunc(list, func(a, b claim.Heard) int { return cmp.Compare(a.Host, b.Host) })
	return list, a.failed(scriptHeard)
}
