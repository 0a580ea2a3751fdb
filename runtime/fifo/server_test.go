package fifo_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
	"github.com/aws/smithy-go"
	"github.com/stretchr/testify/require"

	"workerfleet/runtime/fifo"
)

// served is a pair of queues behind AWS's own client.
type served struct {
	*testing.T
	*sqs.Client
	queues *fifo.Server
	url    *string
}

func serve(t *testing.T) served {
	t.Helper()
	var queues *fifo.Server
	listener := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { queues.ServeHTTP(w, r) }))
	t.Cleanup(listener.Close)
	var err error
	queues, err = fifo.New(listener.URL,
		fifo.Config{Name: "work.fifo", Visibility: time.Minute, Dead: "dead.fifo", MaxReceives: 1}, fifo.Config{Name: "dead.fifo", ContentDeduplication: true})
	require.NoError(t, err)
	client := sqs.New(sqs.Options{
		BaseEndpoint: &listener.URL, Region: fifo.Region, Credentials: credentials.NewStaticCredentialsProvider("test", "test", ""),
	})
	return served{t, client, queues, aws.String(queues.URL("work.fifo"))}
}

func (s served) send(group, dedup, body string) *sqs.SendMessageOutput {
	s.Helper()
	out, err := s.SendMessage(s.Context(), &sqs.SendMessageInput{QueueUrl: s.url, MessageGroupId: &group, MessageDeduplicationId: &dedup, MessageBody: &body})
	require.NoError(s, err)
	return out
}

// The calls that are not part of the suite of package queuetest answer as AWS's own client expects.
func TestCalls(t *testing.T) {
	s := serve(t)
	first, again := s.send("a", "1", "body"), s.send("a", "1", "body")
	require.Equal(t, first.MessageId, again.MessageId)
	require.Equal(t, first.SequenceNumber, again.SequenceNumber)
	require.Len(t, *first.SequenceNumber, 20)

	got, err := s.ReceiveMessage(t.Context(), &sqs.ReceiveMessageInput{QueueUrl: s.url, MessageSystemAttributeNames: []types.MessageSystemAttributeName{"All"}})
	require.NoError(t, err)
	require.Len(t, got.Messages, 1)
	require.Equal(t, "1", got.Messages[0].Attributes["ApproximateReceiveCount"])
	require.Equal(t, *first.SequenceNumber, got.Messages[0].Attributes["SequenceNumber"])
	entries := []types.ChangeMessageVisibilityBatchRequestEntry{
		{Id: aws.String("1"), ReceiptHandle: got.Messages[0].ReceiptHandle, VisibilityTimeout: 0}, {Id: aws.String("2"), ReceiptHandle: aws.String("nonsense")},
	}
	hidden, err := s.ChangeMessageVisibilityBatch(t.Context(), &sqs.ChangeMessageVisibilityBatchInput{QueueUrl: s.url, Entries: entries})
	require.NoError(t, err)
	require.Equal(t, []string{"1", "2", "ReceiptHandleIsInvalid"}, []string{*hidden.Successful[0].Id, *hidden.Failed[0].Id, *hidden.Failed[0].Code})

	all, err := s.GetQueueAttributes(t.Context(), &sqs.GetQueueAttributesInput{QueueUrl: s.url, AttributeNames: []types.QueueAttributeName{"All"}})
	require.NoError(t, err)
	require.Equal(t, []string{"60", "1", "0", "true", `{"deadLetterTargetArn":"` + fifo.ARN("dead.fifo") + `","maxReceiveCount":1}`}, []string{
		all.Attributes["VisibilityTimeout"], all.Attributes["ApproximateNumberOfMessages"], all.Attributes["ApproximateNumberOfMessagesNotVisible"],
		all.Attributes["FifoQueue"], all.Attributes["RedrivePolicy"],
	})
	named, err := s.GetQueueUrl(t.Context(), &sqs.GetQueueUrlInput{QueueName: aws.String("work.fifo")})
	require.NoError(t, err)
	require.Equal(t, s.url, named.QueueUrl)
	listed, err := s.ListQueues(t.Context(), &sqs.ListQueuesInput{QueueNamePrefix: aws.String("work")})
	require.NoError(t, err)
	require.Equal(t, []string{*s.url}, listed.QueueUrls)
	_, err = s.PurgeQueue(t.Context(), &sqs.PurgeQueueInput{QueueUrl: s.url})
	require.NoError(t, err)
	got, err = s.ReceiveMessage(t.Context(), &sqs.ReceiveMessageInput{QueueUrl: s.url})
	require.NoError(t, err)
	require.Empty(t, got.Messages)
}

// Each refusal has the type and the code by which AWS's client tells it from others, and nothing happened.
func TestRefusals(t *testing.T) {
	s := serve(t)
	s.send("a", "1", "body")
	text := func(n int) *string { return aws.String(strings.Repeat("x", n)) }
	entry := func(id string) types.SendMessageBatchRequestEntry {
		return types.SendMessageBatchRequestEntry{Id: &id, MessageBody: text(1), MessageGroupId: text(1), MessageDeduplicationId: text(1)}
	}
	large := entry("1")
	large.MessageBody = text(1 << 19)
	other := large
	other.Id, other.MessageBody = text(2), text(1<<19+1)
	batch := func(entries ...types.SendMessageBatchRequestEntry) error {
		_, err := s.SendMessageBatch(t.Context(), &sqs.SendMessageBatchInput{QueueUrl: s.url, Entries: append([]types.SendMessageBatchRequestEntry{}, entries...)})
		return err
	}
	send := func(in sqs.SendMessageInput) error {
		if in.QueueUrl == nil {
			in.QueueUrl = s.url
		}
		_, err := s.SendMessage(t.Context(), &in)
		return err
	}
	receive := func(in sqs.ReceiveMessageInput) error {
		in.QueueUrl = s.url
		_, err := s.ReceiveMessage(t.Context(), &in)
		return err
	}
	hide := func(receipt string, timeout int32) error {
		_, err := s.ChangeMessageVisibility(t.Context(), &sqs.ChangeMessageVisibilityInput{QueueUrl: s.url, ReceiptHandle: &receipt, VisibilityTimeout: timeout})
		return err
	}
	move := func(arn string) error {
		_, err := s.StartMessageMoveTask(t.Context(), &sqs.StartMessageMoveTaskInput{SourceArn: &arn})
		return err
	}
	_, purged := s.PurgeQueue(t.Context(), &sqs.PurgeQueueInput{QueueUrl: s.url})
	require.NoError(t, purged)
	_, purged = s.PurgeQueue(t.Context(), &sqs.PurgeQueueInput{QueueUrl: s.url})
	_, unserved := s.CreateQueue(t.Context(), &sqs.CreateQueueInput{QueueName: aws.String("new.fifo")})
	const legacy = "AWS.SimpleQueueService."
	for what, c := range map[string]struct {
		err  error
		code string
	}{
		"no queue":        {send(sqs.SendMessageInput{QueueUrl: aws.String(s.queues.URL("other.fifo")), MessageBody: text(1), MessageGroupId: text(1)}), legacy + "NonExistentQueue"},
		"no group":        {send(sqs.SendMessageInput{MessageBody: text(1), MessageDeduplicationId: text(1)}), "MissingParameter"},
		"no dedup id":     {send(sqs.SendMessageInput{MessageBody: text(1), MessageGroupId: text(1)}), "InvalidParameterValue"},
		"long group":      {send(sqs.SendMessageInput{MessageBody: text(1), MessageGroupId: text(129), MessageDeduplicationId: text(1)}), "InvalidParameterValue"},
		"space in group":  {send(sqs.SendMessageInput{MessageBody: text(1), MessageGroupId: aws.String("a b"), MessageDeduplicationId: text(1)}), "InvalidParameterValue"},
		"long body":       {send(sqs.SendMessageInput{MessageBody: text(1<<20 + 1), MessageGroupId: text(1), MessageDeduplicationId: text(1)}), "InvalidParameterValue"},
		"a delay":         {send(sqs.SendMessageInput{MessageBody: text(1), MessageGroupId: text(1), MessageDeduplicationId: text(1), DelaySeconds: 1}), "InvalidParameterValue"},
		"attributes":      {send(sqs.SendMessageInput{MessageBody: text(1), MessageGroupId: text(1), MessageDeduplicationId: text(1), MessageAttributes: map[string]types.MessageAttributeValue{"a": {DataType: text(1)}}}), legacy + "UnsupportedOperation"},
		"empty batch":     {batch(), legacy + "EmptyBatchRequest"},
		"same ids":        {batch(entry("1"), entry("1")), legacy + "BatchEntryIdsNotDistinct"},
		"empty id":        {batch(entry("")), legacy + "InvalidBatchEntryId"},
		"eleven":          {batch(entry("1"), entry("2"), entry("3"), entry("4"), entry("5"), entry("6"), entry("7"), entry("8"), entry("9"), entry("10"), entry("11")), legacy + "TooManyEntriesInBatchRequest"},
		"long batch":      {batch(large, other), legacy + "BatchRequestTooLong"},
		"eleven received": {receive(sqs.ReceiveMessageInput{MaxNumberOfMessages: 11}), "InvalidParameterValue"},
		"long poll":       {receive(sqs.ReceiveMessageInput{WaitTimeSeconds: 21}), "InvalidParameterValue"},
		"long hiding":     {hide("a-b", 43_201), "InvalidParameterValue"},
		"gone":            {hide("a-b", 1), "InvalidParameterValue"},
		"nonsense":        {hide("nonsense", 1), "ReceiptHandleIsInvalid"},
		"no dead letters": {move(fifo.ARN("work.fifo")), "InvalidParameterValue"},
		"no such ARN":     {move(fifo.ARN("other.fifo")), "ResourceNotFoundException"},
		"purged twice":    {purged, legacy + "PurgeQueueInProgress"},
		"not served":      {unserved, legacy + "UnsupportedOperation"},
	} {
		var refusal smithy.APIError
		require.ErrorAs(t, c.err, &refusal, what)
		require.Equal(t, c.code, refusal.ErrorCode(), "%s: %v", what, c.err)
	}
	var missing *types.QueueDoesNotExist
	require.ErrorAs(t, send(sqs.SendMessageInput{QueueUrl: aws.String("http://h/1/none.fifo"), MessageBody: text(1)}), &missing)
}

// A receive that waits returns as soon as a message is sent, and with nothing when the time is over or its caller leaves.
func TestLongPoll(t *testing.T) {
	s := serve(t)
	var group sync.WaitGroup
	began := time.Now()
	group.Go(func() {
		got, err := s.ReceiveMessage(t.Context(), &sqs.ReceiveMessageInput{QueueUrl: s.url, WaitTimeSeconds: 20})
		if err != nil || len(got.Messages) != 1 {
			t.Errorf("received %v, %v", got, err)
		}
	})
	time.Sleep(50 * time.Millisecond)
	s.send("a", "1", "body")
	group.Wait()
	require.Less(t, time.Since(began), 5*time.Second)
	got, err := s.ReceiveMessage(t.Context(), &sqs.ReceiveMessageInput{QueueUrl: s.url, WaitTimeSeconds: 1})
	require.NoError(t, err)
	require.Empty(t, got.Messages)
}

// Queues that could not be SQS's are refused by name.
func TestRefusesQueues(t *testing.T) {
	for want, configs := range map[string][]fifo.Config{
		`queue "work": is not allowed`:                           {{Name: "work"}},
		`queue "a.fifo": is there twice`:                         {{Name: "a.fifo"}, {Name: "a.fifo"}},
		`its dead-letter queue "b.fifo" after 3 receives`:        {{Name: "a.fifo", Dead: "b.fifo", MaxReceives: 3}},
		`its dead-letter queue "b.fifo" after 0 receives is not`: {{Name: "a.fifo", Dead: "b.fifo"}, {Name: "b.fifo"}},
	} {
		_, err := fifo.New("http://127.0.0.1:1", configs...)
		require.ErrorContains(t, err, want)
	}
}
