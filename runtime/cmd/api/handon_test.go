package main

import (
	"context"
	"errors"
	"log/slog"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"workerfleet/runtime/audit"
	"workerfleet/runtime/fleet"
	"workerfleet/runtime/queue"
	"workerfleet/runtime/settings"
)

// desk is a queue and a trail in memory; err is the queue's.
type desk struct {
	sent []queue.Task
	kept []audit.Entry
	err  error
}

func (d *desk) Send(_ context.Context, _ queue.Name, tasks ...queue.Task) error {
	if d.err == nil {
		d.sent = append(d.sent, tasks...)
	}
	return d.err
}

func (d *desk) Note(_ context.Context, e audit.Entry) error {
	d.kept = append(d.kept, e)
	return nil
}

func (d *desk) Entries(context.Context, fleet.User, int) ([]audit.Entry, error) { return d.kept, nil }

// The setting decides what goes by the queue; what the queue does not take is kept at once.
func TestTrail(t *testing.T) {
	for set, queued := range map[settings.Background]int{settings.BackgroundInline: 0, settings.BackgroundPartial: 1, settings.BackgroundQueue: 2} {
		d := &desk{}
		note := trail(set, d, d, slog.New(slog.DiscardHandler))
		note(t.Context(), audit.Entry{ID: "1", User: "ann", Action: audit.SessionBegun, At: time.Now()})
		note(t.Context(), audit.Entry{ID: "2", User: "ann", Action: audit.OrdersOff, At: time.Now()})
		require.Len(t, d.sent, queued, set)
		require.Len(t, d.kept, 2-queued, set)
		d.err = errors.New("the queue is away")
		note(t.Context(), audit.Entry{ID: "3", User: "ann", Action: audit.SessionBegun, At: time.Now()})
		require.Len(t, d.kept, 3-queued, set)
	}
}

// What was decided is told in words, and asked for once in a while.
func TestWhy(t *testing.T) {
	asked, plan := 0, ""
	tell := why(func(context.Context) (string, error) {
		asked++
		return plan, nil
	})
	word, err := tell(t.Context())
	require.NoError(t, err)
	require.Empty(t, word, "nobody has decided anything")
	_, err = tell(t.Context())
	require.NoError(t, err)
	require.Equal(t, 1, asked)
	plan = "no plan"
	_, err = why(func(context.Context) (string, error) { return plan, nil })(t.Context())
	require.Error(t, err)
}
