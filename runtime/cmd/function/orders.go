package main

import (
	"context"
	"fmt"

	"workerfleet/runtime/dispatch"
	"workerfleet/runtime/lambda"
	"workerfleet/runtime/queue"
)

// consumer is the name under which functions take outcomes. They share it: what one leaves behind, another finds.
const consumer = "function"

// ordersFunction looks at the orders of the users that order-tasks names. It may not open credentials: a user without a
// worker gets one by a wake.
func ordersFunction(p parts) lambda.Function {
	open := later(func(ctx context.Context) (*dispatch.Dispatcher, error) {
		wake, err := p.wakes()
		if err != nil {
			return nil, err
		}
		path, err := p.path(ctx, wake)
		if err != nil {
			return nil, err
		}
		return path.Orders(consumer, p.recorder), nil
	})
	return lambda.Function{Handle: func(ctx context.Context, m queue.Message) error {
		task, err := queue.Parse(queue.OrderTasks, m.Body)
		if err != nil {
			return fmt.Errorf("order-tasks: %w", err)
		}
		orders, err := open(ctx)
		if err != nil {
			return err
		}
		return orders.Look(ctx, task.User)
	}}
}
