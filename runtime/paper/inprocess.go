package paper

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/shopspring/decimal"

	"workerfleet/runtime/order"
)

// Broker trades on the exchange in this process. An idle account costs no goroutine beside its caller's.
func (x *Exchange) Broker() order.Broker { return broker{x} }

type broker struct{ x *Exchange }

func (b broker) Traits() order.Traits { return b.x.traits() }

func (b broker) Login(ctx context.Context, h order.Holder, credentials []byte) (order.Account, error) {
	s, err := b.x.login(ctx, h, credentials)
	if s, err = settle(ctx, b.x, s, err); err != nil {
		return nil, fmt.Errorf("log in: %w", err)
	}
	return &account{s, newReader(s.wait)}, nil
}

// account is a session whose lost answers are played to its caller.
type account struct {
	s    *session
	news *reader
}

func (a *account) Place(ctx context.Context, t order.Ticket) (order.Report, error) {
	r, err := a.s.place(ctx, t)
	return settle(ctx, a.s.x, r, err)
}

func (a *account) Cancel(ctx context.Context, clientID string) error {
	_, err := settle(ctx, a.s.x, struct{}{}, a.s.cancel(ctx, clientID))
	return err
}

func (a *account) Find(ctx context.Context, clientID string) (order.Report, error) {
	r, err := a.s.find(ctx, clientID)
	return settle(ctx, a.s.x, r, err)
}

func (a *account) Position(ctx context.Context, symbol string) (decimal.Decimal, error) {
	q, err := a.s.position(ctx, symbol)
	return settle(ctx, a.s.x, q, err)
}

func (a *account) Next(ctx context.Context) (order.Report, error) { return a.news.next(ctx) }

func (a *account) Logout(ctx context.Context) error {
	_, err := settle(ctx, a.s.x, struct{}{}, a.s.logout(ctx))
	return err
}

// settle turns a lost answer into what its caller gets to know.
func settle[T any](ctx context.Context, x *Exchange, value T, err error) (T, error) {
	var none T
	var l *lost
	if !errors.As(err, &l) {
		return value, err
	}
	switch l.kind {
	case Unreached:
		return none, fmt.Errorf("%w: the exchange cannot be reached", order.ErrUnsent)
	case Dropped, Cut:
		return none, errBroken
	case Slow:
		select {
		case <-time.After(x.Slowness):
			return value, l.answer
		case <-ctx.Done():
		}
	default:
		<-ctx.Done()
	}
	return none, ctx.Err()
}
