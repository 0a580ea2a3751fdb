package fifo

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"time"
)

// receiving is the input of ReceiveMessage.
type receiving struct {
	Queue      string   `json:"QueueUrl"`
	Limit      *int     `json:"MaxNumberOfMessages"`
	Visibility *int     `json:"VisibilityTimeout"`
	Wait       *int     `json:"WaitTimeSeconds"`
	Old        []string `json:"AttributeNames"`
	System     []string `json:"MessageSystemAttributeNames"`
	Own        []string `json:"MessageAttributeNames"` // messages have none here
}

// received is a message as it is answered.
type received struct {
	Message    string `json:"MessageId"`
	Receipt    string `json:"ReceiptHandle"`
	MD5        string `json:"MD5OfBody"`
	Body       string
	Attributes map[string]string `json:",omitempty"`
}

func (in receiving) wrong() *refusal {
	for name, limit := range map[string]struct {
		value    *int
		from, to int
	}{
		"MaxNumberOfMessages": {in.Limit, 1, mostEntries},
		"VisibilityTimeout":   {in.Visibility, 0, int(longestHiding / time.Second)},
		"WaitTimeSeconds":     {in.Wait, 0, longestPolling},
	} {
		if v := limit.value; v != nil && (*v < limit.from || *v > limit.to) {
			return refuse("InvalidParameterValue", "Value %d for parameter %s is invalid. Reason: Must be between %d and %d, if provided.", *v, name, limit.from, limit.to)
		}
	}
	return nil
}

// receive hands messages out, or waits until there are some, the time is over or the caller has gone.
func (s *Server) receive(ctx context.Context, text []byte) (any, *refusal) {
	in, refused := read[receiving](text)
	if refused == nil {
		refused = in.wrong()
	}
	if refused != nil {
		return nil, refused
	}
	end := time.Now()
	if in.Wait != nil {
		end = end.Add(seconds(*in.Wait))
	}
	for {
		found, changed, next, refused := s.try(in)
		now := time.Now()
		if refused != nil || len(found) > 0 || !now.Before(end) {
			return struct {
				Messages []received `json:",omitempty"`
			}{found}, refused
		}
		if next.IsZero() || next.After(end) {
			next = end
		}
		timer := time.NewTimer(next.Sub(now))
		select {
		case <-ctx.Done():
			timer.Stop()
			return map[string][]received{}, nil
		case <-changed:
		case <-timer.C:
		}
		timer.Stop()
	}
}

// try receives what there is now, and says when to look again.
func (s *Server) try(in receiving) (found []received, changed <-chan struct{}, next time.Time, refused *refusal) {
	s.mu.Lock()
	defer s.mu.Unlock()
	q, refused := s.byURL(in.Queue)
	if refused != nil {
		return nil, nil, next, refused
	}
	limit, visibility := 1, q.Visibility
	if in.Limit != nil {
		limit = *in.Limit
	}
	if in.Visibility != nil {
		visibility = seconds(*in.Visibility)
	}
	now := time.Now()
	for _, m := range q.receive(now, limit, visibility, s.queues[q.Dead]) {
		found = append(found, received{m.id, m.receipt, digest(m.body), m.body, m.attributes(slices.Concat(in.Old, in.System))})
	}
	return found, s.changed, q.next(now), nil
}

// number is a sequence number as SQS writes one: digits of one length, so that texts sort as numbers do.
func number(sequence uint64) string { return fmt.Sprintf("%020d", sequence) }

// attributes are those that were asked for.
func (m *message) attributes(names []string) map[string]string {
	millis := func(t time.Time) string { return strconv.FormatInt(t.UnixMilli(), 10) }
	all := map[string]string{
		"SenderId": Account, "SentTimestamp": millis(m.sent), "ApproximateFirstReceiveTimestamp": millis(m.first),
		"ApproximateReceiveCount": strconv.Itoa(m.receives), "SequenceNumber": number(m.sequence),
		"MessageGroupId": m.group, "MessageDeduplicationId": m.dedup,
	}
	if m.source != "" {
		all["DeadLetterQueueSourceArn"] = ARN(m.source)
	}
	return chosen(all, names)
}

// chosen keeps what was asked for by name; All is everything.
func chosen(all map[string]string, names []string) map[string]string {
	if slices.Contains(names, "All") {
		return all
	}
	for name := range all {
		if !slices.Contains(names, name) {
			delete(all, name)
		}
	}
	return all
}
