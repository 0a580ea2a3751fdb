package httpapi

import (
	"container/list"
	"context"
	"sync"
	"time"

	"workerfleet/runtime/claim"
	"workerfleet/runtime/fleet"
	"workerfleet/runtime/session"
)

// line is where claims wait before they are begun. A claim that is begun binds a worker at once, and the worker must
// have confirmed within seconds: so no more are begun than are finished in that time. When everybody comes at once, all
// would be bound, hardly one delivered before it expired, and each would begin anew, for ever.
//
// How many that are is found out: there are fewer places while claims take long, and more again while they do not.
type line struct {
	most int

	mu     sync.Mutex
	places float64 // at most most, at least 1
	taken  int
	wait   list.List     // of channels that are closed when their turn has come, the first to come in front
	last   time.Time     // when the latest claim was finished while others waited
	pace   time.Duration // between two of those, on average
	seen   time.Duration // how many of them the average is of
	next   time.Time     // the latest turn that was promised to who went away
}

func newLine(places int) *line { return &line{most: places, places: float64(places)} }

// Bounds of a wait: how long a request stands in line before it is answered, and how far ahead the pace is trusted.
const (
	linePatience   = 5 * time.Second
	longestPromise = 10 * time.Second
)

// sooner is the share of the pace, in percent, at which those who went away come again: a place that nobody takes serves
// nobody, and who comes early waits in the line.
const sooner = 80

// promise is for who goes away unserved: a turn of the line as it has moved so far, and no two get the same. So they come
// again one after the other, at the pace at which they can be served, and not all at once.
func (l *line) promise() (ahead int, wait time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := time.Now()
	if l.next.Before(now) {
		l.next = now
	}
	l.next = l.next.Add(l.pace * sooner / 100)
	return l.wait.Len(), min(l.next.Sub(now), longestPromise)
}

// enter waits for a place. False: the context ended before there was one.
func (l *line) enter(ctx context.Context) bool {
	l.mu.Lock()
	turn := make(chan struct{})
	mine := l.wait.PushBack(turn)
	l.admit()
	l.mu.Unlock()
	select {
	case <-turn:
	case <-ctx.Done():
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if ctx.Err() == nil {
		return true
	}
	// For a user who is answered already nothing begins.
	select {
	case <-turn:
		l.taken--
		l.admit()
	default:
		l.wait.Remove(mine)
	}
	return false
}

// admit lets in whoever there is a place for. The lock is held.
func (l *line) admit() {
	for l.taken < int(l.places) && l.wait.Len() > 0 {
		close(l.wait.Remove(l.wait.Front()).(chan struct{}))
		l.taken++
	}
}

// What the number of places follows: a claim that takes half of the time that a worker has to confirm is too slow, and
// takes half of the places away, once for all that are under way; one that does not gives a quarter of a place back.
const (
	slow  = time.Second
	raise = 0.25
)

// smooth is how many claims the pace is an average of, about: they finish in bunches.
const smooth = 1024

// leave gives a place back, after so long.
func (l *line) leave(took time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case took < slow:
		l.places = min(float64(l.most), l.places+raise)
	case float64(l.taken) <= l.places: // else those that are too many are on their way out already
		l.places = max(1, l.places/2)
	}
	l.taken--
	if now := time.Now(); l.wait.Len() > 0 {
		if !l.last.IsZero() {
			l.seen = min(l.seen+1, smooth)
			l.pace += (now.Sub(l.last) - l.pace) / l.seen
		}
		l.last = now
	} else {
		l.last = time.Time{}
	}
	l.admit()
}

// begun runs one claim when its turn comes. False: the context ended before that, and nothing was begun. What was begun is
// finished, whoever still waits for it.
func (l *line) begun(ctx context.Context, limit time.Duration, do func(ctx context.Context)) bool {
	if !l.enter(ctx) {
		return false
	}
	began := time.Now()
	defer func() { l.leave(time.Since(began)) }()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), limit)
	defer cancel()
	do(ctx)
	return true
}

// step is how far a request has come; inLine says that nothing was begun, and Rank and Wait are the line's.
type step struct {
	session.Progress
	inLine bool
}

// enter begins the user's claim when its turn comes, and leaves the place when the worker has confirmed, or there is
// something else to wait for than that.
func (a *api) enter(ctx context.Context, user fleet.User) (s step, err error) {
	waiting, cancel := context.WithTimeout(ctx, linePatience)
	defer cancel()
	begun := a.line.begun(waiting, a.Patience, func(ctx context.Context) {
		s.Progress, err = a.Sessions.Claim(ctx, claim.Request{User: user}, a.Name)
		if err == nil && s.Bound != nil && !s.Ready() {
			a.hear(ctx, &s.Progress)
		}
	})
	if !begun {
		s.inLine = true
		s.Rank, s.Wait = a.line.promise()
	}
	return s, err
}

// hear waits for word of a bound worker, and notes it.
func (a *api) hear(ctx context.Context, p *session.Progress) {
	ctx, stop := context.WithTimeout(ctx, again)
	defer stop()
	ready, err := a.Desk.Wait(ctx, p.Bound.Epoch)
	if err == nil && ready.Refused == "" && ready.Worker == p.Bound.Worker {
		p.Bound.State = claim.Serving
	}
}
