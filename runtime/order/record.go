package order

import (
	"slices"
	"time"

	"github.com/shopspring/decimal"

	"workerfleet/runtime/fleet"
)

// State is where an order stands in the ledger.
type State string

// The states.
const (
	// Accepted orders are committed, and nobody has been asked to execute them.
	Accepted State = "accepted"
	// Dispatched orders are marked for the worker of one epoch. A user has at most one.
	Dispatched State = "dispatched"
	// Working orders are the broker's.
	Working State = "working"
	// Unknown orders may be at the broker, and are being looked up. Without a [Record.CheckAt] that was given up until the
	// user's next session begins.
	Unknown State = "unknown"
	// The final states.
	Filled    State = "filled"
	Rejected  State = "rejected"
	Cancelled State = "cancelled"
	Expired   State = "expired"
)

// Final says that nothing will be called for the order any more.
func (s State) Final() bool {
	switch s {
	case Filled, Rejected, Cancelled, Expired:
		return true
	}
	return false
}

// Record is an order as the ledger has it.
type Record struct {
	fleet.Order
	User fleet.User
	// Key is the user's own name for the order, by which a repeated request is known; Digest is of what it asked for.
	Key, Digest string
	State       State
	// Proven says that the state is the broker's word, and not what followed from its absence.
	Proven bool
	Reason string
	// Epoch is the session that the order is marked for; 0 is none.
	Epoch fleet.Epoch
	// Leg is the leg of a reversal that is under way: 1 closes the position, 2 opens the other one. 0: no reversal.
	Leg      int
	BrokerID string
	Fills    []Fill
	// Doubted says that a call may have been made of which nobody knew what became. Such an order never ends by itself:
	// a look-up has to say that no call can land any more.
	Doubted bool
	// Counted says that the order has reached an end before, which is counted once: a final state, or that it was given up.
	Counted bool
	// HeardEpoch and Heard number the last report that was taken of what a worker knows by itself. Such a word is about the
	// mark that it answers; repeated after the next one, it would be taken for that one's answer.
	HeardEpoch fleet.Epoch
	Heard      uint64
	// CancelAsked says that the user wants the order's end.
	CancelAsked bool
	// CheckAt is when the order is looked at next; zero is never. Checks counts the looks since the state began.
	CheckAt time.Time
	Checks  int
	// ValidUntil is the last moment at which it may begin to be executed.
	ValidUntil time.Time
	AcceptedAt time.Time
	ChangedAt  time.Time
}

// Fill is one execution, and the leg that it belongs to.
type Fill struct {
	fleet.Fill
	Leg int
}

// InFlight says that the order holds back those behind it: it may be on its way to the broker.
func (r *Record) InFlight() bool {
	return r.State == Dispatched || r.State == Unknown && !r.CheckAt.IsZero()
}

// MayCome says that a worker may still be asked to send the order.
func (r *Record) MayCome() bool { return r.State == Accepted || r.InFlight() }

// FilledQuantity is what was executed; of a reversal, on the leg that opens.
func (r *Record) FilledQuantity() decimal.Decimal {
	opening := 0
	if r.Side == fleet.Reverse {
		opening = 2
	}
	sum := decimal.Zero
	for _, f := range r.Fills {
		if f.Leg == opening {
			sum = sum.Add(f.Quantity)
		}
	}
	return sum
}

// unclosed says that the broker has ended the second leg of a reversal, and the ledger has nothing that the first one executed.
func (r *Record) unclosed() bool {
	return r.Leg == 2 && r.Proven && !slices.ContainsFunc(r.Fills, func(f Fill) bool { return f.Leg == 1 })
}

// addFills keeps each execution once, however often it is reported.
func (r *Record) addFills(leg int, fills []fleet.Fill) {
	for _, f := range fills {
		known := false
		for _, k := range r.Fills {
			known = known || k.Leg == leg && k.ID == f.ID
		}
		if !known {
			r.Fills = append(r.Fills, Fill{f, leg})
		}
	}
}
