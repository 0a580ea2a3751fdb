package httpapi

import (
	"context"
	"sync"
	"time"

	"workerfleet/runtime/claim"
	"workerfleet/runtime/fleet"
	"workerfleet/runtime/session"
)

// line is where claims wait before they are begun. A claim that is begun binds a worker at once, and the worker must
// have confirmed within seconds: so no more are begun than the servers finish in that time. When everybody comes at
// once, all would be bound, hardly one delivered before it expired, and each would begin anew, for ever.
type line struct {
	places chan struct{}

	mu    sync.Mutex
	ahead int           // who waits
	last  time.Time     // when the latest claim was finished while others waited
	pace  time.Duration // between two of those, on average
	seen  time.Duration // how many of them the average is of
	next  time.Time     // the latest turn that was promised to who went away
}

func newLine(places int) *line { return &line{places: make(chan struct{}, places)} }

// Bounds of a wait: how long a request stands in line before it is answered, and how far ahead the pace is trusted.
const (
	linePatience   = 10 * time.Second
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
	return l.ahead, min(l.next.Sub(now), longestPromise)
}

func (l *line) join(by int) {
	l.mu.Lock()
	l.ahead += by
	l.mu.Unlock()
}

// smooth is how many claims the pace is an average of, about: they finish in bunches.
const smooth = 1024

func (l *line) finished() {
	l.mu.Lock()
	if now := time.Now(); l.ahead > 0 {
		if !l.last.IsZero() {
			l.seen = min(l.seen+1, smooth)
			l.pace += (now.Sub(l.last) - l.pace) / l.seen
		}
		l.last = now
	} else {
		l.last = time.Time{}
	}
	l.mu.Unlock()
	<-l.places
}

// begun runs one claim when its turn comes; the first to come is the first to go. False: the context ended before that,
// and nothing was begun. What was begun is finished, whoever still waits for it.
func (l *line) begun(ctx context.Context, limit time.Duration, do func(ctx context.Context)) bool {
	l.join(1)
	select {
	case l.places <- struct{}{}:
		l.join(-1)
	case <-ctx.Done():
		l.join(-1)
		return false
	}
	defer l.finished()
	if ctx.Err() != nil { // both were so: for a user who is answered already nothing begins
		return false
	}
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

// enter begins the user's claim when its turn comes.
func (a *api) enter(ctx context.Context, user fleet.User) (s step, err error) {
	waiting, cancel := context.WithTimeout(ctx, linePatience)
	defer cancel()
	begun := a.line.begun(waiting, a.Patience, func(ctx context.Context) {
		s.Progress, err = a.Sessions.Claim(ctx, claim.Request{User: user}, a.Name)
	})
	if !begun {
		s.inLine = true
		s.Rank, s.Wait = a.line.promise()
	}
	return s, err
}
