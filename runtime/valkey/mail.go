package valkey

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"

	"workerfleet/runtime/agent"
	"workerfleet/runtime/batch"
	"workerfleet/runtime/dispatch"
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
type Mail struct {
	client redis.UniversalClient
	// added is nil where streams lie on several shards: a message for all of them would wait for the one that is away.
	added *batch.Calls[entry, struct{}]

	mu   sync.Mutex
	kept map[string]time.Time // when a stream's end was last put off
}

var (
	_ session.Mailbox = (*Mail)(nil)
	_ agent.Post      = (*Mail)(nil)
	_ dispatch.Bell   = (*Mail)(nil)
)

// NewMail uses the client, which stays the caller's to close.
func NewMail(client redis.UniversalClient) *Mail {
	m := &Mail{client: client, kept: map[string]time.Time{}}
	if _, sharded := client.(*redis.ClusterClient); !sharded {
		m.added = batch.New(lanes, most, m.append)
	}
	return m
}

func mailbox(host fleet.Host) string { return "{host:" + string(host) + "}:mail" }
func desk(name string) string        { return "{api:" + name + "}:ready" }

// Post: see [session.Mailbox].
func (m *Mail) Post(ctx context.Context, host fleet.Host, mail fleet.Mail) error {
	return m.add(ctx, mailbox(host), mailboxLength, mail)
}

// Tell: see [agent.Post]. Nobody may wait at that desk any more; that is no error.
func (m *Mail) Tell(ctx context.Context, name string, ready fleet.Ready) error {
	return m.add(ctx, desk(name), deskLength, ready)
}

func (m *Mail) add(ctx context.Context, stream string, length int64, value any) error {
	text, err := json.Marshal(value)
	if err != nil {
		return fmt.Errorf("write mail: %w", err)
	}
	e := entry{stream, length, text}
	if m.added == nil {
		err = m.append(ctx, []entry{e})[0].Err
	} else {
		_, err = m.added.Do(ctx, e)
	}
	if err != nil {
		return fmt.Errorf("post mail: %w", err)
	}
	return nil
}

// A stream outlives the last one who read it by keptFor: hosts and processes have other names when they come back, and nobody
// would ever trim what their mail has left.
const (
	keptFor   = time.Hour
	keepEvery = time.Minute
)

// keep puts off the end of a stream that the caller reads. What fails is done with the next read.
func (m *Mail) keep(ctx context.Context, stream string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	now := time.Now()
	if now.Sub(m.kept[stream]) < keepEvery {
		return
	}
	if there, err := m.client.PExpire(ctx, stream, keptFor).Result(); err == nil && there {
		m.kept[stream] = now
	}
}

// old is the age from which on a letter's is told: younger ones are worth no question for the time.
const old = time.Minute

// Read: see [agent.Post]. It waits for a second at most.
func (m *Mail) Read(ctx context.Context, host fleet.Host, after string) ([]agent.Letter, error) {
	letters, err := m.read(ctx, host, after)
	if err != nil || len(letters) == 0 || time.Since(posted(letters[0].ID)) < old {
		return letters, err
	}
	// Who is late is this host's clock, or the letters: the server knows.
	now, err := m.client.Time(ctx).Result()
	if err != nil {
		return nil, fmt.Errorf("ask for the time: %w", err)
	}
	for i := range letters {
		if age := now.Sub(posted(letters[i].ID)); age >= old {
			letters[i].Age = age
		}
	}
	return letters, nil
}

// posted is when an entry came, which its id says by the server's clock. Of what is no id, nobody knows: it is new.
func posted(id string) time.Time {
	text, _, _ := strings.Cut(id, "-")
	millis, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		return time.Now()
	}
	return time.UnixMilli(millis)
}

func (m *Mail) read(ctx context.Context, host fleet.Host, after string) ([]agent.Letter, error) {
	var letters []agent.Letter
	take := func(id string, mail fleet.Mail) { letters = append(letters, agent.Letter{ID: id, Mail: mail}) }
	last, err := receive(ctx, m.client, mailbox(host), after, take)
	m.keep(ctx, mailbox(host))
	if err == nil && len(letters) == 0 && last != after {
		// All that was there is no mail. The caller will ask from the same place again: it must wait here, not spin.
		_, err = receive(ctx, m.client, mailbox(host), last, take)
	}
	return letters, err
}

// outcomes is what workers report, for whoever commits it; haltKey is there while orders are switched off for all.
const (
	outcomes       = "{pool}:outcomes"
	outcomesGroup  = "ledger"
	outcomesLength = 100_000
	haltKey        = "{pool}:halt"
)

// Report: see [agent.Post]. An outcome that is trimmed unread is reported again by its agent.
func (m *Mail) Report(ctx context.Context, o fleet.Outcome) error {
	return m.add(ctx, outcomes, outcomesLength, o)
}

// Halted: see [agent.Post].
func (m *Mail) Halted(ctx context.Context) (bool, error) {
	n, err := m.client.Exists(ctx, haltKey).Result()
	if err != nil {
		return false, fmt.Errorf("read the switch: %w", err)
	}
	return n > 0, nil
}

// events is a bell for whoever shows users their events: who has new ones.
const (
	events       = "{pool}:events"
	eventsLength = 16_384
)

// Ring: see [dispatch.Bell].
func (m *Mail) Ring(ctx context.Context, user fleet.User) error {
	return m.add(ctx, events, eventsLength, user)
}

// Rung waits for the bell after an entry, for a second at most, and returns whom it rang for and the entry to go on from.
func (m *Mail) Rung(ctx context.Context, after string) (users []fleet.User, last string, err error) {
	last, err = receive(ctx, m.client, events, after, func(_ string, user fleet.User) { users = append(users, user) })
	return users, last, err
}

// Await waits for word on a desk after an entry, for a second at most, and returns what there is and the entry to go on
// from. After "" it begins with the oldest.
func (m *Mail) Await(ctx context.Context, name, after string) (words []fleet.Ready, last string, err error) {
	defer m.keep(ctx, desk(name))
	last, err = receive(ctx, m.client, desk(name), after, func(_ string, ready fleet.Ready) { words = append(words, ready) })
	return words, last, err
}

// patience bounds one blocking read: a context that ends is noticed no later.
const patience = time.Second

// receive hands over the entries of a stream after one, in order, and returns the last one's id.
func receive[T any](ctx context.Context, client redis.UniversalClient, stream, after string, take func(id string, body T)) (last string, err error) {
	if after == "" {
		after = "0-0"
	}
	streams, err := client.XRead(ctx, &redis.XReadArgs{Streams: []string{stream, after}, Count: 512, Block: patience}).Result()
	switch {
	case errors.Is(err, redis.Nil):
		return after, nil
	case err != nil:
		return after, fmt.Errorf("read mail: %w", err)
	}
	for _, entry := range streams[0].Messages {
		after = entry.ID
		var body T
		text, _ := entry.Values["m"].(string)
		// An entry that is no mail is skipped, not an error: it would stop all that come after it.
		if json.Unmarshal([]byte(text), &body) == nil {
			take(entry.ID, body)
		}
	}
	return after, nil
}
