package order

import (
	"errors"
	"fmt"
	"time"

	"workerfleet/runtime/fleet"
)

// Why an order is not accepted. Nothing is kept of it then.
var (
	// ErrHalted: orders are switched off.
	ErrHalted = errors.New("orders are switched off")
	// ErrSuspended: they are switched off by an operator, and no switch of the user's changes it.
	ErrSuspended = fmt.Errorf("%w by an operator", ErrHalted)
	// ErrNoAccount: the user has no account with the service.
	ErrNoAccount = errors.New("the user has no account")
	// ErrOtherOrder: the key belongs to an order that asked for something else.
	ErrOtherOrder = errors.New("the key belongs to another order")
	// ErrNotFound: the user has no such order.
	ErrNotFound = errors.New("there is no such order")
)

// TooMany is the refusal of an order beyond the day's limit, until then.
type TooMany struct {
	Limit int
	Until time.Time
}

func (e *TooMany) Error() string {
	return fmt.Sprintf("the limit of %d orders a day is reached; allowed: more from %s on", e.Limit, e.Until.Format(time.RFC3339))
}

// Denied is the refusal of an order while the broker refuses the user's credentials: no worker could execute it.
type Denied struct{ Reason string }

func (e *Denied) Error() string { return "the broker refuses the user's credentials: " + e.Reason }

// accept makes the draft an order of the user, or finds the one that its key already has.
func (s *Sheet) accept(d Draft, id fleet.OrderID, rules Rules) (*Record, error) {
	if known := s.byKey(d.Key); known != nil {
		if known.Digest != d.Digest() {
			return nil, ErrOtherOrder
		}
		return known, nil
	}
	today := s.Now.UTC().Format(time.DateOnly)
	if s.Book.Day != today {
		s.Book.Day, s.Book.Count = today, 0
	}
	switch {
	case !s.Account:
		return nil, ErrNoAccount
	case s.off() != nil:
		return nil, s.off()
	case s.Denied != "":
		return nil, &Denied{s.Denied}
	case rules.Daily > 0 && s.Book.Count >= rules.Daily:
		return nil, &TooMany{Limit: rules.Daily, Until: s.Now.UTC().Truncate(24 * time.Hour).Add(24 * time.Hour)}
	}
	s.Book.Last++
	s.Book.Count++
	r := &Record{
		Order: fleet.Order{
			ID: id, Sequence: s.Book.Last, Symbol: d.Symbol, Side: d.Side, Quantity: d.Quantity, Type: d.Type,
			LimitPrice: d.LimitPrice, TimeInForce: d.TimeInForce,
		},
		User: s.User, Key: d.Key, Digest: d.Digest(), State: Accepted,
		ValidUntil: s.Now.Add(rules.Validity), AcceptedAt: s.Now, ChangedAt: s.Now, CheckAt: s.Now.Add(firstRepeat),
	}
	if r.Side == fleet.Reverse {
		r.Leg = 1
	}
	s.Orders = append(s.Orders, r)
	s.next.Changes = append(s.next.Changes, Change{To: Accepted})
	s.tell(r)
	return r, nil
}

// claim says that the user needs a worker, unless none could do anything.
func (s *Sheet) claim() { s.next.Claim = s.next.Claim || s.Denied == "" }

// off says that orders are switched off, and by whom.
func (s *Sheet) off() error {
	switch {
	case s.Suspended:
		return ErrSuspended
	case s.Halted:
		return ErrHalted
	}
	return nil
}

// mark gives the next order to whoever acts for the user, unless one is in flight: what comes after it must not reach the
// broker before it.
func (s *Sheet) mark(rules Rules) {
	defer s.wait()
	var next *Record
	for _, r := range s.Orders {
		switch {
		case r.InFlight():
			return
		case r.State != Accepted:
		case !s.Now.Before(r.ValidUntil):
			s.endUnlessDoubted(r, Expired, late)
			if r.InFlight() {
				return
			}
		case s.Denied != "":
			s.endUnlessDoubted(r, Rejected, (&Denied{s.Denied}).Error())
			if r.InFlight() {
				return
			}
		case next == nil:
			next = r
		}
	}
	if next == nil {
		return
	}
	if soon := s.Now.Add(longestRepeat); next.CheckAt.After(soon) {
		next.CheckAt = soon // it was behind another one
	}
	if off := s.off() != nil; off || s.Session.Epoch == 0 {
		if !off {
			s.claim()
		}
		return
	}
	if next.Reason != "" && next.CheckAt.After(s.Now) { // returned by its worker: not at once again
		return
	}
	emitBy := s.Now.Add(rules.Emission)
	if next.ValidUntil.Before(emitBy) {
		emitBy = next.ValidUntil
	}
	if emitBy.Equal(next.EmitBy) { // a worker takes it for the mark that it has answered
		s.endUnlessDoubted(next, Expired, next.Reason)
		return
	}
	next.Epoch, next.EmitBy = s.Session.Epoch, emitBy
	next.CheckAt = s.Now.Add(firstRepeat)
	s.move(next, Dispatched, "")
	s.post(fleet.MailOrder, next)
}

// wait says when to look again at orders that are due and still accepted. One that is behind another waits for what ends
// that one: looking at each of a long queue would cost a write a second.
func (s *Sheet) wait() {
	for _, r := range s.Orders {
		switch {
		case r.State != Accepted || r.CheckAt.After(s.Now):
		case s.behind(r):
			r.CheckAt = r.ValidUntil
		default:
			r.CheckAt = s.Now.Add(doubling(r.Checks, firstRepeat, longestRepeat))
			r.Checks++
		}
	}
}

// behind says that another order of the user comes first.
func (s *Sheet) behind(r *Record) bool {
	for _, other := range s.Orders {
		if other.InFlight() || other.State == Accepted && other.Sequence < r.Sequence {
			return true
		}
	}
	return false
}

const late = "nobody could execute it in time"

// end gives an order a final state that no broker said.
func (s *Sheet) end(r *Record, to State, reason string) {
	r.CheckAt = time.Time{}
	s.move(r, to, reason)
}

// endUnlessDoubted gives an order that nobody is asked to execute a final state; one of which a call may have been made is
// looked up before.
func (s *Sheet) endUnlessDoubted(r *Record, to State, reason string) {
	if !r.Doubted {
		s.end(r, to, reason)
		return
	}
	r.CheckAt = s.Now
	s.move(r, Unknown, reason)
	s.look(r)
}

// cancel asks for an order's end. What nobody has been asked to execute ends at once; the rest is its worker's.
func (s *Sheet) cancel(r *Record) {
	switch {
	case r.State.Final():
	case r.State == Accepted:
		r.CancelAsked = true
		s.endUnlessDoubted(r, Cancelled, endedByUser)
	case !r.CancelAsked:
		r.CancelAsked = true
		r.CheckAt, r.Checks = s.Now.Add(firstRepeat), 0
		if s.Session.Epoch != 0 {
			s.post(fleet.MailCancel, r)
		} else {
			s.claim()
		}
	}
}
