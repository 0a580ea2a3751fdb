package main

import (
	"context"
	"errors"
	"fmt"

	"workerfleet/runtime/audit"
	"workerfleet/runtime/cmd/internal/claimpath"
	"workerfleet/runtime/dispatch"
	"workerfleet/runtime/lambda"
	"workerfleet/runtime/queue"
)

// consumer is the name under which functions take outcomes. They share it: what one leaves behind, another finds.
const consumer = "function"

// ordering is what the orders function works with.
type ordering struct {
	*claimpath.Parts
	orders *dispatch.Dispatcher
}

// ordersFunction looks at the orders of the users that order-tasks names, and writes down what background-tasks brings. It
// may not open credentials: a user without a worker gets one by a wake.
func ordersFunction(p parts) lambda.Function {
	open := later(func(ctx context.Context) (ordering, error) {
		wake, err := p.wakes()
		if err != nil {
			return ordering{}, err
		}
		path, err := p.path(ctx, wake)
		if err != nil {
			return ordering{}, err
		}
		return ordering{path, path.Orders(consumer, p.recorder)}, nil
	})
	return lambda.Function{Handle: func(ctx context.Context, m queue.Message) error {
		task, err := orderOrBackground(m.Body)
		if err != nil {
			return err
		}
		o, err := open(ctx)
		if err != nil {
			return err
		}
		if task.Type == queue.Audit {
			return o.Database.Note(ctx, audit.Entry{ID: task.ID, User: task.User, Action: audit.Action(task.Action), Detail: task.Detail, At: task.At})
		}
		return o.orders.Look(ctx, task.User)
	}}
}

// orderOrBackground reads a message of either queue: an event does not say which one it comes from in a word of ours.
func orderOrBackground(body string) (queue.Task, error) {
	task, err := queue.Parse(queue.OrderTasks, body)
	if err == nil {
		return task, nil
	}
	task, other := queue.Parse(queue.BackgroundTasks, body)
	if other != nil {
		return task, fmt.Errorf("neither order-tasks nor background-tasks: %w", errors.Join(err, other))
	}
	return task, nil
}
