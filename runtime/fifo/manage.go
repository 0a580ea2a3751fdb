package fifo

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"slices"
	"strconv"
	"strings"
	"time"
)

// described names a queue and what is asked about it.
type described struct {
	Queue string   `json:"QueueUrl"`
	Names []string `json:"AttributeNames"`
}

func (s *Server) attributes(_ context.Context, text []byte) (any, *refusal) {
	return at(s, text, attributesOf)
}

func attributesOf(q *queue, in described) (any, *refusal) {
	visible, hidden := q.counts(time.Now())
	whole := func(d time.Duration) string { return strconv.Itoa(int(d / time.Second)) }
	all := map[string]string{
		"ApproximateNumberOfMessages": strconv.Itoa(visible), "ApproximateNumberOfMessagesNotVisible": strconv.Itoa(hidden),
		"ApproximateNumberOfMessagesDelayed": "0", "QueueArn": ARN(q.Name), "FifoQueue": "true",
		"DeduplicationScope": "messageGroup", "FifoThroughputLimit": "perMessageGroupId",
		"ContentBasedDeduplication": strconv.FormatBool(q.ContentDeduplication), "MaximumMessageSize": strconv.Itoa(mostBytes),
		"VisibilityTimeout": whole(q.Visibility), "MessageRetentionPeriod": whole(q.Retention), "DelaySeconds": "0",
		"ReceiveMessageWaitTimeSeconds": "0",
		"CreatedTimestamp":              strconv.FormatInt(q.created.Unix(), 10), "LastModifiedTimestamp": strconv.FormatInt(q.created.Unix(), 10),
	}
	if q.Dead != "" {
		policy, err := json.Marshal(map[string]any{"deadLetterTargetArn": ARN(q.Dead), "maxReceiveCount": q.MaxReceives})
		if err != nil {
			return nil, refuse("InternalError", "%v", err)
		}
		all["RedrivePolicy"] = string(policy)
	}
	return map[string]any{"Attributes": chosen(all, in.Names)}, nil
}

func (s *Server) url(_ context.Context, text []byte) (any, *refusal) {
	in, refused := read[struct{ QueueName, QueueOwnerAWSAccountId string }](text)
	if refused != nil {
		return nil, refused
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, refused := s.byURL(in.QueueName); refused != nil {
		return nil, refused
	}
	return map[string]string{"QueueUrl": s.URL(in.QueueName)}, nil
}

func (s *Server) list(_ context.Context, text []byte) (any, *refusal) {
	in, refused := read[struct {
		QueueNamePrefix, NextToken string
		MaxResults                 int
	}](text)
	if refused != nil {
		return nil, refused
	}
	urls := []string{}
	for _, name := range s.names {
		if strings.HasPrefix(name, in.QueueNamePrefix) {
			urls = append(urls, s.URL(name))
		}
	}
	return map[string][]string{"QueueUrls": urls}, nil
}

// purgePause is how often a queue may be emptied.
const purgePause = time.Minute

func (s *Server) purge(_ context.Context, text []byte) (any, *refusal) {
	return at(s, text, func(q *queue, _ described) (any, *refusal) {
		now := time.Now()
		if now.Sub(q.purged) < purgePause {
			return nil, legacy("PurgeQueueInProgress", "Only one PurgeQueue operation on %s is allowed every 60 seconds.", q.Name)
		}
		q.purge(now)
		return struct{}{}, nil
	})
}

// moveTask is a redrive. It is done at once.
type moveTask struct {
	Source      string `json:"SourceArn"`
	Destination string `json:"DestinationArn,omitempty"`
	Status      string
	Moved       int   `json:"ApproximateNumberOfMessagesMoved"`
	Whole       int   `json:"ApproximateNumberOfMessagesToMove"`
	Started     int64 `json:"StartedTimestamp"`
}

// startMove sends the messages of a dead-letter queue back to where each came from, or all to one queue.
func (s *Server) startMove(_ context.Context, text []byte) (any, *refusal) {
	in, refused := read[struct {
		SourceArn, DestinationArn    string
		MaxNumberOfMessagesPerSecond *int
	}](text)
	if refused != nil {
		return nil, refused
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	from, refused := s.byARN(in.SourceArn)
	if refused != nil {
		return nil, refused
	}
	if !slices.ContainsFunc(s.names, func(name string) bool { return s.queues[name].Dead == from.Name }) {
		return nil, refuse("InvalidParameterValue", "Source queue must be configured as a Dead Letter Queue.")
	}
	to := func(source string) *queue { return s.queues[source] }
	if in.DestinationArn != "" {
		target, refused := s.byARN(in.DestinationArn)
		if refused != nil {
			return nil, refused
		}
		to = func(string) *queue { return target }
	}
	now := time.Now()
	whole := len(from.messages)
	task := moveTask{Source: in.SourceArn, Destination: in.DestinationArn, Status: "COMPLETED", Whole: whole, Started: now.UnixMilli()}
	task.Moved = from.move(now, to)
	s.tasks = append([]moveTask{task}, s.tasks...)
	s.signal()
	return map[string]string{"TaskHandle": rand.Text()}, nil
}

func (s *Server) listMoves(_ context.Context, text []byte) (any, *refusal) {
	in, refused := read[struct {
		SourceArn  string
		MaxResults *int
	}](text)
	if refused != nil {
		return nil, refused
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, refused := s.byARN(in.SourceArn); refused != nil {
		return nil, refused
	}
	limit := 1
	if in.MaxResults != nil {
		limit = *in.MaxResults
	}
	found := []moveTask{}
	for _, t := range s.tasks {
		if t.Source == in.SourceArn && len(found) < limit {
			found = append(found, t)
		}
	}
	return map[string][]moveTask{"Results": found}, nil
}
