package baseline_test

import (
	"context"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"

	"workerfleet/runtime/cmd/bench/baseline"
	"workerfleet/runtime/fleet"
	"workerfleet/runtime/queue"
)

func client(t *testing.T) redis.UniversalClient {
	c := redis.NewClient(&redis.Options{Addr: miniredis.RunT(t).Addr()})
	t.Cleanup(func() { _ = c.Close() })
	return c
}

// Both walks find exactly the silent workers. The embedded server shows all keys on one page; real ones are walked by the
// benchmark itself, which counts what is found.
func TestTracker(t *testing.T) {
	tracker := baseline.NewTracker(client(t))
	require.NoError(t, tracker.Fill(t.Context(), 50))
	for _, worker := range []int{7, 33} {
		require.NoError(t, tracker.Silence(t.Context(), worker))
	}
	for _, find := range []func(context.Context) ([]int, error){tracker.Scan, tracker.ScanPipelined} {
		found, err := find(t.Context())
		require.NoError(t, err)
		slices.Sort(found)
		require.Equal(t, []int{7, 33}, found)
	}
	require.NoError(t, tracker.Beat(t.Context(), 7))
	found, err := tracker.Scan(t.Context())
	require.NoError(t, err)
	require.Equal(t, []int{33}, found)
}

// source hands out one batch.
type source struct {
	queue.Source
	mu      sync.Mutex
	batch   []queue.Message
	deleted int
}

func (s *source) Receive(ctx context.Context, _ int, wait time.Duration) ([]queue.Message, error) {
	s.mu.Lock()
	batch := s.batch
	s.batch = nil
	s.mu.Unlock()
	if batch == nil {
		select {
		case <-ctx.Done():
		case <-time.After(wait):
		}
	}
	return batch, nil
}

func (s *source) Delete(_ context.Context, messages ...queue.Message) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.deleted += len(messages)
	return nil
}

// A message brings its user to an idle worker, which finds out by itself; who comes when none is left gets none, and the
// message comes again.
func TestPool(t *testing.T) {
	const workers = 3
	s := &source{}
	p := baseline.NewPool(client(t), s, workers)
	require.NoError(t, p.Open(t.Context()))
	var waits []<-chan int
	for _, who := range []fleet.User{"ann", "bea", "cid", "dot"} {
		task, err := queue.Task{Type: queue.Wake, ID: string(who), User: who, At: time.Now()}.Outgoing(queue.PoolClaim)
		require.NoError(t, err)
		s.batch = append(s.batch, queue.Message{ID: string(who), Body: task.Body})
		waits = append(waits, p.Wait(who))
	}
	ctx, end := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() {
		p.Run(ctx)
		close(ended)
	}()
	given := map[int]bool{}
	for _, ready := range waits[:workers] {
		given[<-ready] = true
	}
	end()
	<-ended
	require.Len(t, given, workers, "one function gives no worker twice")
	require.Zero(t, p.Doubled())
	require.Empty(t, waits[workers])
	require.Equal(t, workers, s.deleted)
}
