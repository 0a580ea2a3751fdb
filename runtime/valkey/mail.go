package valkey

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/redis/go-redis/v9"

	"workerfleet/runtime/fleet"
	"workerfleet/runtime/session"
)

// Lengths of streams, about: a mailbox holds the assignments of one host and a while's releases; a desk's stream the
// answers that one API process waits for. Older entries are trimmed; what was trimmed unread is found by the keeper.
const (
	mailboxLength = 4096
	deskLength    = 4096
)

// Mail carries mail between processes in streams: one for each host, whose agent reads it, and one for each process
// that waits for workers to be ready. It is safe for concurrent use.
type Mail struct{ client redis.UniversalClient }

var _ session.Mailbox = (*Mail)(nil)

// NewMail uses the client, which stays the caller's to close.
func NewMail(client redis.UniversalClient) *Mail { return &Mail{client} }

func mailbox(host fleet.Host) string { return "{host:" + string(host) + "}:mail" }
func desk(name string) string        { return "{api:" + name + "}:ready" }

// Post: see [session.Mailbox].
func (m *Mail) Post(ctx context.Context, host fleet.Host, mail fleet.Mail) error {
	return m.add(ctx, mailbox(host), mailboxLength, mail)
}

// Tell puts word of a worker on a desk. Nobody may wait there any more; that is no error.
func (m *Mail) Tell(ctx context.Context, name string, ready fleet.Ready) error {
	return m.add(ctx, desk(name), deskLength, ready)
}

func (m *Mail) add(ctx context.Context, stream string, length int64, value any) error {
	text, err := json.Marshal(value)
	if err != nil {
		return fmt.Errorf("write mail: %w", err)
	}
	err = m.client.XAdd(ctx, &redis.XAddArgs{Stream: stream, MaxLen: length, Approx: true, Values: []any{"m", text}}).Err()
	if err != nil {
		return fmt.Errorf("post mail: %w", err)
	}
	return nil
}

// Letter is one entry of a stream. Read goes on after its ID.
type Letter[T any] struct {
	ID   string
	Body T
}

// Start is the ID before every entry: whoever begins there also reads what came while nobody did.
const Start = "0-0"

// Receive waits for mail to a host after an entry, for a second at most, and returns what there is.
func (m *Mail) Receive(ctx context.Context, host fleet.Host, after string) ([]Letter[fleet.Mail], error) {
	return receive[fleet.Mail](ctx, m.client, mailbox(host), after)
}

// Await waits for word on a desk after an entry, for a second at most, and returns what there is.
func (m *Mail) Await(ctx context.Context, name, after string) ([]Letter[fleet.Ready], error) {
	return receive[fleet.Ready](ctx, m.client, desk(name), after)
}

// patience bounds one blocking read: a context that ends is noticed no later.
const patience = time.Second

func receive[T any](ctx context.Context, client redis.UniversalClient, stream, after string) ([]Letter[T], error) {
	streams, err := client.XRead(ctx, &redis.XReadArgs{Streams: []string{stream, after}, Count: 512, Block: patience}).Result()
	switch {
	case errors.Is(err, redis.Nil):
		return nil, nil
	case err != nil:
		return nil, fmt.Errorf("read mail: %w", err)
	}
	var letters []Letter[T]
	for _, entry := range streams[0].Messages {
		letter := Letter[T]{ID: entry.ID}
		text, _ := entry.Values["m"].(string)
		// An entry that is no mail is skipped, not an error: it would stop all that come after it.
		if json.Unmarshal([]byte(text), &letter.Body) == nil {
			letters = append(letters, letter)
		}
	}
	return letters, nil
}
