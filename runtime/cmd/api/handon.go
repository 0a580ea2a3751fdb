package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"workerfleet/runtime/audit"
	"workerfleet/runtime/fleet"
	"workerfleet/runtime/iam"
	"workerfleet/runtime/queue"
	"workerfleet/runtime/settings"
	"workerfleet/runtime/sqs"
)

// sender reaches the queues that the API puts work into.
func sender(set settings.API, getenv func(string) string) (queue.Sender, error) {
	config, err := iam.Config(set.Region, getenv)
	if err != nil {
		return nil, err
	}
	s, err := sqs.NewSender(config, map[queue.Name]string{
		queue.OrderTasks: string(set.OrderTasks), queue.BackgroundTasks: string(set.BackgroundTasks),
	})
	if err != nil {
		return nil, fmt.Errorf("queues: %w", err)
	}
	return s, nil
}

// handOn puts an order that was accepted and not seen on its way where the orders function finds it.
func handOn(to queue.Sender) func(context.Context, fleet.User, fleet.OrderID) error {
	return func(ctx context.Context, user fleet.User, id fleet.OrderID) error {
		return to.Send(ctx, queue.OrderTasks, queue.Task{Type: queue.Dispatch, ID: rand.Text(), User: user, Order: string(id), At: time.Now()})
	}
}

// noteLimit ends the wait for a trail that does not answer.
const noteLimit = 2 * time.Second

// trail keeps what users did: at once, or by the queue where the setting says so. What the queue does not take is kept at
// once, and what nobody takes is in the log.
func trail(set settings.Background, to queue.Sender, kept audit.Trail, log *slog.Logger) func(context.Context, audit.Entry) {
	return func(ctx context.Context, e audit.Entry) {
		ctx, cancel := context.WithTimeout(ctx, noteLimit)
		defer cancel()
		var err error
		if set == settings.BackgroundQueue || set == settings.BackgroundPartial && e.Action.MayWait() {
			err = to.Send(ctx, queue.BackgroundTasks, queue.Task{
				Type: queue.Audit, ID: e.ID, User: e.User, Action: string(e.Action), Detail: e.Detail, At: e.At,
			})
			if err == nil {
				return
			}
		}
		if noting := kept.Note(ctx, e); noting != nil {
			log.Error("not in the audit", "user", e.User, "action", e.Action, "detail", e.Detail, "at", e.At, "error", errors.Join(err, noting))
		}
	}
}
