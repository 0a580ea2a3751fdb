package order

import (
	"cmp"
	"slices"
	"time"

	"workerfleet/runtime/fleet"
)

// Sheet is what one turn sees of one user, and what it leaves behind. The store fills it under a lock and writes what
// changed; everything else decides on it without waiting.
type Sheet struct {
	User fleet.User
	// Now is the store's clock, which all turns share.
	Now time.Time
	// Account says that the user has an account with the service.
	Account bool
	Book    Book
	// Session is who acts for the user; its epoch is 0 where nobody does.
	Session Session
	// Halted says that the user has switched orders off, Suspended that an operator has, for the user or for all.
	Halted, Suspended bool
	// Denied is why the broker refuses the user's credentials; empty: it does not, as far as is known.
	Denied string
	// Orders are those that may come – of a long queue the first ones –, those that were asked for, and those due for a look,
	// by number.
	Orders []*Record
	// Events are what this turn has to tell; the store gives them to those who listen once it is committed.
	Events []Event

	before map[fleet.OrderID]Record
	next   Next
}

// Book is what is kept of a user beside the orders.
type Book struct {
	Last  uint64 // number of the user's last order
	Event uint64 // number of the user's last event
	// Day is the day of the last acceptance, 2026-11-25 in UTC, and Count how many there were on it.
	Day   string
	Count int
}

// Session is who acts for a user.
type Session struct {
	Epoch  fleet.Epoch
	Worker fleet.Worker
	Host   fleet.Host
	Life   fleet.Life
}

// Event is one change of an order, for its user's eyes. Numbers rise by one.
type Event struct {
	Number   uint64
	Order    fleet.OrderID
	State    State
	Reason   string
	Filled   string // quantity, decimal text
	Quantity string
	Symbol   string
	At       time.Time
}

// Next is what has to be done after a turn is committed. Losing it delays, and no more.
type Next struct {
	// Mail is to be posted.
	Mail []Letter
	// Claim says that the user needs a worker and has none.
	Claim bool
	// Changes are the orders whose state changed, for the metrics.
	Changes []Change
}

// Letter is mail and the host that it goes to.
type Letter struct {
	Host fleet.Host
	Mail fleet.Mail
}

// Change is one order's step into another state, or the end of the look-ups of an unknown one.
type Change struct {
	From, To State
	// Since is the time from the acceptance.
	Since time.Duration
	// End says that the order has come to its end, for the first time; Corrected that this end replaces an earlier one.
	End, Corrected bool
}

// Begin remembers what the store read. A store calls it before the turn's decisions.
func (s *Sheet) Begin() {
	slices.SortFunc(s.Orders, func(a, b *Record) int { return cmp.Compare(a.Sequence, b.Sequence) })
	s.before = make(map[fleet.OrderID]Record, len(s.Orders))
	for _, r := range s.Orders {
		kept := *r
		kept.Fills = slices.Clone(r.Fills)
		s.before[r.ID] = kept
	}
}

// Changed are the orders to be written, with the fills that are new, by number; one that is dispatched comes last, because
// a database that refuses a second one may look at each as it is written.
func (s *Sheet) Changed() []Written {
	var changed []Written
	for _, r := range s.Orders {
		before, known := s.before[r.ID]
		fresh := r.Fills[len(before.Fills):]
		if !known || len(fresh) > 0 || !same(*r, before) {
			changed = append(changed, Written{r, fresh, !known})
		}
	}
	rank := map[State]int{Dispatched: 1}
	slices.SortStableFunc(changed, func(a, b Written) int { return rank[a.State] - rank[b.State] })
	return changed
}

// Written is an order that a turn changed.
type Written struct {
	*Record
	Fresh []Fill
	New   bool
}

// same compares everything that is written with a record itself.
func same(a, b Record) bool {
	times := a.EmitBy.Equal(b.EmitBy) && a.CheckAt.Equal(b.CheckAt)
	return times && a.State == b.State && a.Proven == b.Proven && a.Reason == b.Reason && a.Epoch == b.Epoch && a.Leg == b.Leg &&
		a.BrokerID == b.BrokerID && a.Doubted == b.Doubted && a.Counted == b.Counted && a.CancelAsked == b.CancelAsked && a.Checks == b.Checks &&
		a.HeardEpoch == b.HeardEpoch && a.Heard == b.Heard
}

// Find returns the order of that id; nil if the sheet has none.
func (s *Sheet) Find(id fleet.OrderID) *Record {
	for _, r := range s.Orders {
		if r.ID == id {
			return r
		}
	}
	return nil
}

func (s *Sheet) byKey(key string) *Record {
	for _, r := range s.Orders {
		if r.Key == key {
			return r
		}
	}
	return nil
}

// move changes an order's state and tells of it.
func (s *Sheet) move(r *Record, to State, reason string) {
	if r.State != to {
		s.changed(r, to, to.Final())
		r.Checks = 0
	}
	r.Doubted = r.Doubted || to == Unknown
	r.State, r.Reason, r.ChangedAt = to, reason, s.Now
	s.tell(r)
}

// changed notes a step for the metrics, and whether it is the order's end.
func (s *Sheet) changed(r *Record, to State, end bool) {
	s.next.Changes = append(s.next.Changes, Change{
		From: r.State, To: to, Since: s.Now.Sub(r.AcceptedAt), End: end && !r.Counted, Corrected: end && r.Counted,
	})
	r.Counted = r.Counted || end
}

func (s *Sheet) tell(r *Record) {
	s.Book.Event++
	s.Events = append(s.Events, Event{
		Number: s.Book.Event, Order: r.ID, State: r.State, Reason: r.Reason, Filled: r.FilledQuantity().String(),
		Quantity: r.Quantity.String(), Symbol: r.Symbol, At: s.Now,
	})
}

// post writes a letter about an order to whoever acts for the user.
func (s *Sheet) post(kind fleet.MailKind, r *Record) {
	order := r.Order
	s.next.Mail = append(s.next.Mail, Letter{Host: s.Session.Host, Mail: fleet.Mail{
		Kind: kind, Worker: s.Session.Worker, Life: s.Session.Life, User: s.User, Epoch: s.Session.Epoch, Order: &order,
	}})
}
