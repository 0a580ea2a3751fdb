package emulator

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"
)

// Config describes one function.
type Config struct {
	Name string
	// Program is the executable that a deployment calls bootstrap.
	Program string
	// Environment is what the function's configuration sets, as NAME=VALUE.
	Environment []string
	// Timeout is the time that one event may take; 0 is 3 s, as Lambda has it.
	Timeout time.Duration
	// Concurrency is how many events are done at once; 0 is one.
	Concurrency int
	// Output takes what the processes write.
	Output io.Writer
}

const (
	defaultTimeout = 3 * time.Second
	// initTimeout is how long a process may take until it asks for its first event (Lambda's limit).
	initTimeout = 10 * time.Second
)

// ErrThrottled is returned when as many events are done as may be at once.
var ErrThrottled = errors.New("throttled: the function's concurrency is in use")

// FunctionError is what a function answered instead of a result, or how its process ended.
type FunctionError struct{ Type, Message string }

func (e *FunctionError) Error() string { return e.Type + ": " + e.Message }

// Function runs one function. It is safe for concurrent use.
type Function struct {
	Config
	places chan struct{}

	mu     sync.Mutex
	idle   []*environment
	all    map[*environment]bool
	starts []time.Duration
	closed bool
}

// New makes a function. No process is started before the first event.
func New(c Config) *Function {
	c.Timeout = cmp.Or(c.Timeout, defaultTimeout)
	c.Concurrency = cmp.Or(c.Concurrency, 1)
	c.Output = cmp.Or[io.Writer](c.Output, io.Discard)
	return &Function{Config: c, places: make(chan struct{}, c.Concurrency), all: map[*environment]bool{}}
}

// Invoke does one event and returns the function's answer: a [*FunctionError] if it failed, ErrThrottled if nobody is free
// to do it. A done ctx leaves the event to its environment, as a caller that hangs up does.
func (f *Function) Invoke(ctx context.Context, payload []byte) ([]byte, error) {
	select {
	case f.places <- struct{}{}:
		defer func() { <-f.places }()
	default:
		return nil, ErrThrottled
	}
	for {
		e, fresh, err := f.take()
		if err != nil {
			return nil, err
		}
		i := &invocation{id: rand.Text(), payload: payload, answer: make(chan outcome, 1)}
		switch err := e.hand(ctx, i); {
		case errors.Is(err, errEnded) && !fresh:
			f.drop(e) // it ended while nobody looked
			continue
		case err != nil:
			f.drop(e)
			return nil, err
		}
		answer, err := e.wait(ctx, i)
		if e.ended() || err != nil && !isAnswer(err) {
			f.drop(e)
		} else {
			f.put(e)
		}
		return answer, err
	}
}

// isAnswer tells what a process answered from how it ended.
func isAnswer(err error) bool {
	var answered *FunctionError
	return errors.As(err, &answered)
}

// take finds an environment that is idle, or starts one.
func (f *Function) take() (e *environment, fresh bool, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.closed {
		return nil, false, errors.New("the function is closed")
	}
	if n := len(f.idle); n > 0 {
		e, f.idle = f.idle[n-1], f.idle[:n-1]
		return e, false, nil
	}
	e, err = start(f.Config, f.started)
	if err != nil {
		return nil, false, fmt.Errorf("start %s: %w", f.Name, err)
	}
	f.all[e] = true
	return e, true, nil
}

func (f *Function) put(e *environment) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if !f.closed {
		f.idle = append(f.idle, e)
	}
}

func (f *Function) drop(e *environment) {
	f.mu.Lock()
	delete(f.all, e)
	f.mu.Unlock()
	e.stop()
}

func (f *Function) started(took time.Duration) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.starts = append(f.starts, took)
}

// Starts are the times from the start of each process to its asking for the first event.
func (f *Function) Starts() []time.Duration {
	f.mu.Lock()
	defer f.mu.Unlock()
	return append([]time.Duration(nil), f.starts...)
}

// Processes are the ids of the processes that there are, for tests that kill them.
func (f *Function) Processes() (pids []int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for e := range f.all {
		pids = append(pids, e.command.Process.Pid)
	}
	return pids
}

// Close ends every process. Events that are under way fail.
func (f *Function) Close() {
	f.mu.Lock()
	f.closed, f.idle = true, nil
	var all []*environment
	for e := range f.all {
		all = append(all, e)
	}
	f.mu.Unlock()
	for _, e := range all {
		e.stop()
	}
}
