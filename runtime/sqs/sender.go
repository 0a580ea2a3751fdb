package sqs

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"workerfleet/runtime/queue"
)

// Sender puts tasks into queues. It is safe for concurrent use.
type Sender struct {
	to map[queue.Name]address
}

var _ queue.Sender = (*Sender)(nil)

type address struct {
	url    string
	client *sqs.Client
}

// NewSender makes a sender for queues by their URLs; one without a URL is left out. It makes no call.
func NewSender(config aws.Config, urls map[queue.Name]string) (*Sender, error) {
	s := &Sender{to: map[queue.Name]address{}}
	for name, url := range urls {
		if url == "" {
			continue
		}
		c, err := client(config, url)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		s.to[name] = address{url, c}
	}
	return s, nil
}

// Parts of a batch that SQS could not take, for reasons of its own, are sent again: so often, after such pauses.
const (
	mostTries  = 3
	firstPause = 50 * time.Millisecond
)

// waiting is a task on its way.
type waiting struct {
	task  queue.Task
	out   queue.Outgoing
	tries int
}

// Send: see [queue.Sender]. A call carries at most one task of each group, because parts of a call fail one by one: what
// stands behind a failed one of its group must not overtake it.
func (s *Sender) Send(ctx context.Context, to queue.Name, tasks ...queue.Task) error {
	at, known := s.to[to]
	if !known {
		return &queue.Unsent{Tasks: tasks, Err: fmt.Errorf("send: the queue %s has no address", to)}
	}
	var pending []waiting
	for _, t := range tasks {
		out, err := t.Outgoing(to)
		if err != nil {
			return &queue.Unsent{Tasks: tasks, Err: fmt.Errorf("send to %s: %w", to, err)}
		}
		pending = append(pending, waiting{task: t, out: out})
	}
	ctx, cancel := context.WithTimeout(ctx, callLimit)
	defer cancel()
	var unsent []queue.Task
	var errs []error
	blocked := map[string]bool{}
	for len(pending) > 0 {
		batch, rest, behind := next(pending, blocked)
		unsent = append(unsent, behind...)
		again, failed, err := at.send(ctx, batch)
		for _, w := range failed {
			blocked[w.out.Group] = true
			unsent = append(unsent, w.task)
		}
		errs = append(errs, err)
		pending = append(again, rest...)
	}
	if len(unsent) > 0 {
		return &queue.Unsent{Tasks: unsent, Err: fmt.Errorf("send to %s: %w", to, errors.Join(errs...))}
	}
	return nil
}

// next takes the first of each group for a call, and drops what stands behind a task that failed for good.
func next(pending []waiting, blocked map[string]bool) (batch, rest []waiting, behind []queue.Task) {
	taken := map[string]bool{}
	for _, w := range pending {
		switch group := w.out.Group; {
		case blocked[group]:
			behind = append(behind, w.task)
		case taken[group] || len(batch) == queue.BatchLimit:
			taken[group] = true // what comes later of this group waits as well
			rest = append(rest, w)
		default:
			taken[group] = true
			batch = append(batch, w)
		}
	}
	return batch, rest, behind
}

// send makes one call. again are those that SQS may take when asked once more; failed those that nobody asks for again.
func (a address) send(ctx context.Context, batch []waiting) (again, failed []waiting, err error) {
	if len(batch) == 0 {
		return nil, nil, nil
	}
	entries := make([]types.SendMessageBatchRequestEntry, len(batch))
	for i, w := range batch {
		entries[i] = types.SendMessageBatchRequestEntry{
			Id: aws.String(strconv.Itoa(i)), MessageBody: &w.out.Body, MessageGroupId: &w.out.Group, MessageDeduplicationId: &w.out.DedupID,
		}
	}
	answer, err := a.client.SendMessageBatch(ctx, &sqs.SendMessageBatchInput{QueueUrl: &a.url, Entries: entries})
	if err != nil {
		return nil, batch, err
	}
	var errs []error
	for _, f := range answer.Failed {
		i, err := strconv.Atoi(aws.ToString(f.Id))
		if err != nil || i < 0 || i >= len(batch) {
			return nil, batch, fmt.Errorf("SQS answers for an entry %q that was not sent", aws.ToString(f.Id))
		}
		w := batch[i]
		w.tries++
		if f.SenderFault || w.tries == mostTries {
			failed = append(failed, w)
			errs = append(errs, fmt.Errorf("%s of %s: %s: %s", w.task.Type, w.out.Group, aws.ToString(f.Code), aws.ToString(f.Message)))
		} else {
			again = append(again, w)
		}
	}
	if len(again) > 0 {
		errs = append(errs, pause(ctx, firstPause<<again[0].tries))
	}
	return again, failed, errors.Join(errs...)
}

// pause ends early when ctx does: the next call fails by itself then.
func pause(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}
