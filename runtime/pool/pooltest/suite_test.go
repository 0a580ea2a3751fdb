package pooltest

import (
	"context"
	"fmt"
	"runtime"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"workerfleet/runtime/fleet"
	"workerfleet/runtime/pool"
)

// shelf keeps the contract on a list in memory, unless a flaw is named: it shows that the suite passes what is right and
// fails what is wrong. No product code uses it.
type shelf struct {
	mu      sync.Mutex
	flaw    string
	tasks   []pool.Task
	answers map[string]answer
	room    int
	busy    bool
	next    int
}

type answer struct {
	workers []fleet.Worker
	err     error
}

func (s *shelf) Launch(ctx context.Context, b pool.Batch) ([]fleet.Worker, error) {
	if err := ctx.Err(); err != nil && s.flaw != "context" {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.busy && s.flaw != "throttled launch happens" {
		return nil, fmt.Errorf("launch: %w", pool.ErrThrottled)
	}
	if (b.Count < 1 || b.Count > pool.BatchLimit) && s.flaw != "count" {
		return nil, fmt.Errorf("count: %d is not allowed; allowed: 1 to %d", b.Count, pool.BatchLimit)
	}
	if known, ok := s.answers[b.Key]; ok && s.flaw != "key" {
		if s.flaw == "capacity is forgotten" {
			known.err = nil
		}
		return known.workers, known.err
	}
	given := s.start(b)
	s.answers[b.Key] = given
	if s.busy {
		return nil, pool.ErrThrottled
	}
	return given.workers, given.err
}

func (s *shelf) start(b pool.Batch) (given answer) {
	count := min(b.Count, s.room)
	if s.flaw == "all or nothing" && count < b.Count {
		count = 0
	}
	if count < b.Count {
		given.err = fmt.Errorf("launch: %w", pool.ErrNoCapacity)
	}
	if s.flaw == "capacity is unnamed" && given.err != nil {
		given.err = fmt.Errorf("launch: full")
	}
	s.room -= count
	for range count {
		s.next++
		task := pool.Task{Worker: fleet.Worker(fmt.Sprint("w", s.next)), Image: b.Image, Key: b.Key, Launched: time.Now()}
		switch s.flaw {
		case "image":
			task.Image = 0
		case "listed key":
			task.Key = ""
		case "launched":
			task.Launched = time.Time{}
		}
		s.tasks = append(s.tasks, task)
		given.workers = append(given.workers, task.Worker)
	}
	return given
}

func (s *shelf) Stop(ctx context.Context, worker fleet.Worker) error {
	if err := ctx.Err(); err != nil && s.flaw != "stop's context" {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.busy && s.flaw != "throttled stop happens" {
		return pool.ErrThrottled
	}
	at := slices.IndexFunc(s.tasks, func(t pool.Task) bool { return t.Worker == worker })
	if at < 0 && s.flaw == "stranger" {
		return fmt.Errorf("stop: %s is not known", worker)
	}
	if at >= 0 && s.flaw != "stop" {
		s.tasks = slices.Delete(s.tasks, at, at+1)
	}
	if s.flaw == "stop frees the key" {
		clear(s.answers)
	}
	if s.busy {
		return pool.ErrThrottled
	}
	return nil
}

func (s *shelf) List(ctx context.Context) ([]pool.Task, error) {
	if err := ctx.Err(); err != nil && s.flaw != "list's context" {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.tasks), nil
}

func benchOn(flaw string) *Bench {
	s := &shelf{flaw: flaw, answers: map[string]answer{}, room: 25}
	set := func(change func()) {
		s.mu.Lock()
		defer s.mu.Unlock()
		change()
	}
	return &Bench{
		Provider: s, Images: [2]int64{7, 8}, Patience: 20 * time.Millisecond,
		Leave:    func(_ TB, n int) { set(func() { s.room = n }) },
		Throttle: func(_ TB, on bool) { set(func() { s.busy = on }) },
	}
}

// A provider that keeps the contract passes.
func TestRightProviderPasses(t *testing.T) {
	Run(t, func(*testing.T) *Bench { return benchOn("") })
}

// Each flaw is found by the case whose subject it is. That the suite finds every flaw that there could be is not shown.
func TestWrongProvidersFail(t *testing.T) {
	for flaw, subject := range map[string]string{
		"image": "launchListStop", "listed key": "launchListStop", "launched": "launchListStop", "stop": "launchListStop",
		"key": "launchIsIdempotent", "count": "countsAreBounded", "stranger": "stopIsIdempotent", "stop frees the key": "stopIsFinal",
		"all or nothing": "noCapacity", "capacity is forgotten": "noCapacity", "capacity is unnamed": "noCapacity",
		"throttled launch happens": "throttled", "throttled stop happens": "throttled",
		"context": "contextEnds", "list's context": "contextEnds", "stop's context": "contextEnds",
	} {
		cases := map[string]func(TB, *Bench){
			"launchListStop": launchListStop, "launchIsIdempotent": launchIsIdempotent, "countsAreBounded": countsAreBounded,
			"stopIsIdempotent": stopIsIdempotent, "stopIsFinal": stopIsFinal, "noCapacity": noCapacity, "throttled": throttled, "contextEnds": contextEnds,
		}
		require.True(t, fails(t, cases[subject], flaw), "%s does not find the flaw %q", subject, flaw)
		require.False(t, fails(t, cases[subject], ""), "%s fails what is right", subject)
	}
	require.True(t, fails(t, launchRacesWithItself, "key"))
	require.True(t, fails(t, keysDiffer, "stuck"), "one key's answer given to every key")
}

// fails runs one case on a flawed provider.
func fails(t *testing.T, run func(TB, *Bench), flaw string) bool {
	b := benchOn(flaw)
	if flaw == "stuck" {
		b.Provider = stuck{b.Provider}
	}
	r := &recorder{ctx: t.Context()}
	done := make(chan struct{})
	go func() {
		defer close(done)
		run(r, b)
	}()
	<-done
	return r.failed
}

// stuck gives every launch the same key.
type stuck struct{ pool.Provider }

func (s stuck) Launch(ctx context.Context, b pool.Batch) ([]fleet.Worker, error) {
	b.Key = "stuck"
	return s.Provider.Launch(ctx, b)
}

// recorder is a test that only notes whether it failed.
type recorder struct {
	ctx    context.Context
	failed bool
}

func (r *recorder) Errorf(string, ...any)    { r.failed = true }
func (r *recorder) FailNow()                 { r.failed = true; runtime.Goexit() }
func (r *recorder) Helper()                  {}
func (r *recorder) Context() context.Context { return r.ctx }
func (r *recorder) Skip(...any)              { runtime.Goexit() }
