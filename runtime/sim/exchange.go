package sim

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/shopspring/decimal"

	"workerfleet/runtime/fleet"
	"workerfleet/runtime/order"
)

// exchange is the broker, and the judge of who was there: it outlives everybody else.
type exchange struct {
	service
	*loop
	traits order.Traits
	// held are the orders by client id, in the order of their arrival.
	held   []*held
	logins []login
	// allowed says why a worker must not call now; "" if it may.
	allowed func(h order.Holder) string
	// off says that no order may be sent.
	off     func() bool
	feeds   map[fleet.User][]*feed
	barred  map[string]bool // credentials that it takes no longer
	revoked map[string]bool // … nor lets those call any more who are logged in with them
}

// login is one that had its effect.
type login struct {
	at time.Duration
	order.Holder
}

// held is one order that the exchange took.
type held struct {
	order.Ticket
	order.Holder
	at     time.Duration
	report order.Report
	copies int // how often it was taken
}

// broker is the exchange as one worker reaches it.
type broker struct {
	*exchange
	from *process
	// hung are the calls under way that end when the life does.
	hung *[]func()
	// opened are the credentials of a login.
	opened string
}

var _ order.Broker = broker{}

func (b broker) Traits() order.Traits { return b.traits }

// errBroken is a call whose answer was lost.
var errBroken = errors.New("the connection to the exchange broke")

// call makes one call to the exchange: the process may be stopped on the way to it, and looks at its clock last of all.
func call[T any](ctx context.Context, b broker, h order.Holder, what string, effect func() (T, error)) (T, error) {
	var none T
	if !b.from.sleep(b.between(0, time.Millisecond)) {
		return none, errDead
	}
	if order.LateAt(ctx, b.from.wall()) || ctx.Err() != nil {
		b.from.say(b.from.name, "%s: too late, unsent", what)
		return none, order.ErrUnsent
	}
	if why := b.allowed(h); why != "" {
		b.fail("%s began %s for %s under %s: %s", h.Worker, what, h.User, b.short(h.Epoch), why)
	}
	hung := b.hung
	if what == "place" { // it is waited for
		hung = nil
	}
	if what == "place" && b.off() {
		b.fail("an order of %s is sent before the ledger is recovered", h.User)
	}
	v, err := askUntil(b.from, &b.service, hung, func() (T, error) {
		if b.revoked[b.opened] {
			b.from.say(b.from.name, "%s at the exchange: the credentials are refused", what)
			return none, fmt.Errorf("%w: %w", order.ErrCredentials, order.ErrUnsent)
		}
		v, err := effect()
		b.from.say(b.from.name, "%s at the exchange: %s", what, said(err))
		return v, err
	})
	if errors.Is(err, errLost) || errors.Is(err, errDead) {
		b.from.say(b.from.name, "%s: no answer", what)
		return none, errBroken
	}
	if errors.Is(err, errRefused) {
		return none, fmt.Errorf("%w: %w", order.ErrUnsent, err)
	}
	return v, err
}

// Login: see [order.Broker].
func (b broker) Login(ctx context.Context, h order.Holder, text []byte) (order.Account, error) {
	return call(ctx, b, h, "login", func() (order.Account, error) {
		if err := b.denied(text); err != nil {
			return nil, err
		}
		b.logins = append(b.logins, login{b.at, h})
		f := &feed{}
		b.feeds[h.User] = append(b.feeds[h.User], f)
		b.opened = string(text)
		return account{b, h, f}, nil
	})
}

// account is one login.
type account struct {
	broker
	holder order.Holder
	feed   *feed
}

func (a account) Place(ctx context.Context, t order.Ticket) (order.Report, error) {
	return call(ctx, a.broker, a.holder, "place", func() (order.Report, error) {
		if known := a.find(t.ClientID); known != nil {
			if a.traits.RefusesRepeats {
				return order.Report{}, order.ErrRepeated
			}
			known.copies++
			a.fail("an order of %s is at the exchange twice", a.holder.User)
			return known.report, nil
		}
		if a.chance(0.03) {
			return order.Report{}, &order.Refused{Reason: "not today"}
		}
		h := &held{Ticket: t, Holder: a.holder, at: a.at, copies: 1}
		h.report = order.Report{ClientID: t.ClientID, BrokerID: fmt.Sprint(len(a.held) + 1), State: fleet.OutcomeWorking}
		a.exchange.held = append(a.exchange.held, h)
		if a.chance(0.7) {
			a.fill(h)
		} else {
			a.after(a.between(0, 20*time.Second), func() { a.fill(h) })
		}
		return clone(h.report), nil
	})
}

// fill fills what is left.
func (x *exchange) fill(h *held) {
	if h.report.State == fleet.OutcomeWorking {
		h.report.State = fleet.OutcomeFilled
		h.report.Fills = append(h.report.Fills, fleet.Fill{ID: h.report.BrokerID + "-1", Quantity: h.Quantity, Price: decimal.NewFromInt(7), At: x.now()})
		x.tell(h)
	}
}

func clone(r order.Report) order.Report {
	r.Fills = slices.Clone(r.Fills)
	return r
}

func (x *exchange) find(clientID string) *held {
	for _, h := range x.held {
		if h.ClientID == clientID {
			return h
		}
	}
	return nil
}

func (a account) Cancel(ctx context.Context, clientID string) error {
	_, err := call(ctx, a.broker, a.holder, "cancel", func() (none, error) {
		h := a.find(clientID)
		if h == nil {
			return none{}, order.ErrAbsent
		}
		if h.report.State == fleet.OutcomeWorking {
			h.report.State = fleet.OutcomeCancelled
			a.tell(h)
		}
		return none{}, nil
	})
	return err
}

// Find tells where an order stands. One that came within the lag may not be seen yet.
func (a account) Find(ctx context.Context, clientID string) (order.Report, error) {
	return call(ctx, a.broker, a.holder, "find", func() (order.Report, error) {
		h := a.find(clientID)
		if h == nil || a.at-h.at < a.traits.Lag && a.chance(0.8) {
			return order.Report{}, order.ErrAbsent
		}
		return clone(h.report), nil
	})
}

func (a account) Position(ctx context.Context, symbol string) (decimal.Decimal, error) {
	return call(ctx, a.broker, a.holder, "position", func() (decimal.Decimal, error) {
		sum := decimal.Zero
		for _, h := range a.held {
			if h.Symbol != symbol || h.Holder.User != a.holder.User {
				continue
			}
			for _, f := range h.report.Fills {
				if h.Side == fleet.Sell {
					sum = sum.Sub(f.Quantity)
				} else {
					sum = sum.Add(f.Quantity)
				}
			}
		}
		return sum, nil
	})
}

// feed is the news of one login.
type feed struct {
	reports []order.Report
	wake    func()
}

// tell brings news of an order to its user's logins.
func (x *exchange) tell(h *held) {
	for _, f := range x.feeds[h.Holder.User] {
		report := clone(h.report)
		x.after(x.between(x.fast, x.slow), func() {
			f.reports = append(f.reports, report)
			if f.wake != nil {
				f.wake()
			}
		})
	}
}

// Next: see [order.Account].
func (a account) Next(ctx context.Context) (order.Report, error) {
	for {
		if ctx.Err() != nil {
			return order.Report{}, ctx.Err()
		}
		if len(a.feed.reports) > 0 {
			next := a.feed.reports[0]
			a.feed.reports = a.feed.reports[1:]
			return next, nil
		}
		if !a.from.wait(func(wake func()) { a.feed.wake = wake }) {
			return order.Report{}, errDead
		}
	}
}

func (a account) Logout(ctx context.Context) error {
	return tell(a.from, &a.service, func() error {
		a.feeds[a.holder.User] = slices.DeleteFunc(a.feeds[a.holder.User], func(f *feed) bool { return f == a.feed })
		return nil
	})
}
