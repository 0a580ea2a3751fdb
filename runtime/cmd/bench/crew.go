package main

import (
	"context"
	"fmt"
	"net"

	"workerfleet/runtime/agent"
	"workerfleet/runtime/fleet"
	"workerfleet/runtime/order"
	"workerfleet/runtime/worker"
)

// crew is the real workers of one host.
type crew struct {
	host, workers int
	broker        order.Broker
}

// employ starts workers with the code of the worker's program. They live in this process, so that it is a door and not
// the kernel that tells their agent who calls.
func (f *simulated) employ(d *door, c crew) error {
	for i := range c.workers {
		pid, exited := int(lastPID.Add(1)), make(chan struct{})
		w, err := worker.New(worker.Config{
			Self:   worker.Self{Worker: fleet.Worker(fmt.Sprintf("worker-%d-%d", c.host, i)), Life: life, Revision: 1},
			Broker: c.broker, Beat: beat, Trust: ttl - guard,
			Dial: func(ctx context.Context) (net.Conn, error) {
				mine, theirs := newWire()
				select {
				case d.calls <- agent.Call{Stream: theirs, PID: pid, Exited: exited}:
					return mine, nil
				case <-ctx.Done():
					return nil, ctx.Err()
				}
			},
		})
		if err != nil {
			return err
		}
		f.background(func(ctx context.Context) {
			defer close(exited)
			_, _ = w.Run(ctx) // whatever its end, its agent sees the process go
		})
	}
	return nil
}
