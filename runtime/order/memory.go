package order

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"sync"
	"time"

	"workerfleet/runtime/fleet"
)

// Memory is a [Store], a [Reader] and [Switches] within one process. It is the reference for those that outlive one.
type Memory struct {
	// Denied says why the broker refuses the user's credentials; nil, or an empty answer: it does not.
	Denied func(fleet.User) string

	mu     sync.Mutex
	books  map[fleet.User]Book
	orders map[fleet.User]map[fleet.OrderID]*Record
	events map[fleet.User][]Event
	halts  map[fleet.User]Halt
	// suspended are the operators' switches for single users.
	suspended map[fleet.User]Halt
	// account and session answer for what other tables know.
	account func(fleet.User) bool
	session func(fleet.User) Session
	now     func() time.Time
}

var (
	_ Store    = (*Memory)(nil)
	_ Reader   = (*Memory)(nil)
	_ Switches = (*Memory)(nil)
)

// NewMemory makes a ledger without orders, where others know who has an account and who acts for whom.
func NewMemory(account func(fleet.User) bool, session func(fleet.User) Session) *Memory {
	return NewMemoryAt(account, session, time.Now)
}

// NewMemoryAt makes one whose time is what now says, which is its database's clock.
func NewMemoryAt(account func(fleet.User) bool, session func(fleet.User) Session, now func() time.Time) *Memory {
	return &Memory{
		books: map[fleet.User]Book{}, orders: map[fleet.User]map[fleet.OrderID]*Record{}, events: map[fleet.User][]Event{},
		halts: map[fleet.User]Halt{}, suspended: map[fleet.User]Halt{}, account: account, session: session, now: now,
	}
}

// Turn: see [Store].
func (m *Memory) Turn(_ context.Context, user fleet.User, w Want, do func(*Sheet) error) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	s := m.sheet(user, w)
	if err := do(s); err != nil {
		return err
	}
	m.books[user] = s.Book
	if m.orders[user] == nil {
		m.orders[user] = map[fleet.OrderID]*Record{}
	}
	for _, written := range s.Changed() {
		m.orders[user][written.ID] = written.Record
	}
	m.events[user] = append(m.events[user], s.Events...)
	return nil
}

func (m *Memory) sheet(user fleet.User, w Want) *Sheet {
	_, all := m.halts[""]
	_, one := m.halts[user]
	_, operators := m.suspended[user]
	s := &Sheet{
		User: user, Now: m.now(), Account: m.account(user), Book: m.books[user], Session: m.session(user), Halted: one, Suspended: all || operators,
	}
	if m.Denied != nil {
		s.Denied = m.Denied(user)
	}
	for _, r := range m.orders[user] {
		due := !r.CheckAt.IsZero() && !r.CheckAt.After(s.Now)
		if r.MayCome() || due || slices.Contains(w.IDs, r.ID) || w.Key != "" && r.Key == w.Key {
			copied := *r
			copied.Fills = slices.Clone(r.Fills)
			s.Orders = append(s.Orders, &copied)
		}
	}
	s.Begin()
	return s
}

// Due: see [Store].
func (m *Memory) Due(_ context.Context, limit int) ([]fleet.User, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	since, waits := map[fleet.User]time.Time{}, map[fleet.User]bool{}
	for user, orders := range m.orders {
		for _, r := range orders {
			if r.CheckAt.IsZero() || r.CheckAt.After(m.now()) {
				continue
			}
			waits[user] = waits[user] || r.State != Working
			if at, ok := since[user]; !ok || r.CheckAt.Before(at) {
				since[user] = r.CheckAt
			}
		}
	}
	users := slices.SortedFunc(maps.Keys(since), func(a, b fleet.User) int {
		if waits[a] != waits[b] {
			return map[bool]int{true: -1, false: 1}[waits[a]]
		}
		return cmp.Or(since[a].Compare(since[b]), cmp.Compare(a, b))
	})
	return users[:min(limit, len(users))], nil
}

// Waiting: see [Store].
func (m *Memory) Waiting(context.Context) (time.Duration, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	var longest time.Duration
	for _, orders := range m.orders {
		for _, r := range orders {
			if r.State == Accepted {
				longest = max(longest, m.now().Sub(r.AcceptedAt))
			}
		}
	}
	return longest, nil
}

// BeginAt: see [Store].
func (m *Memory) BeginAt(_ context.Context, user fleet.User) (uint64, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	lowest, now := m.books[user].Last+1, m.now()
	var working []*Record
	for _, r := range m.orders[user] {
		if r.State == Unknown && r.CheckAt.IsZero() {
			r.CheckAt, r.Checks = now.Add(LookPause), 0
		}
		if r.MayCome() {
			lowest = min(lowest, r.Sequence)
		}
		if r.State == Working && r.CheckAt.After(now) {
			working = append(working, r)
		}
	}
	slices.SortFunc(working, func(a, b *Record) int { return cmp.Compare(a.Sequence, b.Sequence) })
	for i, r := range working[:min(len(working), LooksMost)] {
		if soon := now.Add(time.Duration(i+1) * LookPause); soon.Before(r.CheckAt) {
			r.CheckAt = soon
		}
	}
	return lowest, nil
}

// Order: see [Reader].
func (m *Memory) Order(_ context.Context, user fleet.User, id fleet.OrderID) (Record, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if r := m.orders[user][id]; r != nil {
		return *r, nil
	}
	return Record{}, ErrNotFound
}

// Orders: see [Reader].
func (m *Memory) Orders(_ context.Context, user fleet.User, below uint64, limit int) ([]Record, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	var found []Record
	for _, r := range m.orders[user] {
		if below == 0 || r.Sequence < below {
			found = append(found, *r)
		}
	}
	slices.SortFunc(found, func(a, b Record) int { return cmp.Compare(b.Sequence, a.Sequence) })
	return found[:min(limit, len(found))], nil
}

// Events: see [Reader].
func (m *Memory) Events(_ context.Context, user fleet.User, after uint64, limit int) ([]Event, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	var found []Event
	for _, e := range m.events[user] {
		if e.Number > after {
			found = append(found, e)
		}
	}
	return found[:min(limit, len(found))], nil
}

// Halt: see [Switches].
func (m *Memory) Halt(_ context.Context, user fleet.User, on bool, reason string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if on {
		m.halts[user] = Halt{User: user, Reason: reason, Since: m.now(), Operator: user == ""}
	} else {
		delete(m.halts, user)
	}
	return nil
}

// Suspend: see [Switches].
func (m *Memory) Suspend(_ context.Context, user fleet.User, on bool, reason string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if on {
		m.suspended[user] = Halt{User: user, Reason: reason, Since: m.now(), Operator: true}
	} else {
		delete(m.suspended, user)
	}
	return nil
}

// Halts: see [Switches].
func (m *Memory) Halts(context.Context) ([]Halt, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	all := slices.AppendSeq(slices.Collect(maps.Values(m.halts)), maps.Values(m.suspended))
	slices.SortStableFunc(all, func(a, b Halt) int { return cmp.Compare(a.User, b.User) })
	return all, nil
}

// Unsettled: see [Switches].
func (m *Memory) Unsettled(context.Context) (int, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	n := 0
	for _, orders := range m.orders {
		for _, r := range orders {
			if r.State == Unknown && r.InFlight() {
				n++
			}
		}
	}
	return n, nil
}

// Recover: see [Switches].
func (m *Memory) Recover(context.Context) (int, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.halts[""] = Halt{Reason: Recovering, Since: m.now(), Operator: true}
	n := 0
	for _, orders := range m.orders {
		for _, r := range orders {
			if !r.State.Final() {
				r.State, r.Proven, r.Reason, r.CheckAt, r.Checks, r.ChangedAt = Unknown, false, Recovering, m.now(), 0, m.now()
				r.Doubted = true
				if r.EmitBy.Before(r.ValidUntil) {
					r.EmitBy = r.ValidUntil
				}
				n++
			}
		}
	}
	return n, nil
}
