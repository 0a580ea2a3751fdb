package main

import (
	"context"
	"crypto/rand"
	"fmt"
	"time"

	"workerfleet/runtime/claim"
	"workerfleet/runtime/cmd/internal/claimpath"
	"workerfleet/runtime/control"
	"workerfleet/runtime/dispatch"
	"workerfleet/runtime/ecs"
	"workerfleet/runtime/iam"
	"workerfleet/runtime/lambda"
	"workerfleet/runtime/queue"
	"workerfleet/runtime/settings"
	"workerfleet/runtime/sqs"
	"workerfleet/stacks/sizing"
)

// claiming is what the claim function works with.
type claiming struct {
	*control.Control
	orders *dispatch.Dispatcher
}

// claimFunction does what pool-claim asks for, and then sends the worker the orders that waited for it. It alone of the
// functions may open credentials.
func claimFunction(p parts) lambda.Function {
	open := later(func(ctx context.Context) (claiming, error) {
		path, err := p.path(ctx, nil)
		if err != nil {
			return claiming{}, err
		}
		return claiming{p.control(path, nil), path.Orders(consumer, p.recorder)}, nil
	})
	return lambda.Function{Handle: func(ctx context.Context, m queue.Message) error {
		c, err := open(ctx)
		if err != nil {
			return err
		}
		if err := c.PoolClaim(ctx, m); err != nil {
			return err
		}
		task, err := queue.Parse(queue.PoolClaim, m.Body)
		if err != nil {
			return nil // which PoolClaim has judged
		}
		return c.orders.Look(ctx, task.User)
	}}
}

// controlFunction does what worker-control asks for, and takes the deaths that AWS has seen for such.
func controlFunction(p parts) lambda.Function {
	open := later(func(ctx context.Context) (*control.Control, error) {
		wake, err := p.wakes()
		if err != nil {
			return nil, err
		}
		witness, err := p.witness()
		if err != nil {
			return nil, err
		}
		path, err := p.path(ctx, wake)
		if err != nil {
			return nil, err
		}
		return p.control(path, witness), nil
	})
	return lambda.Function{
		Handle: func(ctx context.Context, m queue.Message) error {
			c, err := open(ctx)
			if err != nil {
				return err
			}
			return c.WorkerControl(ctx, m)
		},
		Postpone: func(ctx context.Context, m queue.Message, after time.Duration) error {
			source, err := p.controls()
			if err != nil {
				return err
			}
			return source.Hide(ctx, m, after)
		},
	}
}

// controls is the queue that the function is fed from.
func (p parts) controls() (*sqs.Source, error) {
	config, err := iam.Config(p.set.Region, p.Getenv)
	if err != nil {
		return nil, err
	}
	return sqs.NewSource(config, string(p.set.WorkerControl))
}

// path connects the claim path with a function's share of connections.
func (p parts) path(ctx context.Context, handOn func(context.Context, claim.Binding) error) (*claimpath.Parts, error) {
	return claimpath.Open(ctx, claimpath.Settings{
		Stack: p.set.Stack, Valkey: p.set.Valkey, Database: p.set.Database, Sealing: p.set.Sealing, Lease: p.set.Lease, HandOn: handOn,
		Connections: claimpath.Connections{Valkey: sizing.FunctionToValkey, Database: sizing.FunctionToDatabase},
	}, p.Getenv)
}

func (p parts) control(path *claimpath.Parts, witness control.Witness) *control.Control {
	return control.New(control.Config{
		Store: path.Store, Sessions: path.Sessions, Authority: path.Database, Witness: witness, Recorder: p.recorder, Terms: path.Terms,
	})
}

// witness is the cluster; on one machine nobody sees a worker end but its agent.
func (p parts) witness() (control.Witness, error) {
	if _, here := p.set.Launcher(); here {
		return nil, nil
	}
	config, err := iam.Config(p.set.Region, p.Getenv)
	if err != nil {
		return nil, err
	}
	return ecs.NewWitness(config, p.set.Name), nil
}

// wakes hands bindings on to the claim function, which may open credentials. Of one binding a single message comes in five
// minutes, however many rounds find it undelivered.
func (p parts) wakes() (func(context.Context, claim.Binding) error, error) {
	config, err := iam.Config(p.set.Region, p.Getenv)
	if err != nil {
		return nil, err
	}
	sender, err := sqs.NewSender(config, map[queue.Name]string{queue.PoolClaim: string(p.set.PoolClaim)})
	if err != nil {
		return nil, fmt.Errorf("%s: %w", settings.EnvQueuePoolClaim, err)
	}
	return func(ctx context.Context, b claim.Binding) error {
		return sender.Send(ctx, queue.PoolClaim, queue.Task{Type: queue.Wake, ID: rand.Text(), User: b.User, Epoch: b.Epoch, At: time.Now()})
	}, nil
}
