package dispatch

import (
	"context"
	"errors"
	"fmt"
	"time"

	"workerfleet/runtime/claim"
	"workerfleet/runtime/fleet"
	"workerfleet/runtime/order"
	"workerfleet/runtime/session"
	"workerfleet/runtime/signals"
)

// Parcel is a reported outcome and its place in the inbox.
type Parcel struct {
	ID string
	fleet.Outcome
}

// Inbox holds what workers report until it is committed.
type Inbox interface {
	// Take returns outcomes that are not settled, at most limit, and waits briefly for the first. What was taken and not
	// settled comes back after a while, to whoever asks. Any error may be tried again.
	Take(ctx context.Context, limit int) ([]Parcel, error)
	// Settle takes them out.
	Settle(ctx context.Context, ids []string) error
}

// Board is where the agents read whether orders are switched off for all.
type Board interface {
	Show(ctx context.Context, halted bool) error
}

// Refusals remembers whose credentials the broker refuses; see [session.Safe].
type Refusals interface {
	Refuse(ctx context.Context, user fleet.User, epoch fleet.Epoch, reason string) error
}

// Bell tells whoever shows users their events that there are new ones. It is a hint: nobody has to hear it.
type Bell interface {
	Ring(ctx context.Context, user fleet.User) error
}

// Config is what orders are dispatched by. Ledger, Sessions and Mailbox must be set; Inbox, Board and Switches where the
// passes run.
type Config struct {
	Ledger   *order.Ledger
	Sessions *session.Sessions
	Mailbox  session.Mailbox
	Inbox    Inbox
	Board    Board
	Switches order.Switches
	// Refusals is nil for none.
	Refusals Refusals
	// Bell is nil for none.
	Bell Bell
	// HandOn tells somebody of an order that was accepted and not seen on its way, so that it waits for no pass; nil is
	// nobody.
	HandOn func(ctx context.Context, user fleet.User, id fleet.OrderID) error
	// Signals is nil for none.
	Signals signals.Recorder
	// Period is the time between two rounds of [Dispatcher.Run]; 0 is 100 ms.
	Period time.Duration
	// Go starts one user's turn beside others; nil is a goroutine. One that runs it at once is as good, and slower.
	Go func(func())
}

// Dispatcher carries orders on. It keeps nothing itself and is safe for concurrent use.
type Dispatcher struct{ Config }

// New puts the parts together.
func New(c Config) *Dispatcher {
	if c.Signals == nil {
		c.Signals = signals.Discard{}
	}
	if c.Period == 0 {
		c.Period = 100 * time.Millisecond
	}
	if c.Go == nil {
		c.Go = func(run func()) { go run() }
	}
	return &Dispatcher{c}
}

// Accept commits the draft as one order, and sees it on its way; see [order.Ledger.Accept] for its errors. What fails
// after the commit is told to failed, not returned: the order is accepted, and a pass carries it on.
func (d *Dispatcher) Accept(ctx context.Context, user fleet.User, draft order.Draft, failed func(error)) (order.Acceptance, error) {
	turn, end := context.WithTimeout(ctx, acceptLimit)
	defer end()
	a, err := d.Ledger.Accept(turn, user, draft)
	if err != nil {
		return a, err
	}
	if d.follow(ctx, user, a.Next, failed) || d.HandOn == nil {
		return a, nil
	}
	// The order is accepted, whatever becomes of the request.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), handOnLimit)
	defer cancel()
	if err := d.HandOn(ctx, user, a.ID); err != nil {
		failed(fmt.Errorf("hand the order %s of %s on: %w", a.ID, user, err))
	}
	return a, nil
}

// Bounds of what a request waits for: its turn, what follows it, and a queue that takes what did not.
const (
	acceptLimit = 5 * time.Second
	followLimit = time.Second
	handOnLimit = time.Second
)

// Cancel asks for an order's end; see [order.Ledger.Cancel].
func (d *Dispatcher) Cancel(ctx context.Context, user fleet.User, id fleet.OrderID, failed func(error)) (order.Record, error) {
	r, next, err := d.Ledger.Cancel(ctx, user, id)
	if err != nil {
		return r, err
	}
	d.follow(ctx, user, next, failed)
	return r, nil
}

// Withdraw takes back what the user's worker has not begun, after orders were switched off. What fails a pass does again.
func (d *Dispatcher) Withdraw(ctx context.Context, user fleet.User, failed func(error)) {
	next, err := d.Ledger.Withdraw(ctx, user)
	if err != nil {
		failed(err)
		return
	}
	d.follow(ctx, user, next, failed)
}

func (d *Dispatcher) follow(ctx context.Context, user fleet.User, next order.Next, failed func(error)) (done bool) {
	ctx, cancel := context.WithTimeout(ctx, followLimit)
	defer cancel()
	err := d.Follow(ctx, user, next)
	if err != nil {
		failed(err)
	}
	return err == nil
}

// Follow does what follows a turn of the user.
func (d *Dispatcher) Follow(ctx context.Context, user fleet.User, next order.Next) error {
	d.record(next)
	err := d.post(ctx, next)
	d.ring(ctx, user, next)
	if !next.Claim {
		return err
	}
	bound, claiming := d.claim(ctx, user)
	if claiming != nil || !bound {
		return errors.Join(err, claiming)
	}
	// The assignment is in the mail: what is marked now reaches the worker behind it.
	marked, attending := d.Ledger.Serve(ctx, user)
	if attending != nil {
		return errors.Join(err, attending)
	}
	d.record(marked)
	err = errors.Join(err, d.post(ctx, marked))
	d.ring(ctx, user, marked)
	return err
}

func (d *Dispatcher) ring(ctx context.Context, user fleet.User, next order.Next) {
	if d.Bell != nil && len(next.Changes) > 0 {
		_ = d.Bell.Ring(ctx, user) // who does not hear it looks by itself
	}
}

func (d *Dispatcher) post(ctx context.Context, next order.Next) error {
	var errs []error
	for _, letter := range next.Mail {
		if err := d.Mailbox.Post(ctx, letter.Host, letter.Mail); err != nil {
			errs = append(errs, fmt.Errorf("post %s of %s: %w", letter.Mail.Kind, letter.Mail.User, err))
		}
	}
	return errors.Join(errs...)
}

// claim asks for a worker, and says whether the user has one. Without credentials that the broker takes there is
// none to have; the order runs out of its time. While the pool is rebuilt nobody is bound, and the next look asks again.
func (d *Dispatcher) claim(ctx context.Context, user fleet.User) (bool, error) {
	progress, err := d.Sessions.Claim(ctx, claim.Request{User: user}, "")
	switch {
	case session.Unserved(err), errors.Is(err, claim.ErrRebuilding):
		return false, nil
	case err != nil:
		return false, fmt.Errorf("claim a worker for the orders of %s: %w", user, err)
	}
	// A binding that was handed on is not in the mail yet: whoever delivers it looks at the user's orders then.
	return progress.Bound != nil && (progress.Bound.Sent || progress.Ready()), nil
}

// record counts what became of orders.
func (d *Dispatcher) record(next order.Next) {
	for _, c := range next.Changes {
		if c.From == order.Dispatched && c.To != order.Unknown && c.To != order.Accepted {
			d.Signals.Observe(signals.OrderBroker, c.Since.Seconds())
		}
		switch {
		case c.End:
			d.Signals.Add(signals.Orders, 1, string(c.To))
		case c.Corrected:
			d.Signals.Add(signals.Corrections, 1)
		}
	}
}
