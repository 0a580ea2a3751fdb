package worker

import (
	"context"
	"math/rand/v2"
	"time"

	"workerfleet/runtime/hostlink"
)

// Pauses between attempts to reach the agent, doubling from the first to the longest. A new agent's workers come back
// within about a second and not all at once.
const (
	firstRedial   = 10 * time.Millisecond
	longestRedial = time.Second
)

// keepLinked connects to the agent, reports what it says, and does so again whenever the connection ends, until ctx
// does.
func (w *Worker) keepLinked(ctx context.Context) {
	failures := 0
	for ctx.Err() == nil {
		stream, err := w.Dial(ctx)
		if err == nil && w.listen(ctx, hostlink.NewConn(stream)) {
			failures = 0
		} else {
			failures++
		}
		if err != nil && failures == 1 {
			w.Log.Warn("no agent", "error", err)
		}
		wait := min(longestRedial, firstRedial<<min(failures, 10))
		select {
		case <-time.After(wait/2 + rand.N(wait)):
		case <-ctx.Done():
		}
	}
}

// listen reports one connection from its beginning to its end, and whether anything was heard on it.
func (w *Worker) listen(ctx context.Context, conn *hostlink.Conn) (heard bool) {
	defer context.AfterFunc(ctx, func() { _ = conn.Close() })()
	defer conn.Close()
	if !w.report(ctx, opened{conn: conn}) {
		return false
	}
	for {
		m, err := conn.Receive(0)
		if err != nil {
			w.report(ctx, closed{conn: conn})
			return heard
		}
		heard = true
		if !w.report(ctx, Heard{m}) {
			return heard
		}
	}
}

// hand gives an event to the loop; false: nobody takes it any more.
func (w *Worker) hand(ctx context.Context, e Event) bool {
	select {
	case w.events <- e:
		return true
	case <-ctx.Done():
		return false
	}
}
