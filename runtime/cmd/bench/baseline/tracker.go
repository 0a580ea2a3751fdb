package baseline

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"
)

// record is what a worker's key holds.
type record struct {
	Status    string `json:"status"`
	Heartbeat int64  `json:"lastHeartbeat"` // Unix milliseconds
	Host      string `json:"host"`
	User      string `json:"userId,omitempty"`
}

// Words of a record's status.
const (
	idle = "idle"
	busy = "busy"
)

// Silent is after how long without a heartbeat a worker counts as dead, and page how many keys a step of a walk asks for.
const (
	Silent = time.Minute
	page   = 1000
)

const prefix = "worker:"

func key(worker int) string { return prefix + strconv.Itoa(worker) }

// Tracker writes and reads the workers' keys.
type Tracker struct{ client redis.UniversalClient }

// NewTracker uses the client, which stays the caller's.
func NewTracker(client redis.UniversalClient) *Tracker { return &Tracker{client} }

func (t *Tracker) write(ctx context.Context, worker int, r record) error {
	text, err := json.Marshal(r)
	if err != nil {
		return fmt.Errorf("write a worker's key: %w", err)
	}
	return t.client.Set(ctx, key(worker), text, 0).Err()
}

// Beat writes an idle worker's key as of now.
func (t *Tracker) Beat(ctx context.Context, worker int) error {
	return t.write(ctx, worker, record{Status: idle, Heartbeat: time.Now().UnixMilli(), Host: "host-" + strconv.Itoa(worker%73)})
}

// Silence writes a key whose worker has been silent for longer than one may be.
func (t *Tracker) Silence(ctx context.Context, worker int) error {
	return t.write(ctx, worker, record{Status: idle, Heartbeat: time.Now().Add(-2 * Silent).UnixMilli(), Host: "host-0"})
}

// Fill writes the keys of so many idle workers, whose heartbeats lie an hour ahead, so that none is silent while others are
// looked for.
func (t *Tracker) Fill(ctx context.Context, workers int) error {
	for from := 0; from < workers; from += page {
		pipe := t.client.Pipeline()
		for i := from; i < min(from+page, workers); i++ {
			text, err := json.Marshal(record{Status: idle, Heartbeat: time.Now().Add(time.Hour).UnixMilli(), Host: "host-" + strconv.Itoa(i%73)})
			if err != nil {
				return fmt.Errorf("write workers' keys: %w", err)
			}
			pipe.Set(ctx, key(i), text, 0)
		}
		if _, err := pipe.Exec(ctx); err != nil {
			return fmt.Errorf("write workers' keys: %w", err)
		}
	}
	return nil
}

// entry is one worker's key.
type entry struct {
	worker int
	record
}

// walk hands over all workers' records, page by page, until take returns false. From where it begins, and where it stopped,
// are cursors.
func (t *Tracker) walk(ctx context.Context, from uint64, pipelined bool, take func(page []entry) bool) (stopped uint64, err error) {
	for cursor := from; ; {
		keys, next, err := t.client.Scan(ctx, cursor, prefix+"*", page).Result()
		if err != nil {
			return cursor, fmt.Errorf("walk over the workers' keys: %w", err)
		}
		values, err := t.values(ctx, keys, pipelined)
		if err != nil {
			return cursor, err
		}
		entries := make([]entry, 0, len(values))
		for i, value := range values {
			var e entry
			text, there := value.(string)
			var wrong error
			e.worker, wrong = strconv.Atoi(strings.TrimPrefix(keys[i], prefix))
			if there && wrong == nil && json.Unmarshal([]byte(text), &e.record) == nil { // else it went away meanwhile
				entries = append(entries, e)
			}
		}
		if !take(entries) {
			return cursor, nil
		}
		if cursor = next; cursor == 0 {
			return 0, nil
		}
	}
}

// values reads the keys of a page: in one round trip, or in one for each.
func (t *Tracker) values(ctx context.Context, keys []string, pipelined bool) ([]any, error) {
	if len(keys) == 0 {
		return nil, nil
	}
	if pipelined {
		values, err := t.client.MGet(ctx, keys...).Result()
		if err != nil {
			return nil, fmt.Errorf("read the workers' keys: %w", err)
		}
		return values, nil
	}
	values := make([]any, len(keys))
	for i, name := range keys {
		text, err := t.client.Get(ctx, name).Result()
		if err != nil && err != redis.Nil {
			return nil, fmt.Errorf("read a worker's key: %w", err)
		}
		values[i] = text
	}
	return values, nil
}

// Scan finds the silent workers with one round trip for each key.
func (t *Tracker) Scan(ctx context.Context) ([]int, error) { return t.silent(ctx, false) }

// ScanPipelined finds the silent workers with one round trip for each page.
func (t *Tracker) ScanPipelined(ctx context.Context) ([]int, error) { return t.silent(ctx, true) }

func (t *Tracker) silent(ctx context.Context, pipelined bool) (found []int, err error) {
	before, seen := time.Now().Add(-Silent).UnixMilli(), map[int]bool{}
	_, err = t.walk(ctx, 0, pipelined, func(page []entry) bool {
		for _, e := range page {
			if e.Heartbeat < before && !seen[e.worker] { // a walk may show a key twice
				seen[e.worker] = true
				found = append(found, e.worker)
			}
		}
		return true
	})
	return found, err
}
