package lambda

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strconv"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-lambda-go/lambda"

	"workerfleet/runtime/queue"
)

// Function is what one function does with its events. Handle or Pass is set, whichever feeds it.
type Function struct {
	// Handle does what a message asks for.
	Handle queue.Handler
	// Postpone lets a message that failed with a [queue.Later] come again after that time; nil leaves it to the queue.
	Postpone func(ctx context.Context, m queue.Message, after time.Duration) error
	// Pass is made at each tick of the clock.
	Pass func(ctx context.Context) error
	// After is called when an event is done, before Lambda may freeze the process.
	After func()
	Log   *slog.Logger
}

// margin is kept of an event's time to answer in: a batch whose answer comes too late comes again as a whole.
const margin = 500 * time.Millisecond

// Serve takes events until Lambda ends the process. It does not return.
func (f Function) Serve() { lambda.StartHandlerFunc(f.Event) }

// event is any event as far as this package tells them apart.
type event struct {
	Records    []events.SQSMessage `json:"Records"`
	DetailType string              `json:"detail-type"`
}

// What the kinds of events are known by.
const (
	fromQueue = "aws:sqs"
	tick      = "Scheduled Event"
)

// Event does what one event asks for and returns the answer.
func (f Function) Event(ctx context.Context, payload json.RawMessage) (any, error) {
	if deadline, ok := ctx.Deadline(); ok {
		var cancel context.CancelFunc
		ctx, cancel = context.WithDeadline(ctx, deadline.Add(-margin))
		defer cancel()
	}
	if f.After != nil {
		defer f.After()
	}
	var e event
	if err := json.Unmarshal(payload, &e); err != nil {
		return nil, fmt.Errorf("read the event: %w", err)
	}
	switch {
	case len(e.Records) > 0 && f.Handle != nil:
		return f.batch(ctx, e.Records)
	case e.DetailType == tick && f.Pass != nil:
		return nil, f.Pass(ctx)
	}
	return nil, fmt.Errorf("the event is not one of this function's; allowed: %s", f.allowed())
}

func (f Function) allowed() string {
	if f.Handle != nil {
		return "records of " + fromQueue
	}
	return tick
}

// batch does the messages in order and lists those that must come again.
func (f Function) batch(ctx context.Context, records []events.SQSMessage) (any, error) {
	messages := make([]queue.Message, len(records))
	for i, r := range records {
		if r.EventSource != fromQueue {
			return nil, fmt.Errorf("a record comes from %q; allowed: %s", r.EventSource, fromQueue)
		}
		messages[i] = message(r)
	}
	answer := events.SQSEventResponse{BatchItemFailures: []events.SQSBatchItemFailure{}}
	failures := queue.Work(ctx, messages, f.Handle)
	f.postpone(ctx, failures)
	for _, failure := range failures {
		answer.BatchItemFailures = append(answer.BatchItemFailures, events.SQSBatchItemFailure{ItemIdentifier: failure.ID})
		if !errors.Is(failure.Err, queue.ErrBehind) {
			// The only word of why a message ends in the dead-letter queue, so it has the id that is found there.
			f.Log.Warn("a message comes again", "message", failure.ID, "group", failure.Group, "receives", failure.Receives, "error", failure.Err)
		}
	}
	return answer, nil
}

// postpone hides what will pass, the last first: a group goes on where its first message lies. What cannot be hidden comes
// again in the queue's own time.
func (f Function) postpone(ctx context.Context, failures []queue.Failure) {
	if f.Postpone == nil {
		return
	}
	hidden := queue.Postponed(failures)
	for i, failure := range slices.Backward(failures) {
		if hidden[i] == 0 {
			continue
		}
		if err := f.Postpone(ctx, failure.Message, hidden[i]); err != nil {
			f.Log.Warn("a message is hidden for longer than it needs", "message", failure.ID, "error", err)
		}
	}
}

func message(r events.SQSMessage) queue.Message {
	number := func(name string) int64 {
		n, _ := strconv.ParseInt(r.Attributes[name], 10, 64) // absent is 0
		return n
	}
	return queue.Message{
		ID: r.MessageId, Receipt: r.ReceiptHandle, Body: r.Body,
		Group: r.Attributes["MessageGroupId"], DedupID: r.Attributes["MessageDeduplicationId"],
		Receives: int(number("ApproximateReceiveCount")), Sent: time.UnixMilli(number("SentTimestamp")),
	}
}
