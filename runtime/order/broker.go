package order

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/shopspring/decimal"

	"workerfleet/runtime/fleet"
)

// What a broker's answer may mean beside success. Any other error leaves open whether the call had its effect.
var (
	// ErrCredentials: the broker refuses the credentials for good. The session ends; asking again is of no use.
	ErrCredentials = errors.New("the broker refuses the credentials")
	// ErrUnsent: nothing has left this process, so that the call cannot have had an effect.
	ErrUnsent = errors.New("nothing was sent to the broker")
	// ErrRepeated: the broker has an order of that client id.
	ErrRepeated = errors.New("the broker has an order of that id already")
	// ErrAbsent: the broker has no order of that client id.
	ErrAbsent = errors.New("the broker has no order of that id")
)

// Refused is the broker's no to an order, which it does not have.
type Refused struct{ Reason string }

func (e *Refused) Error() string { return fmt.Sprintf("the broker refuses the order: %s", e.Reason) }

// Traits are what a broker promises, on which rests what may be done about a call that was not answered.
type Traits struct {
	// RefusesRepeats: a second order of one client id is refused, for as long as it may come.
	RefusesRepeats bool
	// Lag is how long an order that was taken may be missing from look-ups.
	Lag time.Duration
}

// Holder says for whom and by whom an account is used; brokers' logs may show it.
type Holder struct {
	User   fleet.User
	Worker fleet.Worker
	Epoch  fleet.Epoch
}

// Broker is where users' orders go.
type Broker interface {
	// Login opens a user's account. [ErrCredentials] ends the worker's life; any other error is tried again while the
	// lease lasts. The credentials are the worker's and change after the call: what the account needs it copies.
	Login(ctx context.Context, h Holder, credentials []byte) (Account, error)
	Traits() Traits
}

// Account is one user logged in at the broker. It is safe for concurrent use.
type Account interface {
	Trading
	// Next waits for news of any order of the account. An error ends the stream; what it would have brought is found by
	// [Trading.Find]. Calling again begins another one.
	Next(ctx context.Context) (Report, error)
	// Logout ends it. An error leaves it to the broker's own time-out: the token ends with the process's memory.
	Logout(ctx context.Context) error
}

// Trading is what is asked of an account.
type Trading interface {
	// Place hands over one order, or one leg. Errors: [*Refused], [ErrRepeated], [ErrUnsent]; any other is unknown.
	Place(ctx context.Context, t Ticket) (Report, error)
	// Cancel asks for the order's end, which a report tells; [ErrAbsent] if there is none. Of one that has ended it is no error.
	Cancel(ctx context.Context, clientID string) error
	// Find tells where the order stands, with all its fills; [ErrAbsent] if there is none.
	Find(ctx context.Context, clientID string) (Report, error)
	// Position is what the account holds: below 0 if it is short, 0 if nothing.
	Position(ctx context.Context, symbol string) (decimal.Decimal, error)
}

// Ticket is an order as a broker takes it.
type Ticket struct {
	ClientID    string
	Symbol      string
	Side        fleet.Side // Buy or Sell
	Quantity    decimal.Decimal
	Type        fleet.OrderType
	LimitPrice  decimal.Decimal // of limit orders; else 0
	TimeInForce fleet.TimeInForce
}

// Report is the broker's word about one order.
type Report struct {
	ClientID, BrokerID string
	State              fleet.OutcomeState // one that is [fleet.OutcomeState.Evidence]
	Reason             string
	// Fills are those that this report brings; all of them in an answer to Find. One may be reported twice.
	Fills []fleet.Fill
}
