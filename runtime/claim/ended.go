package claim

import (
	"context"

	"workerfleet/runtime/fleet"
)

// Ends takes word of workers that have ended, from whoever has seen it and is not their agent.
type Ends interface {
	// End drops workers whose processes are known to have ended, in whatever life the index knows them; at most
	// [EndLimit] at once. Their users go to the head of the queue. It passes over workers that are not registered.
	End(ctx context.Context, workers []fleet.Worker, t Terms) ([]Death, error)
}

// EndLimit is the most workers that one call drops, so that no script holds the server for long.
const EndLimit = 64

// End: see [Ends].
func (x *Index) End(now int64, workers []fleet.Worker, t Terms) (dead []Death) {
	for _, worker := range workers {
		if w := x.workers[worker]; w != nil {
			dead = append(dead, x.drop(now, w, t))
		}
	}
	x.match(now, t)
	return dead
}

// End: see [Ends].
func (m *Memory) End(_ context.Context, workers []fleet.Worker, t Terms) (dead []Death, err error) {
	m.at(func(x *Index, now int64) { dead = x.End(now, workers, t) })
	return dead, nil
}
