package valkey

import (
	"context"
	"slices"
	"time"

	"workerfleet/runtime/claim"
)

// Arrivals: see [claim.Arrivals].
func (s *Store) Arrivals(ctx context.Context) ([]claim.Arrived, error) {
	a, err := s.run(ctx, scriptArrivals, int(claim.ArrivalsKept/time.Minute))
	if err != nil {
		return nil, err
	}
	var list []claim.Arrived
	counts := a.list()
	for counts.err == nil && len(counts.parts) > 0 {
		at := time.Unix(counts.number()*60, 0).UTC()
		list = append(list, claim.Arrived{Minute: at, Claims: int(counts.number())})
	}
	slices.SortFunc(list, func(a, b claim.Arrived) int { return a.Minute.Compare(b.Minute) })
	return list, counts.failed(scriptArrivals)
}
