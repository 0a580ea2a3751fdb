package fifo

import (
	"context"
	"crypto/md5"
	"encoding/hex"
	"strings"
	"time"
)

// call answers one operation.
type call func(ctx context.Context, text []byte) (any, *refusal)

func (s *Server) calls() map[string]call {
	return map[string]call{
		"SendMessage": s.sendOne, "SendMessageBatch": s.sendBatch,
		"ReceiveMessage": s.receive,
		"DeleteMessage":  s.deleteOne, "DeleteMessageBatch": s.deleteBatch,
		"ChangeMessageVisibility": s.hideOne, "ChangeMessageVisibilityBatch": s.hideBatch,
		"GetQueueAttributes": s.attributes, "GetQueueUrl": s.url, "ListQueues": s.list, "PurgeQueue": s.purge,
		"StartMessageMoveTask": s.startMove, "ListMessageMoveTasks": s.listMoves,
	}
}

// Limits of SQS (facts sqs.batch, sqs.msgsize, sqs.visibility).
const (
	mostEntries    = 10
	mostBytes      = 1 << 20
	longestID      = 128
	longestHiding  = 12 * time.Hour
	longestPolling = 20
)

// at reads a call's input and does it on the queue that it names, under the lock.
func at[T interface{ queue() string }](s *Server, text []byte, do func(q *queue, in T) (any, *refusal)) (any, *refusal) {
	in, refused := read[T](text)
	if refused != nil {
		return nil, refused
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	q, refused := s.byURL(in.queue())
	if refused != nil {
		return nil, refused
	}
	return do(q, in)
}

func (in sending) queue() string   { return in.Queue }
func (in batch[T]) queue() string  { return in.Queue }
func (in settling) queue() string  { return in.Queue }
func (in described) queue() string { return in.Queue }

// sending is a message to be sent, alone or in a batch. Delays are for queues without order.
type sending struct {
	ID    string `json:"Id"`
	Body  string `json:"MessageBody"`
	Group string `json:"MessageGroupId"`
	Dedup string `json:"MessageDeduplicationId"`
	Delay *int   `json:"DelaySeconds"`
	Queue string `json:"QueueUrl"`
}

// sent is the answer to one message.
type sent struct {
	ID       string `json:"Id,omitempty"`
	Message  string `json:"MessageId"`
	MD5      string `json:"MD5OfMessageBody"`
	Sequence string `json:"SequenceNumber"`
}

// put takes one message. The lock is held.
func (s *Server) put(q *queue, in sending) (sent, *refusal) {
	switch {
	case in.Group == "":
		return sent{}, refuse("MissingParameter", "The request must contain the parameter MessageGroupId.")
	case !identifier(in.Group) || !identifier(in.Dedup) && in.Dedup != "":
		return sent{}, refuse("InvalidParameterValue", "MessageGroupId and MessageDeduplicationId can only include alphanumeric and punctuation characters. 1 to %d in length.", longestID)
	case in.Dedup == "" && !q.ContentDeduplication:
		return sent{}, refuse("InvalidParameterValue", "The queue should either have ContentBasedDeduplication enabled or MessageDeduplicationId provided explicitly")
	case in.Body == "" || len(in.Body) > mostBytes:
		return sent{}, refuse("InvalidParameterValue", "One or more parameters are invalid. Reason: Message must be 1 to %d bytes.", mostBytes)
	case in.Delay != nil && *in.Delay != 0:
		return sent{}, refuse("InvalidParameterValue", "Value %d for parameter DelaySeconds is invalid. Reason: The request include parameter that is not valid for this queue type", *in.Delay)
	}
	t := q.send(time.Now(), entry{in.Group, in.Dedup, in.Body})
	return sent{ID: in.ID, Message: t.id, MD5: digest(in.Body), Sequence: number(t.sequence)}, nil
}

// identifier: letters, digits and punctuation.
func identifier(text string) bool {
	return text != "" && len(text) <= longestID && !strings.ContainsFunc(text, func(r rune) bool { return r <= ' ' || r > '~' })
}

func digest(body string) string {
	sum := md5.Sum([]byte(body)) // what SQS answers; it protects nothing
	return hex.EncodeToString(sum[:])
}

func (s *Server) sendOne(_ context.Context, text []byte) (any, *refusal) {
	return at(s, text, func(q *queue, in sending) (any, *refusal) {
		answer, refused := s.put(q, in)
		s.signal()
		return answer, refused
	})
}

// batch is what all batches have.
type batch[T any] struct {
	Queue   string `json:"QueueUrl"`
	Entries []T
}

// result is what all batches answer.
type result[T any] struct {
	Successful []T
	Failed     []failed
}

type failed struct {
	ID      string `json:"Id"`
	Code    string
	Message string
	Sender  bool `json:"SenderFault"`
}

// each runs one call of a batch for every entry. A part of a batch may fail alone.
func each[T, R any](s *Server, text []byte, id func(T) string, one func(q *queue, in T) (R, *refusal)) (any, *refusal) {
	return at(s, text, func(q *queue, in batch[T]) (any, *refusal) {
		if refused := in.wrong(id); refused != nil {
			return nil, refused
		}
		out := result[R]{Successful: []R{}, Failed: []failed{}}
		for _, e := range in.Entries {
			if answer, refused := one(q, e); refused != nil {
				out.Failed = append(out.Failed, failed{id(e), refused.code, refused.says, true})
			} else {
				out.Successful = append(out.Successful, answer)
			}
		}
		s.signal()
		return out, nil
	})
}

// wrong says why none of a batch is done.
func (in batch[T]) wrong(id func(T) string) *refusal {
	seen := map[string]bool{}
	for _, e := range in.Entries {
		if seen[id(e)] {
			return legacy("BatchEntryIdsNotDistinct", "Id %s repeated.", id(e))
		}
		seen[id(e)] = true
	}
	switch {
	case len(in.Entries) == 0:
		return legacy("EmptyBatchRequest", "There should be at least one entry in the request.")
	case len(in.Entries) > mostEntries:
		return legacy("TooManyEntriesInBatchRequest", "Maximum number of entries per request are %d. You have sent %d.", mostEntries, len(in.Entries))
	case seen[""]:
		return legacy("InvalidBatchEntryId", "A batch entry id can only contain alphanumeric characters, hyphens and underscores. It can be at most 80 letters long.")
	}
	return nil
}

func (s *Server) sendBatch(_ context.Context, text []byte) (any, *refusal) {
	in, refused := read[batch[sending]](text)
	if refused != nil {
		return nil, refused
	}
	size := 0
	for _, e := range in.Entries {
		size += len(e.Body)
	}
	if size > mostBytes {
		return nil, legacy("BatchRequestTooLong", "Batch requests cannot be longer than %d bytes. You have sent %d bytes.", mostBytes, size)
	}
	return each(s, text, func(e sending) string { return e.ID }, s.put)
}

// settling is a receipt, alone or in a batch, and until when its message is hidden.
type settling struct {
	ID      string `json:"Id"`
	Receipt string `json:"ReceiptHandle"`
	Timeout *int   `json:"VisibilityTimeout"`
	Queue   string `json:"QueueUrl"`
}

type settled struct {
	ID string `json:"Id"`
}

func discard(q *queue, in settling) (settled, *refusal) {
	return settled{in.ID}, worth(q.delete(time.Now(), in.Receipt))
}

func hide(q *queue, in settling) (settled, *refusal) {
	if in.Timeout == nil || *in.Timeout < 0 || seconds(*in.Timeout) > longestHiding {
		return settled{}, refuse("InvalidParameterValue", "Value for parameter VisibilityTimeout is invalid. Reason: Must be between 0 and 43200.")
	}
	state := q.hide(time.Now(), in.Receipt, seconds(*in.Timeout))
	if state == gone {
		return settled{}, refuse("InvalidParameterValue", "Value for parameter ReceiptHandle is invalid. Reason: Message does not exist or is not available for visibility timeout change.")
	}
	return settled{in.ID}, worth(state)
}

func seconds(n int) time.Duration { return time.Duration(n) * time.Second }

// alone runs for one receipt what a batch runs for several.
func (s *Server) alone(text []byte, one func(q *queue, in settling) (settled, *refusal)) (any, *refusal) {
	return at(s, text, func(q *queue, in settling) (any, *refusal) {
		_, refused := one(q, in)
		s.signal()
		return struct{}{}, refused
	})
}

func (s *Server) deleteOne(_ context.Context, text []byte) (any, *refusal) {
	return s.alone(text, discard)
}

func (s *Server) hideOne(_ context.Context, text []byte) (any, *refusal) { return s.alone(text, hide) }

func (s *Server) deleteBatch(_ context.Context, text []byte) (any, *refusal) {
	return each(s, text, settling.id, discard)
}

func (s *Server) hideBatch(_ context.Context, text []byte) (any, *refusal) {
	return each(s, text, settling.id, hide)
}

func (e settling) id() string { return e.ID }
