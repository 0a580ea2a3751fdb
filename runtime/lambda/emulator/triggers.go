package emulator

import (
	"cmp"
	"context"
	"crypto/md5"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strconv"
	"sync"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"workerfleet/runtime/queue"
)

// Invoke does one event: a [Function]'s method, or a test's.
type Invoke func(ctx context.Context, payload []byte) ([]byte, error)

// Mapping feeds a function from a queue, as Lambda's event source mappings do: batches of ten, one a time of a group –
// which the queue sees to –, what the answer does not list as failed is deleted, and what it lists comes again when the
// queue's visibility timeout is over.
type Mapping struct {
	// ARN names the queue in the events.
	ARN    string
	Source queue.Source
	Invoke Invoke
	// Concurrency is how many batches are done at once; 0 is two, Lambda's least.
	Concurrency int
	// Wait is how long one look at an empty queue takes; 0 is 5 s.
	Wait time.Duration
	Log  *slog.Logger
}

const (
	leastPollers = 2
	defaultWait  = 5 * time.Second
	// failurePause is how long after a failed receive the queue is asked again.
	failurePause = 200 * time.Millisecond
)

// Run polls until ctx ends, and returns when the batches that are under way are settled.
func (m Mapping) Run(ctx context.Context) {
	var group sync.WaitGroup
	for range cmp.Or(m.Concurrency, leastPollers) {
		group.Go(func() {
			for ctx.Err() == nil {
				m.poll(ctx)
			}
		})
	}
	group.Wait()
}

func (m Mapping) poll(ctx context.Context) {
	batch, err := m.Source.Receive(ctx, queue.BatchLimit, cmp.Or(m.Wait, defaultWait))
	if err != nil {
		if ctx.Err() == nil {
			m.Log.Warn("the queue cannot be asked", "queue", m.ARN, "error", err)
			pause(ctx, failurePause)
		}
		return
	}
	if len(batch) == 0 {
		return
	}
	// What was received is done, though nothing more is received.
	ctx = context.WithoutCancel(ctx)
	done, err := m.batch(ctx, batch)
	if err != nil {
		m.Log.Warn("a batch failed and comes again", "queue", m.ARN, "messages", len(batch), "error", err)
		return
	}
	if len(done) == 0 {
		return
	}
	if err := m.Source.Delete(ctx, done...); err != nil {
		m.Log.Warn("done messages come again", "queue", m.ARN, "error", err)
	}
}

// batch invokes the function and returns the messages that are done. An answer that cannot be understood, or that names a
// message which was not in the batch, is a failure of all of them.
func (m Mapping) batch(ctx context.Context, batch []queue.Message) (done []queue.Message, err error) {
	var e events.SQSEvent
	failed := map[string]bool{}
	for _, message := range batch {
		failed[message.ID] = false
		e.Records = append(e.Records, m.record(message))
	}
	payload, err := json.Marshal(e)
	if err != nil {
		return nil, fmt.Errorf("write the event: %w", err)
	}
	text, err := m.Invoke(ctx, payload)
	if err != nil {
		return nil, err
	}
	var answer events.SQSEventResponse
	if err := json.Unmarshal(text, &answer); err != nil {
		return nil, fmt.Errorf("read the answer: %w", err)
	}
	for _, failure := range answer.BatchItemFailures {
		if _, known := failed[failure.ItemIdentifier]; !known {
			return nil, fmt.Errorf("the answer names %q, which was not in the batch", failure.ItemIdentifier)
		}
		failed[failure.ItemIdentifier] = true
	}
	for _, message := range batch {
		if !failed[message.ID] {
			done = append(done, message)
		}
	}
	return done, nil
}

func (m Mapping) record(message queue.Message) events.SQSMessage {
	sum := md5.Sum([]byte(message.Body)) // what SQS answers; it protects nothing
	return events.SQSMessage{
		MessageId: message.ID, ReceiptHandle: message.Receipt, Body: message.Body, Md5OfBody: hex.EncodeToString(sum[:]),
		Attributes: map[string]string{
			"MessageGroupId": message.Group, "MessageDeduplicationId": message.DedupID,
			"ApproximateReceiveCount": strconv.Itoa(message.Receives), "SentTimestamp": strconv.FormatInt(message.Sent.UnixMilli(), 10),
		},
		EventSource: "aws:sqs", EventSourceARN: m.ARN, AWSRegion: region,
	}
}

// Schedule starts a function by the clock, as EventBridge does: it does not wait for one tick's end before the next, and
// repeats none that failed.
type Schedule struct {
	// Rule names the rule in the events.
	Rule   string
	Every  time.Duration
	Invoke Invoke
	Log    *slog.Logger
}

// Run ticks until ctx ends, at once first, and returns when what it started has ended.
func (s Schedule) Run(ctx context.Context) {
	var group sync.WaitGroup
	defer group.Wait()
	ticker := time.NewTicker(s.Every)
	defer ticker.Stop()
	for n := 1; ; n++ {
		group.Go(func() {
			// A tick that finds no free environment is dropped: the one under way does its work.
			if err := s.tick(ctx, n); err != nil && !errors.Is(err, ErrThrottled) && ctx.Err() == nil {
				s.Log.Warn("a pass failed", "rule", s.Rule, "error", err)
			}
		})
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
	}
}

func (s Schedule) tick(ctx context.Context, n int) error {
	payload, err := json.Marshal(events.EventBridgeEvent{
		Version: "0", ID: fmt.Sprintf("%s-%d", s.Rule, n), DetailType: "Scheduled Event", Source: "aws.events", AccountID: "000000000000",
		Time: time.Now().UTC().Truncate(time.Second), Region: region,
		Resources: []string{"arn:aws:events:" + region + ":000000000000:rule/" + s.Rule}, Detail: json.RawMessage("{}"),
	})
	if err != nil {
		return fmt.Errorf("write the event: %w", err)
	}
	_, err = s.Invoke(ctx, payload)
	return err
}

// pause ends early when ctx does.
func pause(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-timer.C:
	}
}
