package order

import (
	"slices"
	"strings"
	"time"

	"workerfleet/runtime/fleet"
)

// apply takes one outcome. Only what the worker says counts that the order is marked for, or the one who acts for the user
// now. Applying it twice is as good as once.
func (s *Sheet) apply(r *Record, o fleet.Outcome) {
	if o.User != s.User || o.Epoch == 0 || o.Epoch != r.Epoch && o.Epoch != s.Session.Epoch {
		return
	}
	o = legible(o)
	// A refusal is about the call of one mark, as the worker's own words are: by the next one the broker may take it.
	refusal := o.State == fleet.OutcomeRejected && o.BrokerID == "" && len(o.Fills) == 0
	if o.State.Evidence() && !refusal {
		s.evidence(r, o)
		return
	}
	if o.Epoch < r.HeardEpoch || o.Epoch == r.HeardEpoch && o.Number <= r.Heard || o.Leg == 1 && r.Leg == 2 {
		return // said already, or overtaken
	}
	if o.State != fleet.OutcomeAbsent && earlier(o, r) {
		r.Doubted = r.Doubted || o.State == fleet.OutcomeDoubt
		return
	}
	r.HeardEpoch, r.Heard = o.Epoch, o.Number
	switch o.State {
	case fleet.OutcomeRejected:
		s.refused(r, o)
	case fleet.OutcomeUnsent:
		s.unsent(r, o)
	case fleet.OutcomeDoubt:
		if r.State == Dispatched && o.Epoch == r.Epoch {
			r.CheckAt = s.Now
			s.move(r, Unknown, o.Reason)
		}
	case fleet.OutcomeAbsent:
		s.absent(r, o)
	}
}

// earlier says that an outcome answers a mark before the order's last one, which is on its way or has been executed: that one
// has an answer of its own. Of a reversal no leg is marked again before its mark is answered, and the second one's moment is not
// the letter's.
func earlier(o fleet.Outcome, r *Record) bool {
	return o.Leg == 0 && !o.Mark.IsZero() && o.Mark.Before(r.EmitBy)
}

// refused takes the broker's refusal of a call. If another call is in doubt, the order may be there all the same, and is looked up
// once more.
func (s *Sheet) refused(r *Record, o fleet.Outcome) {
	if o.Leg == 0 && r.Doubted && !r.State.Final() {
		s.conclude(r, Rejected, o.Reason)
		return
	}
	s.evidence(r, o)
}

// longestReason bounds what is kept of a broker's explanation, in bytes.
const longestReason = 500

// Legible makes a broker's explanation one that every database takes, and not longer than what is kept of it.
func Legible(reason string) string { return clean(reason[:min(len(reason), longestReason)]) }

func clean(text string) string {
	return strings.ReplaceAll(strings.ToValidUTF8(text, "?"), "\x00", "?")
}

// legible makes texts of others such that every database takes them: an outcome that cannot be written comes back forever.
func legible(o fleet.Outcome) fleet.Outcome {
	o.Reason, o.BrokerID = Legible(o.Reason), clean(o.BrokerID)
	o.Fills = slices.Clone(o.Fills)
	for i := range o.Fills {
		o.Fills[i].ID = clean(o.Fills[i].ID)
	}
	return o
}

// evidence takes the broker's word. It replaces what was concluded without it; of two final words the first counts, and
// fills are kept whatever the state.
func (s *Sheet) evidence(r *Record, o fleet.Outcome) {
	fills := len(r.Fills)
	r.addFills(o.Leg, o.Fills)
	if o.BrokerID != "" {
		r.BrokerID = o.BrokerID
	}
	state := State(o.State)
	switch {
	case r.State.Final() && r.Proven,
		r.State == Working && state == Working,
		o.Leg == 1 && r.Leg == 2: // its word has come: only fills may be new
		if len(r.Fills) > fills {
			r.ChangedAt = s.Now
			s.tell(r)
		}
		return
	case o.Leg == 1:
		s.closing(r, state, o.Reason)
		return
	}
	if o.Leg == 2 {
		r.Leg = 2
	}
	r.Proven = true
	if state == Working {
		r.CheckAt = s.Now.Add(firstVerify)
		s.move(r, Working, o.Reason)
		if r.CancelAsked && s.Session.Epoch != 0 {
			s.post(fleet.MailCancel, r)
		}
		return
	}
	s.end(r, state, o.Reason)
	if r.Doubted && r.unclosed() { // its word may be on the way, or was written into a ledger that was replaced by its backup
		r.CheckAt = s.Now.Add(firstVerify)
	}
}

// closing takes the broker's word about the first leg of a reversal. The second one begins when this is committed.
func (s *Sheet) closing(r *Record, state State, reason string) {
	switch {
	case state == Filled && !r.InFlight():
		// Nobody waits for it any more, and others may have been sent since: the second leg would come out of turn.
		r.Leg = 2
		s.conclude(r, Cancelled, endedHalfway)
	case state == Filled:
		r.Leg = 2
		r.EmitBy = s.Now.Add(LegLimit)
		r.CheckAt = r.EmitBy.Add(firstLookup)
		r.ChangedAt = s.Now
		s.tell(r)
	case state == Working && !r.InFlight():
		r.CheckAt = s.Now.Add(firstVerify)
		s.move(r, Working, reason)
	case state == Working:
		r.CheckAt = s.Now.Add(LegLimit + firstLookup)
	default:
		r.Proven = true
		s.end(r, state, "closing the position: "+reason)
	}
}

const (
	endedByUser  = "cancelled by the user"
	endedHalfway = "the reversal ended after it closed the position"
)

// unsent takes the word that no call was started. Only the worker that the order is marked for can know that.
func (s *Sheet) unsent(r *Record, o fleet.Outcome) {
	if o.Epoch != r.Epoch || !r.InFlight() {
		return
	}
	switch {
	case r.Leg == 2:
		s.end(r, Cancelled, endedHalfway+": "+o.Reason)
	case o.Leg == 2:
		// The first leg is at the broker, and the order is not sent again. What was filled is still on the way, or lost with the
		// store and the agent that had it: a look-up tells.
		r.Leg = 2
		r.CheckAt = s.Now.Add(firstLookup)
		s.move(r, Unknown, endedHalfway+": "+o.Reason)
	case r.CancelAsked:
		s.endUnlessDoubted(r, Cancelled, endedByUser)
	case s.off() != nil:
		s.endUnlessDoubted(r, Cancelled, s.off().Error())
	case s.Now.Before(r.ValidUntil):
		s.again(r, o.Reason)
	default:
		s.endUnlessDoubted(r, Expired, o.Reason)
	}
}

// denied takes the word that the broker refuses a session's credentials. If it was never logged in, what is marked for it was not
// sent, also where its letter came too late for an answer: one life has the epoch, its orders wait for its login, and the word
// ends it. What was in doubt before stays so. The same word after a login proves nothing: a call may be under way, or its
// outcome behind this one.
func (s *Sheet) denied(o fleet.Outcome) {
	if o.User != s.User || o.Epoch == 0 || !o.Uncalled {
		return
	}
	for _, r := range s.Orders {
		if r.State == Dispatched && r.Epoch == o.Epoch {
			s.unsent(r, fleet.Outcome{Epoch: o.Epoch, Leg: r.Leg, Reason: (&Denied{o.Reason}).Error()})
		}
	}
}

// absent takes the word that the broker has no such order. That is final only when no call can land any more: after the
// last moment at which one may start, the longest that it takes, and the broker's lag.
func (s *Sheet) absent(r *Record, o fleet.Outcome) {
	if o.Epoch != s.Session.Epoch || !r.InFlight() {
		return
	}
	const reason = "the broker has no such order"
	settled := r.EmitBy.Add(o.Settle)
	asked := o.At // by the worker's clock, which may be ahead
	if asked.IsZero() || asked.After(s.Now) {
		asked = s.Now
	}
	switch wanted := !r.CancelAsked && s.off() == nil && r.Side != fleet.Reverse; {
	case wanted && o.Resend && s.Now.Before(r.ValidUntil):
		// Whatever call may still land, the broker takes one order of this id.
		s.again(r, reason)
		r.CheckAt = s.Now
	case asked.Before(settled):
		if r.State != Unknown {
			s.move(r, Unknown, reason)
		}
		r.CheckAt = later(settled, s.Now.Add(firstRepeat))
	case r.Leg == 2:
		s.conclude(r, Cancelled, endedHalfway)
	case r.CancelAsked:
		s.conclude(r, Cancelled, endedByUser)
	default:
		s.conclude(r, Expired, reason)
	}
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// again makes an order one that nobody has been asked to execute, for the next look to mark.
func (s *Sheet) again(r *Record, reason string) {
	r.Epoch = 0 // EmitBy stays: until then a call of the earlier mark may have begun
	r.CheckAt = s.Now.Add(firstRepeat)
	s.move(r, Accepted, reason)
}

// conclude ends an order by its absence. One more look follows: a process that was stopped in the middle of its call may
// have gone on with it since.
func (s *Sheet) conclude(r *Record, to State, reason string) {
	s.end(r, to, reason)
	r.CheckAt = s.Now.Add(lateLook)
}
