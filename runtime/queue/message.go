package queue

import (
	"context"
	"errors"
	"time"
)

// Message is a message as it was received.
type Message struct {
	// ID is the queue's name for it; Receipt is what this one delivery is settled by.
	ID, Receipt string
	Group       string
	DedupID     string
	Body        string
	// Receives counts how often it was handed out, this time included.
	Receives int
	// Sent is when the queue took it.
	Sent time.Time
}

// Handler does what a message asks for. An error means that the message must come again; doing it twice must be harmless.
type Handler func(ctx context.Context, m Message) error

// Sender puts tasks into queues. Implementations keep the order of tasks of one group.
type Sender interface {
	// Send returns when the queue has taken every task, or with an [*Unsent] that says which it has not. Repeating a
	// task is harmless: it comes once.
	Send(ctx context.Context, to Name, tasks ...Task) error
}

// Unsent is the error of tasks that a queue has not taken, or may not have taken: send them again.
type Unsent struct {
	Tasks []Task
	Err   error
}

func (u *Unsent) Error() string { return u.Err.Error() }

// Unwrap is the reason.
func (u *Unsent) Unwrap() error { return u.Err }

// Source hands out a queue's messages. What is neither deleted nor hidden anew comes again when the queue's visibility
// timeout is over, and holds the rest of its group back until then.
type Source interface {
	// Receive waits up to wait for messages and returns at most limit, 1 to [BatchLimit]; none is no error.
	Receive(ctx context.Context, limit int, wait time.Duration) ([]Message, error)
	// Delete settles messages for good. The error lists those that are not: they come again.
	Delete(ctx context.Context, messages ...Message) error
	// Hide lets a message come again after this time, from now; 0 is at once.
	Hide(ctx context.Context, m Message, timeout time.Duration) error
}

// BatchLimit is the most messages that one call carries, either way (fact sqs.batch).
const BatchLimit = 10

// ErrBehind is why a message was not tried: one before it in its group must come again first.
var ErrBehind = errors.New("an earlier message of its group failed")

// Later is a handler's error that passes by itself: trying again is of use after a time that is known, which is sooner than
// the queue's own.
type Later struct {
	After time.Duration
	Err   error
}

func (l *Later) Error() string { return l.Err.Error() }

// Unwrap is the reason.
func (l *Later) Unwrap() error { return l.Err }

// Postponed is how long each failure need be hidden that waits for a [Later] of its group: that message, and what is behind
// it, which would hold the group back beyond it. 0 leaves it to the queue.
func Postponed(failures []Failure) []time.Duration {
	until, hidden := map[string]time.Duration{}, make([]time.Duration, len(failures))
	for i, f := range failures {
		var later *Later
		if errors.As(f.Err, &later) {
			until[f.Group] = later.After
		}
		hidden[i] = until[f.Group]
	}
	return hidden
}

// Failure is a message that must come again, and why.
type Failure struct {
	Message
	Err error
}

// Work hands a batch to its handler, one after the other, and returns what must come again: in each group the first that
// failed and everything behind it, so that order holds when they do. When ctx ends, what is left is not tried.
func Work(ctx context.Context, batch []Message, handle Handler) []Failure {
	outcomes := make([]error, len(batch))
	blocked := map[string]bool{}
	for i, m := range batch {
		if blocked[m.Group] {
			continue
		}
		err := context.Cause(ctx)
		if err == nil {
			err = handle(ctx, m)
		}
		outcomes[i], blocked[m.Group] = err, err != nil
	}
	return Again(batch, outcomes)
}

// Again lists what must come again of a batch whose messages ended so: the outcomes stand in the order of the messages, and
// what is listed behind a failure of its group counts as failed whatever its own says.
func Again(batch []Message, outcomes []error) []Failure {
	var again []Failure
	blocked := map[string]bool{}
	for i, m := range batch {
		err := outcomes[i]
		if blocked[m.Group] {
			err = ErrBehind
		}
		if err != nil {
			blocked[m.Group] = true
			again = append(again, Failure{m, err})
		}
	}
	return again
}
