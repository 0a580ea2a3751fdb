package fleet

import (
	"crypto/rand"
	"time"

	"github.com/shopspring/decimal"
)

// OrderID names an order. It is random and drawn at the acceptance, so that a database restored from a backup cannot
// draw one that the broker has seen.
type OrderID string

// NewOrderID draws an order's name.
func NewOrderID() OrderID { return OrderID(rand.Text()) }

// Side says what an order does to a position.
type Side string

// The sides.
const (
	Buy  Side = "buy"
	Sell Side = "sell"
	// Reverse closes what the user holds and opens the quantity the other way around.
	Reverse Side = "reverse"
)

// OrderType says at which price an order may be filled.
type OrderType string

// The types.
const (
	Market OrderType = "market"
	// Limit orders are filled at their limit price or a better one.
	Limit OrderType = "limit"
)

// TimeInForce says how long an order works at the broker.
type TimeInForce string

// The times in force.
const (
	Day TimeInForce = "day"
	// GoodTillCancelled orders work until they are filled or cancelled.
	GoodTillCancelled TimeInForce = "gtc"
	// ImmediateOrCancel orders are filled at once, as far as that goes; the rest is cancelled.
	ImmediateOrCancel TimeInForce = "ioc"
)

// Order is what a worker needs to know of an order.
type Order struct {
	ID OrderID `json:"id"`
	// Sequence is the order's place among its user's, from 1. It only rises; it may have gaps.
	Sequence    uint64          `json:"sequence"`
	Symbol      string          `json:"symbol"`
	Side        Side            `json:"side"`
	Quantity    decimal.Decimal `json:"quantity"`
	Type        OrderType       `json:"type"`
	LimitPrice  decimal.Decimal `json:"limitPrice,omitzero"` // of limit orders; else 0
	TimeInForce TimeInForce     `json:"timeInForce"`
	// EmitBy is the last moment at which the call to the broker may start. The ledger's clock sets it and the worker's
	// judges it: their difference is taken off the time that an order has, or added to it.
	EmitBy time.Time `json:"emitBy,omitzero"`
}

// OutcomeState is what a worker says of an order.
type OutcomeState string

// What the broker said: evidence.
const (
	OutcomeWorking   OutcomeState = "working"
	OutcomeFilled    OutcomeState = "filled"
	OutcomeRejected  OutcomeState = "rejected"
	OutcomeCancelled OutcomeState = "cancelled"
	OutcomeExpired   OutcomeState = "expired"
)

// What the worker knows by itself.
const (
	// OutcomeUnsent: no call was started, and this worker will start none unless it is asked again.
	OutcomeUnsent OutcomeState = "unsent"
	// OutcomeDoubt: a call was started, or may have been, and nobody knows what came of it.
	OutcomeDoubt OutcomeState = "doubt"
	// OutcomeAbsent: the broker, asked by the order's id, knows none.
	OutcomeAbsent OutcomeState = "absent"
	// OutcomeDenied: the broker refuses the user's credentials. It is about no order, and names none.
	OutcomeDenied OutcomeState = "denied"
)

// Evidence says whether a state is the broker's word about an order that it has.
func (s OutcomeState) Evidence() bool {
	switch s {
	case OutcomeWorking, OutcomeFilled, OutcomeRejected, OutcomeCancelled, OutcomeExpired:
		return true
	}
	return false
}

// Outcome is what a worker reports of one order. It is kept and repeated until it is committed; repeating is harmless.
type Outcome struct {
	Worker Worker  `json:"worker"`
	Host   Host    `json:"host,omitempty"` // where the worker's mail goes; the agent says it
	Life   Life    `json:"life"`
	User   User    `json:"user"`
	Epoch  Epoch   `json:"epoch"`
	Order  OrderID `json:"order"`
	// Number tells the outcomes of one life apart, from 1.
	Number uint64       `json:"number"`
	State  OutcomeState `json:"state"`
	// At is when what is said was asked for: a look-up that began earlier proves nothing of later.
	At time.Time `json:"at"`
	// Mark is the EmitBy of the letter that the outcome answers; zero: it answers none, or an earlier release says it.
	Mark time.Time `json:"mark,omitzero"`
	// Leg is the leg of a reversal that the outcome is about: 1 closes, 2 opens. 0: the order is no reversal.
	Leg int `json:"leg,omitempty"`
	// Reason explains a state that is not what was hoped for.
	Reason   string `json:"reason,omitempty"`
	BrokerID string `json:"brokerId,omitempty"`
	Fills    []Fill `json:"fills,omitempty"`
	// Settle is how long after EmitBy an order may still show itself at the broker: the longest call and the broker's
	// lag. Resend says that the broker refuses a repeated id, so that the order may be sent again. Both of absent orders.
	Settle time.Duration `json:"settle,omitempty"`
	Resend bool          `json:"resend,omitempty"`
	// Uncalled says of a denial that its session was never logged in and ends by it: under its epoch no call about an order was
	// begun, nor will be. Without it, as earlier releases say it, orders may have been sent before.
	Uncalled bool `json:"uncalled,omitempty"`
}

// Fill is one execution of a part of an order.
type Fill struct {
	// ID is the broker's, unique within the order.
	ID       string          `json:"id"`
	Quantity decimal.Decimal `json:"quantity"`
	Price    decimal.Decimal `json:"price"`
	At       time.Time       `json:"at"`
}
