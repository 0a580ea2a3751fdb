package main

import (
	"context"
	"crypto/rand"
	"fmt"
	"time"

	"workerfleet/runtime/fleet"
	"workerfleet/runtime/iam"
	"workerfleet/runtime/queue"
	"workerfleet/runtime/settings"
	"workerfleet/runtime/sqs"
)

// handOn puts an order that was accepted and not seen on its way where the orders function finds it.
func handOn(set settings.API, getenv func(string) string) (func(context.Context, fleet.User, fleet.OrderID) error, error) {
	config, err := iam.Config(set.Region, getenv)
	if err != nil {
		return nil, err
	}
	sender, err := sqs.NewSender(config, map[queue.Name]string{queue.OrderTasks: string(set.OrderTasks)})
	if err != nil {
		return nil, fmt.Errorf("%s: %w", settings.EnvQueueOrderTasks, err)
	}
	return func(ctx context.Context, user fleet.User, id fleet.OrderID) error {
		return sender.Send(ctx, queue.OrderTasks, queue.Task{Type: queue.Dispatch, ID: rand.Text(), User: user, Order: string(id), At: time.Now()})
	}, nil
}
