package control

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"workerfleet/runtime/claim"
	"workerfleet/runtime/fleet"
	"workerfleet/runtime/queue"
	"workerfleet/runtime/session"
	"workerfleet/runtime/signals"
)

// Witness says what the cluster has seen.
type Witness interface {
	// Ended lists the workers that ran on a host and have ended for good. One that is missing may have ended all the same.
	Ended(ctx context.Context, host fleet.Host) ([]fleet.Worker, error)
}

// Store is what is asked of the index.
type Store interface {
	claim.Directory
	claim.Ends
}

// Config is what messages are answered with. All fields must be set, but Witness where there is no cluster to ask.
type Config struct {
	Store     Store
	Sessions  *session.Sessions
	Authority session.Authority
	Witness   Witness
	Recorder  signals.Recorder
	Terms     claim.Terms
}

// Control does what messages ask for. It keeps nothing and is safe for concurrent use.
type Control struct{ Config }

// New puts the parts together.
func New(c Config) *Control { return &Control{c} }

// PoolClaim handles a message of pool-claim.
func (c *Control) PoolClaim(ctx context.Context, m queue.Message) error {
	task, err := queue.Parse(queue.PoolClaim, m.Body)
	if err != nil {
		return err
	}
	if task.Epoch != 0 {
		return c.finish(ctx, task)
	}
	// A former worker that may still act keeps the user out for now. The message is no timer for that: it would hold back
	// the user's next one, which may be about a binding that waits for its delivery.
	_, err = c.Sessions.Claim(ctx, claim.Request{User: task.User}, "")
	if session.Unserved(err) { // asking again is of no use
		return nil
	}
	return err
}

// finish delivers the binding that was handed on, if it still is the user's and nobody has delivered it. A user who has left
// since asks for nothing, and one who has been bound anew is told of by another message.
func (c *Control) finish(ctx context.Context, t queue.Task) error {
	current, open, err := c.Authority.Current(ctx, t.User)
	if err != nil {
		return fmt.Errorf("find the session of %s: %w", t.User, err)
	}
	if !open {
		return nil
	}
	w, known, err := c.Store.Worker(ctx, current.Worker)
	if err != nil {
		return fmt.Errorf("find the worker of %s: %w", t.User, err)
	}
	if !known || w.User != t.User || w.Epoch != t.Epoch || w.State != claim.Assigned || w.Sent {
		return nil
	}
	if err := c.Sessions.Deliver(ctx, w.Binding(), ""); err != nil && !session.Overtaken(err) {
		return err
	}
	return nil
}

// WorkerControl handles a message of worker-control.
func (c *Control) WorkerControl(ctx context.Context, m queue.Message) error {
	task, err := queue.Parse(queue.WorkerControl, m.Body)
	if err != nil {
		return err
	}
	switch task.Type {
	case queue.Start:
		return c.start(ctx, task)
	case queue.Stop:
		return c.stop(ctx, task)
	case queue.Restart:
		if err := c.stop(ctx, task); err != nil {
			return err
		}
		return c.start(ctx, task)
	case queue.TaskStopped:
		return c.ended(ctx, task.Worker)
	default:
		return c.lost(ctx, task)
	}
}

// start claims a worker, unless the user has had a later session than the one that the sender knew of. While the user's
// former worker may still act the message is not done: it comes again when that is over.
func (c *Control) start(ctx context.Context, t queue.Task) error {
	_, open, err := c.Authority.Current(ctx, t.User)
	if err != nil {
		return fmt.Errorf("find the session of %s: %w", t.User, err)
	}
	latest, err := c.Authority.Latest(ctx, t.User)
	if err != nil {
		return fmt.Errorf("find the latest session of %s: %w", t.User, err)
	}
	if latest > t.Epoch && (open || t.Epoch != 0) { // who knew of none means any that is over
		return nil
	}
	progress, err := c.Sessions.Claim(ctx, claim.Request{User: t.User}, "")
	switch {
	case session.Unserved(err):
		return nil
	case err != nil:
		return err
	case progress.Wait > 0:
		return &queue.Later{
			After: progress.Wait, Err: fmt.Errorf("%s cannot be served for another %s: the former worker may still act", t.User, progress.Wait),
		}
	}
	return nil
}

func (c *Control) stop(ctx context.Context, t queue.Task) error {
	return c.Sessions.EndAt(ctx, t.User, t.Epoch)
}

// lost asks ECS which workers ended with a host. A host that lost its agent, or that is drained, may hold workers that go
// on: its word alone ends nobody, and what ECS does not say the lease does. An EC2 instance's name is not the index's
// name of a host; ECS reports each of its tasks as stopped by itself.
func (c *Control) lost(ctx context.Context, t queue.Task) error {
	if t.Host == "" || c.Witness == nil {
		return nil
	}
	workers, err := c.Witness.Ended(ctx, t.Host)
	if err != nil {
		return fmt.Errorf("ask about %s: %w", t.Host, err)
	}
	return c.ended(ctx, workers...)
}

// ended takes the end of workers' tasks for what it is: whatever lives the index knows of them are over. One that the index
// does not know is buried already; where that failed half way, the index keeps the proof of its end for whoever takes its
// user over. All are fenced, in the index and then in the database, before any user is served again.
func (c *Control) ended(ctx context.Context, workers ...fleet.Worker) error {
	var lost []session.Session
	for chunk := range slices.Chunk(workers, claim.EndLimit) {
		dead, err := c.Store.End(ctx, chunk, c.Terms)
		if err != nil {
			return errors.Join(fmt.Errorf("note the end of %d workers: %w", len(chunk), err), c.fence(ctx, lost))
		}
		c.Recorder.Add(signals.Deaths, float64(len(dead)), "confirmed")
		for _, d := range dead {
			if d.User != "" {
				lost = append(lost, session.Session{User: d.User, Epoch: d.Epoch})
			}
		}
	}
	if err := c.fence(ctx, lost); err != nil {
		return fmt.Errorf("fence the sessions of dead workers: %w", err)
	}
	var errs []error
	for _, s := range lost {
		// The user stands at the head of the queue by now; what hinders this claim the next round finds again.
		progress, err := c.Sessions.Claim(ctx, claim.Request{User: s.User, Bonus: claim.LongestBonus}, "")
		if err != nil && !errors.Is(err, claim.ErrRebuilding) && !session.Unserved(err) {
			errs = append(errs, fmt.Errorf("serve %s again: %w", s.User, err))
		}
		if err == nil && progress.Bound == nil && progress.Wait == 0 {
			break // no worker is free: the others wait like this one, each in its place
		}
	}
	return errors.Join(errs...)
}

// fence closes the sessions of workers whose processes have ended: no proof is needed.
func (c *Control) fence(ctx context.Context, lost []session.Session) error {
	return c.Authority.FenceAll(ctx, lost, func(context.Context) ([]bool, error) {
		ended := make([]bool, len(lost))
		for i := range ended {
			ended[i] = true
		}
		return ended, nil
	})
}
