package baseline

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/redis/go-redis/v9"

	"workerfleet/runtime/fleet"
	"workerfleet/runtime/queue"
)

// Times of a worker: how often it asks for its assignment, and how often it writes its own key.
const (
	Poll = 500 * time.Millisecond
	Beat = 10 * time.Second
)

// Functions is how many batches are handled at once.
const Functions = 10

// Pool is the whole design: workers that ask for themselves, and a function that finds them.
type Pool struct {
	client  redis.UniversalClient
	tracker *Tracker
	source  queue.Source
	workers int

	cursor atomic.Uint64
	mu     sync.Mutex
	waits  map[fleet.User]chan int
	// taken counts the users whom each worker was given: more than one is what a fence would have prevented.
	taken map[int]int
}

// NewPool makes a pool of so many workers. Client and source stay the caller's.
func NewPool(client redis.UniversalClient, source queue.Source, workers int) *Pool {
	return &Pool{client: client, tracker: NewTracker(client), source: source, workers: workers, waits: map[fleet.User]chan int{}, taken: map[int]int{}}
}

// Open writes the keys of all workers, idle.
func (p *Pool) Open(ctx context.Context) error { return p.tracker.Fill(ctx, p.workers) }

// Run lets workers and functions live until ctx ends.
func (p *Pool) Run(ctx context.Context) {
	var group sync.WaitGroup
	for i := range p.workers {
		group.Go(func() { p.live(ctx, i) })
	}
	for range Functions {
		group.Go(func() {
			for ctx.Err() == nil {
				p.handle(ctx)
			}
		})
	}
	group.Wait()
}

func assignment(worker int) string { return "assignment:" + strconv.Itoa(worker) }

// live is one worker: it asks for its assignment, and writes its key between two of those questions, so that it overwrites
// none that it has not seen but by a hair's breadth.
func (p *Pool) live(ctx context.Context, worker int) {
	// Workers were started at different times.
	offset := Poll * time.Duration(worker) / time.Duration(p.workers)
	since := Beat * time.Duration(worker%97) / 97
	for user := fleet.User(""); ; {
		select {
		case <-ctx.Done():
			return
		case <-time.After(offset):
		}
		offset = Poll
		if user == "" {
			if name, err := p.client.Get(ctx, assignment(worker)).Result(); err == nil {
				user = fleet.User(name)
				p.ready(user, worker)
			}
		}
		if since += Poll; since < Beat {
			continue
		}
		since = 0
		r := record{Status: idle, Heartbeat: time.Now().UnixMilli(), Host: "host-" + strconv.Itoa(worker%73)}
		if user != "" {
			r.Status, r.User = busy, string(user)
		}
		_ = p.tracker.write(ctx, worker, r) // the next one is the next attempt
	}
}

// Wait returns the channel on which the user's worker says that it has seen its assignment.
func (p *Pool) Wait(user fleet.User) <-chan int {
	ready := make(chan int, 1)
	p.mu.Lock()
	p.waits[user] = ready
	p.mu.Unlock()
	return ready
}

func (p *Pool) ready(user fleet.User, worker int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if waits := p.waits[user]; waits != nil {
		waits <- worker
		delete(p.waits, user)
	}
}

// Doubled is how many users were given a worker that somebody else had been given.
func (p *Pool) Doubled() (n int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, users := range p.taken {
		n += users - 1
	}
	return n
}

// handle is the function: a batch of messages, one worker for each.
func (p *Pool) handle(ctx context.Context) {
	batch, err := p.source.Receive(ctx, queue.BatchLimit, time.Second)
	if err != nil || len(batch) == 0 {
		return
	}
	var done []queue.Message
	for _, m := range batch {
		task, err := queue.Parse(queue.PoolClaim, m.Body)
		if err == nil {
			err = p.claim(ctx, task.User)
		}
		if err == nil {
			done = append(done, m)
		}
	}
	_ = p.source.Delete(context.WithoutCancel(ctx), done...) // what is not deleted comes again
}

// claim finds an idle worker, any of the first page that has one, lest two functions take the same, and writes that it is the user's: nobody checks that it still is idle by then.
func (p *Pool) claim(ctx context.Context, user fleet.User) error {
	found, host, seen := -1, "", 0
	look := func(page []entry) bool {
		for _, e := range page {
			if e.Status != idle {
				continue
			}
			if seen++; rand.IntN(seen) == 0 { // any of the page with the same chance
				found, host = e.worker, e.Host
			}
		}
		return found < 0
	}
	stopped, err := p.tracker.walk(ctx, p.cursor.Load(), true, look)
	if err == nil && found < 0 { // the rest of the keys
		stopped, err = p.tracker.walk(ctx, 0, true, look)
	}
	if err != nil {
		return err
	}
	if found < 0 {
		return fmt.Errorf("no worker is idle for %s", user)
	}
	p.cursor.Store(stopped)
	text, err := json.Marshal(record{Status: busy, Heartbeat: time.Now().UnixMilli(), Host: host, User: string(user)})
	if err != nil {
		return fmt.Errorf("write a worker's key: %w", err)
	}
	pipe := p.client.Pipeline()
	pipe.Set(ctx, key(found), text, 0)
	pipe.Set(ctx, assignment(found), string(user), 0)
	if _, err := pipe.Exec(ctx); err != nil {
		return fmt.Errorf("assign a worker: %w", err)
	}
	p.mu.Lock()
	p.taken[found]++
	p.mu.Unlock()
	return nil
}
