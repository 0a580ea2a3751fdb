package lambda_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"workerfleet/runtime/lambda"
	"workerfleet/runtime/queue"
)

// record is one message as Lambda hands it over.
func record(id, group, body string) string {
	return fmt.Sprintf(`{"messageId":%q,"receiptHandle":"r","body":%q,"attributes":{"ApproximateReceiveCount":"2","SentTimestamp":"1767225600000",
		"SequenceNumber":"18849496460467696128","MessageGroupId":%q,"MessageDeduplicationId":"d","SenderId":"AIDA","ApproximateFirstReceiveTimestamp":"1767225600001"},
		"messageAttributes":{},"md5OfBody":"x","eventSource":"aws:sqs","eventSourceARN":"arn:aws:sqs:eu-west-1:111122223333:work.fifo","awsRegion":"eu-west-1"}`, id, body, group)
}

func batch(records ...string) json.RawMessage {
	return json.RawMessage(`{"Records":[` + strings.Join(records, ",") + `]}`)
}

// A batch is done in order; the answer lists the failed message of a group and what is behind it, and nothing else, and
// the reason stands in the log once, under the message's id.
func TestBatch(t *testing.T) {
	var logged bytes.Buffer
	var done []string
	flushed := 0
	f := lambda.Function{
		Handle: func(_ context.Context, m queue.Message) error {
			done = append(done, m.ID)
			require.Equal(t, queue.Message{ID: m.ID, Receipt: "r", Group: m.Group, DedupID: "d", Body: m.Body, Receives: 2, Sent: time.UnixMilli(1767225600000)}, m)
			if m.Body == "bad" {
				return errors.New("cannot be read")
			}
			return nil
		},
		Log: slog.New(slog.NewJSONHandler(&logged, nil)), After: func() { flushed++ },
	}
	answer, err := f.Event(t.Context(), batch(record("1", "a", "good"), record("2", "b", "bad"), record("3", "b", "good"), record("4", "a", "good")))
	require.NoError(t, err)
	text, err := json.Marshal(answer)
	require.NoError(t, err)
	require.JSONEq(t, `{"batchItemFailures":[{"itemIdentifier":"2"},{"itemIdentifier":"3"}]}`, string(text))
	require.Equal(t, []string{"1", "2", "4"}, done)
	require.Equal(t, 1, strings.Count(logged.String(), "a message comes again"))
	require.Contains(t, logged.String(), `"message":"2","group":"b","receives":2,"error":"cannot be read"`)
	require.Equal(t, 1, flushed)

	answer, err = f.Event(t.Context(), batch(record("5", "a", "good")))
	require.NoError(t, err)
	text, err = json.Marshal(answer)
	require.NoError(t, err)
	require.JSONEq(t, `{"batchItemFailures":[]}`, string(text), "an empty list, not none: Lambda takes none for a success too")
}

// A batch that runs out of time answers while it still can, and what it did not come to comes again.
func TestBatchAnswersInTime(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 600*time.Millisecond)
	defer cancel()
	f := lambda.Function{Log: slog.New(slog.DiscardHandler), Handle: func(ctx context.Context, _ queue.Message) error {
		<-ctx.Done()
		return ctx.Err()
	}}
	answer, err := f.Event(ctx, batch(record("1", "a", ""), record("2", "b", "")))
	require.NoError(t, err)
	require.NoError(t, ctx.Err(), "there is time left to answer")
	text, err := json.Marshal(answer)
	require.NoError(t, err)
	require.JSONEq(t, `{"batchItemFailures":[{"itemIdentifier":"1"},{"itemIdentifier":"2"}]}`, string(text))
}

// A tick of the clock makes a pass, whose error is the event's.
func TestTick(t *testing.T) {
	failed := errors.New("failed")
	f := lambda.Function{Pass: func(context.Context) error { return failed }, Log: slog.New(slog.DiscardHandler)}
	_, err := f.Event(t.Context(), json.RawMessage(`{"version":"0","id":"1","detail-type":"Scheduled Event","source":"aws.events","time":"2026-03-02T09:00:00Z","resources":[],"detail":{}}`))
	require.ErrorIs(t, err, failed)
}

// An event of another kind is refused, with the kind that is allowed.
func TestRefusesOtherEvents(t *testing.T) {
	passes := lambda.Function{Pass: func(context.Context) error { return nil }, Log: slog.New(slog.DiscardHandler)}
	handles := lambda.Function{Handle: func(context.Context, queue.Message) error { return nil }, Log: slog.New(slog.DiscardHandler)}
	for _, c := range []struct {
		f    lambda.Function
		text string
		want string
	}{
		{passes, `{}`, "allowed: Scheduled Event"},
		{passes, string(batch(record("1", "a", ""))), "allowed: Scheduled Event"},
		{handles, `{"detail-type":"Scheduled Event"}`, "allowed: records of aws:sqs"},
		{handles, `{"Records":[{"eventSource":"aws:kinesis"}]}`, `a record comes from "aws:kinesis"`},
		{handles, `[]`, "read the event"},
	} {
		_, err := c.f.Event(t.Context(), json.RawMessage(c.text))
		require.ErrorContains(t, err, c.want, c.text)
	}
}

// What passes by itself is hidden until then, with what is behind it in its group and the last first; other failures are left to
// the queue, and so is what cannot be hidden.
func TestPostponed(t *testing.T) {
	var hidden []string
	var logged bytes.Buffer
	f := lambda.Function{
		Handle: func(_ context.Context, m queue.Message) error {
			switch m.Body {
			case "later":
				return fmt.Errorf("do it: %w", &queue.Later{After: 17 * time.Second, Err: errors.New("not yet")})
			case "bad":
				return errors.New("cannot be read")
			}
			return nil
		},
		Postpone: func(_ context.Context, m queue.Message, after time.Duration) error {
			hidden = append(hidden, m.ID+" "+after.String())
			if m.ID == "4" {
				return errors.New("throttled")
			}
			return nil
		},
		Log: slog.New(slog.NewJSONHandler(&logged, nil)),
	}
	_, err := f.Event(t.Context(), batch(record("1", "a", "later"), record("2", "b", "bad"), record("3", "a", "good"), record("4", "a", "good"), record("5", "b", "good"), record("6", "c", "good")))
	require.NoError(t, err)
	require.Equal(t, []string{"4 17s", "3 17s", "1 17s"}, hidden)
	require.Equal(t, 1, strings.Count(logged.String(), `"message":"4","error":"throttled"`))
}
