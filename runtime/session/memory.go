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
}

var _ Authority = (*Memory)(nil)

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
	case r.Session == s && r.open:
		return nil
	case r.Epoch >= s.Epoch:
		return &Outdated{Row: r.Epoch}
	case r.open && r.Worker != s.Worker:
		r.begin(now, wait)
		if left := r.takeover.Add(wait).Sub(now); left > 0 {
			return &Occupied{By: r.Session, Wait: left}
		}
	}
	m.rows[s.User] = &row{Session: s, open: true, began: now}
	return nil
}

// begin begins the takeover unless it is under way.
func (r *row) begin(now time.Time, wait time.Duration) {
	if r.takeover.IsZero() || now.Sub(r.takeover) > wait+TakeoverKept {
		r.takeover = now
	}
}

// Affirm: see [Tenure].
func (m *Memory) Affirm(_ context.Context, s Session) (bool, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	r := m.rows[s.User]
	if r == nil || !r.open || r.Epoch != s.Epoch || r.Worker != s.Worker {
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

// Fence: see [Tenure].
func (m *Memory) Fence(ctx context.Context, user fleet.User, epoch fleet.Epoch, proof Proof) (bool, error) {
	seen, open := m.open(user, epoch)
	if !open {
		return false, nil
	}
	if lost, err := proof(ctx); err != nil || !lost {
		return false, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	r := m.rows[user]
	if r == nil || r.Epoch != epoch || !r.open || r.affirmed != seen {
		return false, nil
	}
	r.open = false
	return true, nil
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
	if r := m.rows[user]; r != nil && r.open {
		return r.Session, true, nil
	}
	return Session{}, false, nil
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
	m.mu.Lock()
	defer m.mu.Unlock()
	var open []Session
	for _, r := range m.rows {
		if r.open && r.User > after {
			open = append(open, r.Session)
		}
	}
	slices.SortFunc(open, func(a, b Session) int { return cmp.Compare(a.User, b.User) })
	return open[:min(limit, len(open))], nil
}
