package worker

import (
	"github.com/shopspring/decimal"

	"workerfleet/runtime/fleet"
	"workerfleet/runtime/hostlink"
	"workerfleet/runtime/order"
)

// Why an order was not handed over.
const (
	lateReason   = "it could not be handed over in time"
	haltReason   = "orders are switched off"
	cancelReason = "cancelled before it was handed over"
	endReason    = "the session ended before it was handed over"
	legReason    = "its first leg was not committed in time"
	flatReason   = "there is no position to reverse"
)

// advance does what the time and the right to call allow: it ends what is too late, and begins what is next.
func (m *Machine) advance(now hostlink.Instant) []Effect {
	t := &m.trade
	var effects []Effect
	may := m.MayCall(now) && m.login.done
	busy := false
	for _, j := range t.open() {
		switch {
		case j.call != noCall:
			busy = busy || j.call == callPlace || j.call == callPosition
		case j.stage == waiting && (busy || j.leg != 2 && t.reversing(j)):
			effects = append(effects, m.tooLate(j, now)...)
			busy = busy || j.stage == waiting
		case j.stage == waiting:
			effects = append(effects, m.tooLate(j, now)...)
			if j.stage == waiting && may {
				effects = append(effects, m.begin(j))
			}
			busy = busy || j.stage != settled
		case j.stage == committing && now >= j.legUntil:
			effects = append(effects, m.settle(j, fleet.Outcome{State: fleet.OutcomeUnsent, Leg: 2, Reason: legReason}))
		case j.stage == closing && (now >= j.legUntil || j.cancel) && may:
			// What of it is filled stays; the rest is taken back, and the reversal ends there.
			effects = append(effects, m.calls(j, Call{kind: callCancel, Leg: 1, Until: m.lease.Until()}))
		case j.look && may && j.cancel:
			effects = append(effects, m.lookUp(j))
		}
	}
	if next := t.nextLook(); next != nil && may {
		effects = append(effects, m.lookUp(next))
	}
	return effects
}

// nextLook is the order that is looked up next: one at a time, so that a session that begins with many orders at the broker
// does not ask for all at once; the latest first, because others may wait for what is known of it. What is to be cancelled
// waits for nothing.
func (t *trade) nextLook() (next *job) {
	for _, j := range t.jobs {
		switch {
		case j.call == callFind:
			return nil
		case j.look && !j.begun() && !j.cancel && j.call == noCall && (next == nil || j.Sequence > next.Sequence):
			next = j
		}
	}
	return next
}

// reversing says that another order is between its legs, and so before this one.
func (t *trade) reversing(than *job) bool {
	for _, j := range t.jobs {
		if j != than && (j.stage == closing || j.stage == committing) {
			return true
		}
	}
	return false
}

// tooLate ends a job that waits and must not begin any more.
func (m *Machine) tooLate(j *job, now hostlink.Instant) []Effect {
	reason := ""
	switch {
	case j.cancel:
		reason = cancelReason
	case m.trade.halted || j.withdrawn:
		reason = haltReason
	case now >= j.emitBy:
		reason = lateReason
	default:
		return nil
	}
	return []Effect{m.settle(j, fleet.Outcome{State: fleet.OutcomeUnsent, Leg: j.leg, Reason: reason})}
}

// begin makes the first call for a job, or for its second leg.
func (m *Machine) begin(j *job) Effect {
	m.trade.last, m.trade.begun = max(m.trade.last, j.Sequence), true
	until := min(m.lease.Until(), j.emitBy)
	if j.leg == 1 {
		j.stage = sizing
		return m.calls(j, Call{kind: callPosition, Symbol: j.Symbol, Until: until})
	}
	j.stage = placing
	side := j.Side
	if j.leg == 2 {
		side = against(j.held)
	}
	return m.calls(j, Call{kind: callPlace, Leg: j.leg, Until: until, Ticket: order.Ticket{
		ClientID: order.ClientID(j.ID, j.leg), Symbol: j.Symbol, Side: side, Quantity: j.Quantity, Type: j.Type,
		LimitPrice: j.LimitPrice, TimeInForce: j.TimeInForce,
	}})
}

// close hands over the first leg of a reversal, or ends it where there is nothing to reverse.
func (m *Machine) close(j *job, held decimal.Decimal) Effect {
	if held.IsZero() {
		return m.settle(j, fleet.Outcome{State: fleet.OutcomeRejected, Leg: 1, Reason: flatReason})
	}
	j.held, j.stage = held, placing
	return m.calls(j, Call{kind: callPlace, Leg: 1, Until: min(m.lease.Until(), j.emitBy), Ticket: order.Ticket{
		ClientID: order.ClientID(j.ID, 1), Symbol: j.Symbol, Side: against(held), Quantity: held.Abs(), Type: fleet.Market,
		TimeInForce: j.TimeInForce,
	}})
}

// against is the side that closes a position, and then opens the other one.
func against(held decimal.Decimal) fleet.Side {
	if held.IsNegative() {
		return fleet.Buy
	}
	return fleet.Sell
}

// lookUp asks the broker about a job that somebody else asks about: for its end first, where the user wants that.
func (m *Machine) lookUp(j *job) Effect {
	j.look = false
	kind := callFind
	if j.cancel && (j.said == fleet.OutcomeWorking || !j.said.Evidence()) {
		kind = callCancel
	}
	return m.calls(j, Call{kind: kind, Leg: j.legs()[0], Until: m.lease.Until()})
}
