package valkey

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	"workerfleet/runtime/dispatch"
	"workerfleet/runtime/fleet"
)

// Inbox is the outcomes that workers have reported. It is safe for concurrent use, by several processes.
type Inbox struct {
	client redis.UniversalClient
	name   string
}

var (
	_ dispatch.Inbox = (*Inbox)(nil)
	_ dispatch.Board = (*Inbox)(nil)
)

// NewInbox uses the client, which stays the caller's to close. The name is of whoever takes; two may share one.
func NewInbox(client redis.UniversalClient, name string) *Inbox { return &Inbox{client, name} }

// abandoned is how long an outcome may be taken and not settled before somebody else takes it: many times a commit.
const abandoned = 5 * time.Second

// Take: see [dispatch.Inbox]. It waits for a second at most. What others have abandoned comes first.
func (i *Inbox) Take(ctx context.Context, limit int) ([]dispatch.Parcel, error) {
	parcels, err := i.take(ctx, limit)
	if err == nil || !strings.HasPrefix(err.Error(), "NOGROUP") {
		return parcels, wrapTake(err)
	}
	// The stream is new, or was lost with everything else: the group begins with the oldest entry.
	err = i.client.XGroupCreateMkStream(ctx, outcomes, outcomesGroup, "0").Err()
	if err != nil && !strings.HasPrefix(err.Error(), "BUSYGROUP") {
		return nil, fmt.Errorf("begin to take outcomes: %w", err)
	}
	parcels, err = i.take(ctx, limit)
	return parcels, wrapTake(err)
}

func wrapTake(err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("take outcomes: %w", err)
}

func (i *Inbox) take(ctx context.Context, limit int) ([]dispatch.Parcel, error) {
	entries, _, err := i.client.XAutoClaim(ctx, &redis.XAutoClaimArgs{
		Stream: outcomes, Group: outcomesGroup, Consumer: i.name, MinIdle: abandoned, Start: "0", Count: int64(limit),
	}).Result()
	if err != nil {
		return nil, err
	}
	if len(entries) == 0 {
		streams, err := i.client.XReadGroup(ctx, &redis.XReadGroupArgs{
			Group: outcomesGroup, Consumer: i.name, Streams: []string{outcomes, ">"}, Count: int64(limit), Block: patience,
		}).Result()
		switch {
		case errors.Is(err, redis.Nil):
			return nil, nil
		case err != nil:
			return nil, err
		}
		entries = streams[0].Messages
	}
	return i.open(ctx, entries)
}

// open reads entries. One that is no outcome is settled here: it would come back for ever.
func (i *Inbox) open(ctx context.Context, entries []redis.XMessage) ([]dispatch.Parcel, error) {
	parcels := make([]dispatch.Parcel, 0, len(entries))
	var waste []string
	for _, entry := range entries {
		p := dispatch.Parcel{ID: entry.ID}
		text, _ := entry.Values["m"].(string)
		if json.Unmarshal([]byte(text), &p.Outcome) != nil || p.User == "" || p.Order == "" && p.State != fleet.OutcomeDenied {
			waste = append(waste, entry.ID)
			continue
		}
		parcels = append(parcels, p)
	}
	if len(waste) > 0 {
		if err := i.Settle(ctx, waste); err != nil {
			return nil, err
		}
	}
	return parcels, nil
}

// Settle: see [dispatch.Inbox].
func (i *Inbox) Settle(ctx context.Context, ids []string) error {
	_, err := i.client.Pipelined(ctx, func(p redis.Pipeliner) error {
		p.XAck(ctx, outcomes, outcomesGroup, ids...)
		p.XDel(ctx, outcomes, ids...)
		return nil
	})
	if err != nil {
		return fmt.Errorf("settle outcomes: %w", err)
	}
	return nil
}

// Show: see [dispatch.Board].
func (i *Inbox) Show(ctx context.Context, halted bool) error {
	if halted {
		return i.client.Set(ctx, haltKey, "1", 0).Err()
	}
	return i.client.Del(ctx, haltKey).Err()
}
