package worker

import (
	"errors"

	"workerfleet/runtime/fleet"
	"workerfleet/runtime/hostlink"
	"workerfleet/runtime/order"
)

// calls notes that a call is under way.
func (m *Machine) calls(j *job, c Call) Effect {
	c.Order = j.ID
	if c.Ticket.ClientID == "" {
		c.Ticket.ClientID = order.ClientID(j.ID, c.Leg)
	}
	j.call = c.kind
	return c
}

// answered takes what a call came to.
func (m *Machine) answered(now hostlink.Instant, a CallEnded) []Effect {
	j := m.trade.jobs[a.Call.Order]
	if j == nil || j.call != a.Call.kind {
		return nil
	}
	j.call, j.asked = noCall, a.Began
	switch a.Call.kind {
	case callPosition:
		if a.Err != nil {
			return []Effect{m.settle(j, fleet.Outcome{State: fleet.OutcomeUnsent, Leg: 1, Reason: "the position is not known: " + a.Err.Error()})}
		}
		if m.trade.halted || j.withdrawn {
			return []Effect{m.settle(j, fleet.Outcome{State: fleet.OutcomeUnsent, Leg: 1, Reason: haltReason})}
		}
		if j.cancel || now >= j.emitBy || !m.MayCall(now) {
			return []Effect{m.settle(j, fleet.Outcome{State: fleet.OutcomeUnsent, Leg: 1, Reason: lateReason})}
		}
		return []Effect{m.close(j, a.Position)}
	case callPlace:
		return m.placed(now, j, a)
	case callCancel: // its end is what a look-up tells
		return m.findAfter(j, a.Call.Leg)
	case callFind:
		return m.found(j, a)
	}
	return nil
}

// findAfter looks an order up at once, unless the life is over.
func (m *Machine) findAfter(j *job, leg int) []Effect {
	if m.state == Ended {
		return nil
	}
	return []Effect{m.calls(j, Call{kind: callFind, Leg: leg, Until: m.lease.Until()})}
}

// placed takes the answer to an order that was handed over.
func (m *Machine) placed(now hostlink.Instant, j *job, a CallEnded) []Effect {
	var refused *order.Refused
	leg := a.Call.Leg
	switch {
	case a.Err == nil:
		return m.word(now, j, leg, a.Report)
	case errors.As(a.Err, &refused):
		return []Effect{m.settle(j, fleet.Outcome{State: fleet.OutcomeRejected, Leg: leg, Reason: refused.Reason})}
	case errors.Is(a.Err, order.ErrRepeated): // it is there already, by an earlier call under its name
		j.stage = settled
		return m.findAfter(j, leg)
	case j.said == fleet.OutcomeWorking: // its news came before the answer was lost: the broker has it
		j.stage = settled
		return m.findAfter(j, leg)
	case errors.Is(a.Err, order.ErrUnsent):
		return []Effect{m.settle(j, fleet.Outcome{State: fleet.OutcomeUnsent, Leg: leg, Reason: a.Err.Error()})}
	default:
		return []Effect{m.settle(j, fleet.Outcome{State: fleet.OutcomeDoubt, Leg: leg, Reason: a.Err.Error()})}
	}
}

// found takes the answer to a look-up. What the broker does not have, it may have by its other leg.
func (m *Machine) found(j *job, a CallEnded) []Effect {
	leg := a.Call.Leg
	absent := fleet.Outcome{
		State: fleet.OutcomeAbsent, Leg: j.legs()[0], At: a.Began, Settle: callLimit + m.trade.traits.Lag, Resend: m.trade.traits.RefusesRepeats,
	}
	switch {
	case leg == 1 && j.second != nil:
		return m.bothLegs(j, a)
	case errors.Is(a.Err, order.ErrAbsent) && leg == 2:
		return m.findAfter(j, 1)
	case errors.Is(a.Err, order.ErrAbsent):
		return []Effect{m.settle(j, absent)}
	case a.Err != nil: // the ledger asks again
		j.stage = settled
		return nil
	case leg == 1:
		first := m.settle(j, outcomeOf(a.Report, 1))
		if a.Report.State != fleet.OutcomeFilled {
			return []Effect{first}
		}
		return []Effect{first, m.settle(j, absent)} // the second leg, which was asked for before
	}
	if leg == 2 && !j.closed {
		j.second = &a.Report
		return m.findAfter(j, 1)
	}
	return []Effect{m.settle(j, outcomeOf(a.Report, leg))}
}

// bothLegs tells of a reversal whose second leg is at the broker: a ledger that was restored from a backup may lack what the
// first one executed, and asks no more once it has the second one's end. One look in a life is enough.
func (m *Machine) bothLegs(j *job, a CallEnded) []Effect {
	second := *j.second
	j.second = nil
	var effects []Effect
	switch {
	case a.Err == nil:
		effects = append(effects, m.settle(j, outcomeOf(a.Report, 1)))
	case !errors.Is(a.Err, order.ErrAbsent): // the ledger asks again
		j.stage = settled
		return nil
	}
	j.closed = true // or there was nothing to close
	return append(effects, m.settle(j, outcomeOf(second, 2)))
}

// word takes what the broker says of an order that this life is at.
func (m *Machine) word(now hostlink.Instant, j *job, leg int, r order.Report) []Effect {
	outcome := outcomeOf(r, leg)
	if leg != 1 || !j.begun() {
		return []Effect{m.settle(j, outcome)}
	}
	switch {
	case r.State == fleet.OutcomeWorking && j.stage != closing:
		j.stage, j.legUntil = closing, now.Add(order.LegLimit)
		return []Effect{m.report(j, outcome)}
	case r.State == fleet.OutcomeWorking:
		return []Effect{m.report(j, outcome)}
	case r.State == fleet.OutcomeFilled:
		said := m.report(j, outcome)
		j.stage, j.awaited, j.legUntil = committing, m.trade.number, now.Add(order.LegLimit)
		return []Effect{said}
	}
	return []Effect{m.settle(j, outcome)}
}

// news takes a report that nobody asked for.
func (m *Machine) news(now hostlink.Instant, r order.Report) []Effect {
	n, known := m.trade.names[r.ClientID]
	if !known {
		return nil // an earlier session's order: the ledger asks for it
	}
	j := m.trade.jobs[n.id]
	if j.call == callPlace {
		// The answer to the call says the state; what is filled must not be lost if it does not come.
		if len(r.Fills) == 0 {
			return nil
		}
		r.State = fleet.OutcomeWorking
		return []Effect{m.report(j, outcomeOf(r, n.leg))}
	}
	return m.word(now, j, n.leg, r)
}

func outcomeOf(r order.Report, leg int) fleet.Outcome {
	return fleet.Outcome{State: r.State, Leg: leg, Reason: r.Reason, BrokerID: r.BrokerID, Fills: r.Fills}
}

// settle reports what came of a job, for which nothing more is called by itself.
func (m *Machine) settle(j *job, o fleet.Outcome) Effect {
	j.stage = settled
	return m.report(j, o)
}

// report says an outcome, and keeps it until it is committed.
func (m *Machine) report(j *job, o fleet.Outcome) Effect {
	t := &m.trade
	t.number++
	o.Worker, o.Life, o.User, o.Epoch = m.self.Worker, m.self.Life, m.user, m.epoch
	o.Order, o.Number, o.Mark = j.ID, t.number, j.EmitBy
	if o.At.IsZero() {
		o.At = j.asked
	}
	o.Reason = brief(o.Reason)
	j.said = o.State
	j.closed = j.closed || o.Leg == 1 && o.State == fleet.OutcomeFilled
	t.kept = append(t.kept, o)
	return Say{reported(o)}
}

// brief keeps of an explanation what fits into a message.
func brief(text string) string { return text[:min(len(text), 512)] }

func reported(o fleet.Outcome) hostlink.Message {
	return hostlink.Message{Kind: hostlink.Reported, Epoch: o.Epoch, Outcome: &o}
}

// repeat says once more what is not committed: after a pause, or when there is somebody new to hear it.
func (m *Machine) repeat(now hostlink.Instant, anew bool) []Effect {
	t := &m.trade
	switch {
	case len(t.kept) == 0:
		t.resay = 0
		return nil
	case !anew && t.resay == 0: // what is kept has just been said for the first time
		t.resay = now.Add(resayPause)
		return nil
	case !anew && now < t.resay:
		return nil
	}
	t.resay = now.Add(resayPause)
	var effects []Effect
	for _, o := range t.kept {
		effects = append(effects, Say{reported(o)})
	}
	return effects
}

// withdraw ends what waits when the life ends: no call will start any more.
func (m *Machine) withdraw() []Effect {
	var effects []Effect
	for _, j := range m.trade.open() {
		if j.stage == waiting || j.stage == committing {
			leg := j.leg
			if j.stage == committing {
				leg = 2 // which would have come
			}
			effects = append(effects, m.settle(j, fleet.Outcome{State: fleet.OutcomeUnsent, Leg: leg, Reason: endReason}))
		}
	}
	return effects
}
