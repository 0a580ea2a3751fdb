package session

import (
	"cmp"
	"context"
	"slices"
	"sync"
	"time"

	"workerfleet/runtime/fleet"
)

// Memory is an [Authority] within one process. It is the reference for those that outlive one.
type Memory struct {
	// Busy says for [Memory.Idle] whether the user has an order that may change or has since a time; nil is nobody.
	Busy func(user fleet.User, since time.Time) bool

	mu   sync.Mutex
	rows map[fleet.User]*row
	now  func() time.Time
}

// row is one user's.
type row struct {
	Session
	open bool
	// began is when it did, or was affirmed last, and affirmed how often that was.
	began    time.Time
	affirmed int
	// takeover is when another session first asked for the user; zero if none has.
	takeover time.Time
	// dismissed is when its worker was told to end; seen when the user was, or the session's beginning.
	dismissed, seen time.Time
}

var (
	_ Authority = (*Memory)(nil)
	_ Presence  = (*Memory)(nil)
)

// NewMemory makes an authority without rows.
func NewMemory() *Memory { return NewMemoryAt(time.Now) }

// NewMemoryAt makes one whose time is what now says, which is its database's clock.
func NewMemoryAt(now func() time.Time) *Memory { return &Memory{rows: map[fleet.User]*row{}, now: now} }

// Begin: see [Authority].
func (m *Memory) Begin(_ context.Context, s Session, wait time.Duration) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	now := m.now()
	r := m.rows[s.User]
	switch {
	case r == nil:
	case r.Session == s && r.acts():
		return nil
	case r.Epoch >= s.Epoch:
		return &Outdated{Row: r.Epoch}
	case r.open && r.Worker != s.Worker:
		r.begin(now, wait)
		if left := r.takeover.Add(wait).Sub(now); left > 0 {
			return &Occupied{By: r.Session, Wait: left}
		}
	}
	m.rows[s.User] = &row{Session: s, open: true, began: now, seen: now}
	return nil
}

// begin begins the takeover unless it is under way.
func (r *row) begin(now time.Time, wait time.Duration) {
	if r.takeover.IsZero() || now.Sub(r.takeover) > wait+TakeoverKept {
		r.takeover = now
	}
}

// acts says that the row's worker is asked to act for the user.
func (r *row) acts() bool { return r != nil && r.open && r.dismissed.IsZero() }

// Dismiss: see [Tenure].
func (m *Memory) Dismiss(_ context.Context, user fleet.User, epoch fleet.Epoch) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if r := m.rows[user]; r.acts() && r.Epoch == epoch {
		r.dismissed = m.now()
	}
	return nil
}

// Seen: see [Presence].
func (m *Memory) Seen(_ context.Context, user fleet.User, pace time.Duration) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if r := m.rows[user]; r.acts() && m.now().Sub(r.seen) >= pace {
		r.seen = m.now()
	}
	return nil
}

// Idle: see [Presence].
func (m *Memory) Idle(_ context.Context, unseen time.Duration, after fleet.User, limit int) ([]Session, error) {
	since := m.now().Add(-unseen)
	return m.list(after, limit, func(r *row) bool {
		return r.acts() && !r.seen.After(since) && (m.Busy == nil || !m.Busy(r.User, since))
	})
}

// Dismissed: see [Presence].
func (m *Memory) Dismissed(_ context.Context, within time.Duration, limit int) ([]Session, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	var rows []*row
	for _, r := range m.rows {
		if r.open && !r.dismissed.IsZero() && m.now().Sub(r.dismissed) < within {
			rows = append(rows, r)
		}
	}
	slices.SortFunc(rows, func(a, b *row) int { return b.dismissed.Compare(a.dismissed) })
	var sessions []Session
	for _, r := range rows[:min(limit, len(rows))] {
		sessions = append(sessions, r.Session)
	}
	return sessions, nil
}

// Affirm: see [Tenure].
func (m *Memory) Affirm(_ context.Context, s Session) (bool, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	r := m.rows[s.User]
	if !r.acts() || r.Epoch != s.Epoch || r.Worker != s.Worker {
		return false, nil
	}
	r.takeover, r.began = time.Time{}, m.now()
	r.affirmed++
	return true, nil
}

// Doubt: see [Roll].
func (m *Memory) Doubt(_ context.Context, wait, lately time.Duration) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, r := range m.rows {
		if r.open && m.now().Sub(r.began) >= lately {
			r.begin(m.now(), wait)
		}
	}
	return nil
}

// Close: see [Authority].
func (m *Memory) Close(_ context.Context, user fleet.User, epoch fleet.Epoch) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if r := m.rows[user]; r != nil && r.Epoch == epoch {
		r.open = false
	}
	return nil
}

// FenceAll: see [Tenure].
func (m *Memory) FenceAll(ctx context.Context, sessions []Session, proof Proofs) error {
	seen := make([]int, len(sessions))
	for i, s := range sessions {
		affirmed, open := m.open(s.User, s.Epoch)
		if seen[i] = affirmed; !open {
			seen[i] = -1
		}
	}
	lost, err := proof(ctx)
	if err != nil {
		return err
	}
	for i, s := range sessions {
		if lost[i] && seen[i] >= 0 {
			m.fence(s.User, s.Epoch, seen[i])
		}
	}
	return nil
}

// Fence: see [Tenure].
func (m *Memory) Fence(ctx context.Context, user fleet.User, epoch fleet.Epoch, proof Proof) (bool, error) {
	seen, open := m.open(user, epoch)
	if !open {
		return false, nil
	}
	if lost, err := proof(ctx); err != nil || !lost {
		return false, err
	}
	return m.fence(user, epoch, seen), nil
}

// fence closes the row if it was not affirmed since.
func (m *Memory) fence(user fleet.User, epoch fleet.Epoch, seen int) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	r := m.rows[user]
	if r == nil || r.Epoch != epoch || !r.open || r.affirmed != seen {
		return false
	}
	r.open = false
	return true
}

// open says how often the open session of an epoch was affirmed.
func (m *Memory) open(user fleet.User, epoch fleet.Epoch) (affirmed int, open bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if r := m.rows[user]; r != nil && r.open && r.Epoch == epoch {
		return r.affirmed, true
	}
	return 0, false
}

// Current: see [Authority].
func (m *Memory) Current(_ context.Context, user fleet.User) (Session, bool, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if r := m.rows[user]; r.acts() {
		return r.Session, true, nil
	}
	return Session{}, false, nil
}

// Latest: see [Roll].
func (m *Memory) Latest(_ context.Context, user fleet.User) (fleet.Epoch, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if r := m.rows[user]; r != nil {
		return r.Epoch, nil
	}
	return 0, nil
}

// Floor: see [Authority].
func (m *Memory) Floor(context.Context) (fleet.Epoch, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	var highest fleet.Epoch
	for _, r := range m.rows {
		highest = max(highest, r.Epoch)
	}
	return highest, nil
}

// Open: see [Authority].
func (m *Memory) Open(_ context.Context, after fleet.User, limit int) ([]Session, error) {
	return m.list(after, limit, (*row).acts)
}

// list is a page of the sessions whose rows are wanted, by user.
func (m *Memory) list(after fleet.User, limit int, wanted func(*row) bool) ([]Session, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	var found []Session
	for _, r := range m.rows {
		if r.User > after && wanted(r) {
			found = append(found, r.Session)
		}
	}
	slices.SortFunc(found, func(a, b Session) int { return cmp.Compare(a.User, b.User) })
	return found[:min(limit, len(found))], nil
}
