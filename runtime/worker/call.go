package worker

import (
	"context"
	"errors"
	"fmt"
	"time"

	"workerfleet/runtime/hostlink"
	"workerfleet/runtime/order"
)

// call makes one call about an order. The lease and the order's own time are looked at last of all, because this process
// may have been stopped since the call was decided on. An order that is on its way is waited for, even if the life ends.
func (w *Worker) call(ctx context.Context, c Call) {
	ended := CallEnded{Call: c}
	defer func() { w.answer(ended) }()
	if c.kind == callPlace {
		ctx = context.WithoutCancel(ctx)
	}
	ctx, cancel := context.WithTimeout(ctx, callLimit)
	defer cancel()
	ended.Began = w.wall()
	ctx = w.startBy(ctx, c.Until)
	if w.Now() >= c.Until {
		ended.Err = fmt.Errorf("%w: %w", order.ErrUnsent, errLapsed)
		return
	}
	switch c.kind {
	case callPosition:
		ended.Position, ended.Err = w.account.Position(ctx, c.Symbol)
	case callPlace:
		ended.Report, ended.Err = w.account.Place(ctx, c.Ticket)
	case callCancel:
		ended.Err = w.account.Cancel(ctx, c.Ticket.ClientID)
	case callFind:
		ended.Report, ended.Err = w.account.Find(ctx, c.Ticket.ClientID)
	}
	if ended.Err != nil {
		w.Log.Warn("call to the broker failed", "order", c.Order, "leg", c.Leg, "error", ended.Err)
	}
}

// startBy is for whoever writes the call: between the look at the lease and the writing this process may be stopped, too.
func (w *Worker) startBy(ctx context.Context, until hostlink.Instant) context.Context {
	return order.StartBy(ctx, w.wall().Add(until.Sub(w.Now())))
}

// newsPause is the time between attempts to listen, after one that failed.
const newsPause = time.Second

// listenTo hands on the account's news until calls end. A stream that breaks is begun anew: what it would have brought,
// the ledger asks for.
func (w *Worker) listenTo(ctx context.Context, account order.Account) {
	defer close(w.newsEnded)
	for ctx.Err() == nil {
		report, err := account.Next(ctx)
		if err == nil {
			if !w.report(ctx, News{report}) {
				return
			}
			continue
		}
		if ctx.Err() == nil {
			w.Log.Warn("news from the broker ended", "error", err)
		}
		select {
		case <-time.After(newsPause):
		case <-ctx.Done():
		}
	}
}

// reset waits for the calls that are under way, says what came of them, and logs out. A logout that fails is the broker's
// to time out: what it would have ended exists in this process's memory only.
func (w *Worker) reset() error {
	ctx, cancel := context.WithTimeout(context.Background(), resetLimit)
	defer cancel()
	for w.calling > 0 {
		select {
		case answer := <-w.answers:
			w.calling--
			w.lateAnswer(answer)
		case <-w.events: // nobody is listened to any more
		case <-ctx.Done():
			return errors.New("a call to the broker does not end")
		}
	}
	if w.account == nil {
		return nil
	}
	select {
	case <-w.newsEnded:
	case <-ctx.Done():
		return errors.New("the broker's news do not end")
	}
	ended := make(chan error, 1)
	go func() { ended <- w.account.Logout(ctx) }()
	select {
	case err := <-ended:
		if err != nil {
			w.Log.Warn("logout failed", "error", err)
		}
		return nil
	case <-ctx.Done():
		return errors.New("the logout does not end")
	}
}

// lateAnswer takes the end of a call after the end of the life.
func (w *Worker) lateAnswer(answer Event) {
	switch a := answer.(type) {
	case loggedIn:
		if a.err == nil {
			w.account, w.newsEnded = a.account, make(chan struct{})
			close(w.newsEnded)
		}
	case CallEnded:
		for _, effect := range w.machine.Step(w.Now(), a) {
			if say, ok := effect.(Say); ok {
				w.say(say.Message)
			}
		}
	}
}
