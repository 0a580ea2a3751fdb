package alpaca

import (
	"fmt"
	"time"

	"github.com/shopspring/decimal"

	"workerfleet/runtime/fleet"
	"workerfleet/runtime/order"
)

// placing is an order as it is sent. Alpaca's words for sides, types and times in force are fleet's.
type placing struct {
	ClientOrderID string            `json:"client_order_id"`
	Symbol        string            `json:"symbol"`
	Qty           decimal.Decimal   `json:"qty"`
	Side          fleet.Side        `json:"side"`
	Type          fleet.OrderType   `json:"type"`
	TimeInForce   fleet.TimeInForce `json:"time_in_force"`
	LimitPrice    *decimal.Decimal  `json:"limit_price,omitempty"`
}

// placed is what is read of an order.
type placed struct {
	ID            string          `json:"id"`
	ClientOrderID string          `json:"client_order_id"`
	Status        string          `json:"status"`
	FilledQty     decimal.Decimal `json:"filled_qty"`
	SubmittedAt   time.Time       `json:"submitted_at"`
}

// activity is one execution.
type activity struct {
	ID              string          `json:"id"`
	OrderID         string          `json:"order_id"`
	Qty             decimal.Decimal `json:"qty"`
	Price           decimal.Decimal `json:"price"`
	TransactionTime time.Time       `json:"transaction_time"`
}

// states are what Alpaca's words for an order's life mean (https://docs.alpaca.markets/docs/orders-at-alpaca#order-lifecycle).
var states = map[string]fleet.OutcomeState{
	"new": fleet.OutcomeWorking, "accepted": fleet.OutcomeWorking, "pending_new": fleet.OutcomeWorking, "held": fleet.OutcomeWorking,
	"accepted_for_bidding": fleet.OutcomeWorking, "partially_filled": fleet.OutcomeWorking, "pending_cancel": fleet.OutcomeWorking,
	"pending_replace": fleet.OutcomeWorking, "stopped": fleet.OutcomeWorking, "suspended": fleet.OutcomeWorking,
	// These two are over for the day; an order that is good till cancelled goes on, and one that ends says so later.
	"done_for_day": fleet.OutcomeWorking, "calculated": fleet.OutcomeWorking,
	"filled": fleet.OutcomeFilled, "expired": fleet.OutcomeExpired, "rejected": fleet.OutcomeRejected,
	"canceled": fleet.OutcomeCancelled,
	// Somebody has replaced the order at the broker by one that is not ours; ours has ended.
	"replaced": fleet.OutcomeCancelled,
}

// report is what an order says of itself, without its fills.
func (p placed) report() (order.Report, error) {
	state, known := states[p.Status]
	if p.ID == "" || p.ClientOrderID == "" || !known {
		return order.Report{}, fmt.Errorf("an order in the state %.20q is not understood", p.Status)
	}
	r := order.Report{ClientID: p.ClientOrderID, BrokerID: p.ID, State: state}
	if state != fleet.OutcomeFilled && state != fleet.OutcomeWorking {
		r.Reason = p.Status + " at the broker"
	}
	return r, nil
}
