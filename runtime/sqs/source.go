package sqs

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"workerfleet/runtime/queue"
)

// Source hands out one queue's messages. It is safe for concurrent use.
type Source struct{ address }

var _ queue.Source = (*Source)(nil)

// NewSource makes a source of the queue at a URL. It makes no call.
func NewSource(config aws.Config, url string) (*Source, error) {
	c, err := client(config, url)
	if err != nil {
		return nil, err
	}
	return &Source{address{url, c}}, nil
}

// Receive: see [queue.Source]. It waits whole seconds, five at most.
func (s *Source) Receive(ctx context.Context, limit int, wait time.Duration) ([]queue.Message, error) {
	ctx, cancel := context.WithTimeout(ctx, callLimit)
	defer cancel()
	answer, err := s.client.ReceiveMessage(ctx, &sqs.ReceiveMessageInput{
		QueueUrl: &s.url, MaxNumberOfMessages: int32(limit), WaitTimeSeconds: int32(math.Ceil(min(wait, longestPoll).Seconds())),
		MessageSystemAttributeNames: []types.MessageSystemAttributeName{
			types.MessageSystemAttributeNameMessageGroupId, types.MessageSystemAttributeNameMessageDeduplicationId,
			types.MessageSystemAttributeNameApproximateReceiveCount, types.MessageSystemAttributeNameSentTimestamp,
		},
	})
	if err != nil {
		return nil, fmt.Errorf("receive: %w", err)
	}
	messages := make([]queue.Message, len(answer.Messages))
	for i, m := range answer.Messages {
		messages[i] = message(m)
	}
	return messages, nil
}

func message(m types.Message) queue.Message {
	of := func(name types.MessageSystemAttributeName) string { return m.Attributes[string(name)] }
	number := func(name types.MessageSystemAttributeName) int64 {
		n, _ := strconv.ParseInt(of(name), 10, 64) // absent is 0
		return n
	}
	return queue.Message{
		ID: aws.ToString(m.MessageId), Receipt: aws.ToString(m.ReceiptHandle), Body: aws.ToString(m.Body),
		Group: of(types.MessageSystemAttributeNameMessageGroupId), DedupID: of(types.MessageSystemAttributeNameMessageDeduplicationId),
		Receives: int(number(types.MessageSystemAttributeNameApproximateReceiveCount)),
		Sent:     time.UnixMilli(number(types.MessageSystemAttributeNameSentTimestamp)),
	}
}

// Delete: see [queue.Source].
func (s *Source) Delete(ctx context.Context, messages ...queue.Message) error {
	ctx, cancel := context.WithTimeout(ctx, callLimit)
	defer cancel()
	var errs []error
	for from := 0; from < len(messages); from += queue.BatchLimit {
		part := messages[from:min(from+queue.BatchLimit, len(messages))]
		entries := make([]types.DeleteMessageBatchRequestEntry, len(part))
		for i, m := range part {
			entries[i] = types.DeleteMessageBatchRequestEntry{Id: aws.String(strconv.Itoa(i)), ReceiptHandle: &m.Receipt}
		}
		answer, err := s.client.DeleteMessageBatch(ctx, &sqs.DeleteMessageBatchInput{QueueUrl: &s.url, Entries: entries})
		if err != nil {
			errs = append(errs, err)
			continue
		}
		for _, f := range answer.Failed {
			errs = append(errs, fmt.Errorf("message %s of %d: %s: %s", aws.ToString(f.Id), len(part), aws.ToString(f.Code), aws.ToString(f.Message)))
		}
	}
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("delete: %w", err)
	}
	return nil
}

// Hide: see [queue.Source].
func (s *Source) Hide(ctx context.Context, m queue.Message, timeout time.Duration) error {
	ctx, cancel := context.WithTimeout(ctx, callLimit)
	defer cancel()
	if _, err := s.client.ChangeMessageVisibility(ctx, &sqs.ChangeMessageVisibilityInput{
		QueueUrl: &s.url, ReceiptHandle: &m.Receipt, VisibilityTimeout: int32(math.Ceil(timeout.Seconds())),
	}); err != nil {
		return fmt.Errorf("hide: %w", err)
	}
	return nil
}

// attributes asks the queue about itself.
func (s *Source) attributes(ctx context.Context, names ...types.QueueAttributeName) (map[string]string, error) {
	ctx, cancel := context.WithTimeout(ctx, callLimit)
	defer cancel()
	answer, err := s.client.GetQueueAttributes(ctx, &sqs.GetQueueAttributesInput{QueueUrl: &s.url, AttributeNames: names})
	if err != nil {
		return nil, fmt.Errorf("look at the queue: %w", err)
	}
	return answer.Attributes, nil
}

// Depth counts the messages that wait and those that were received and not deleted, about.
func (s *Source) Depth(ctx context.Context) (waiting, hidden int, err error) {
	waits, hides := types.QueueAttributeNameApproximateNumberOfMessages, types.QueueAttributeNameApproximateNumberOfMessagesNotVisible
	all, err := s.attributes(ctx, waits, hides)
	if err != nil {
		return 0, 0, err
	}
	waiting, err = strconv.Atoi(all[string(waits)])
	if err != nil {
		return 0, 0, fmt.Errorf("look at the queue: %w", err)
	}
	hidden, err = strconv.Atoi(all[string(hides)])
	return waiting, hidden, err
}

// errNoDead is returned for a queue that has no dead-letter queue.
var errNoDead = errors.New("the queue has no dead-letter queue")

// Dead finds the queue's dead-letter queue.
func (s *Source) Dead(ctx context.Context) (*Source, error) {
	arn, err := s.deadARN(ctx)
	if err != nil {
		return nil, err
	}
	name := arn[strings.LastIndex(arn, ":")+1:]
	answer, err := s.client.GetQueueUrl(ctx, &sqs.GetQueueUrlInput{QueueName: &name})
	if err != nil {
		return nil, fmt.Errorf("find the dead-letter queue: %w", err)
	}
	return &Source{address{aws.ToString(answer.QueueUrl), s.client}}, nil
}

func (s *Source) deadARN(ctx context.Context) (string, error) {
	all, err := s.attributes(ctx, types.QueueAttributeNameRedrivePolicy)
	if err != nil {
		return "", err
	}
	var policy struct {
		Target string `json:"deadLetterTargetArn"`
	}
	if text := all[string(types.QueueAttributeNameRedrivePolicy)]; text == "" {
		return "", errNoDead
	} else if err := json.Unmarshal([]byte(text), &policy); err != nil {
		return "", fmt.Errorf("read the redrive policy: %w", err)
	}
	return policy.Target, nil
}

// Redrive begins to send the messages of the queue's dead-letter queue back to it, in order; SQS goes on by itself.
func (s *Source) Redrive(ctx context.Context) error {
	arn, err := s.deadARN(ctx)
	if err != nil {
		return err
	}
	if _, err := s.client.StartMessageMoveTask(ctx, &sqs.StartMessageMoveTaskInput{SourceArn: &arn}); err != nil {
		return fmt.Errorf("redrive: %w", err)
	}
	return nil
}

// Redriven says how far the latest redrive has come: SQS's word for its state, and how many messages were moved.
func (s *Source) Redriven(ctx context.Context) (state string, moved int, err error) {
	arn, err := s.deadARN(ctx)
	if err != nil {
		return "", 0, err
	}
	answer, err := s.client.ListMessageMoveTasks(ctx, &sqs.ListMessageMoveTasksInput{SourceArn: &arn, MaxResults: aws.Int32(1)})
	if err != nil {
		return "", 0, fmt.Errorf("look at the redrive: %w", err)
	}
	if len(answer.Results) == 0 {
		return "", 0, nil
	}
	latest := answer.Results[0]
	return aws.ToString(latest.Status), int(latest.ApproximateNumberOfMessagesMoved), nil
}
