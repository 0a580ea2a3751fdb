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
}

// row is one user's.
type row struct {
	Session
	open bool
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
func NewMemory() *Memory { return &Memory{rows: map[fleet.User]*row{}} }

// Begin: see [Authority].
func (m *Memory) Begin(_ context.Context, s Session, wait time.Duration) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	now := time.Now()
	r := m.rows[s.User]
	switch {
	case r == nil:
	case r.Session == s && r.acts():
		return nil
	case r.Epoch >= s.Epoch:
		return &Outdated{Row: r.Epoch}
	case r.open && r.Worker != s.Worker:
		if r.takeover.IsZero() {
			r.takeover = now
		}
		if left := r.takeover.Add(wait).Sub(now); left > 0 {
			return &Occupied{By: r.Session, Wait: left}
		}
	}
	m.rows[s.User] = &row{Session: s, open: true, seen: now}
	return nil
}

// acts says that the row's worker is asked to act for the user.
func (r *row) acts() bool { return r != nil && r.open && r.dismissed.IsZero() }

// Dismiss: see [Tenure].
func (m *Memory) Dismiss(_ context.Context, user fleet.User, epoch fleet.Epoch) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if r := m.rows[user]; r.acts() && r.Epoch == epoch {
		r.dismissed = time.Now()
	}
	return nil
}

// Seen: see [Presence].
func (m *Memory) Seen(_ context.Context, user fleet.User, pace time.Duration) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if r := m.rows[user]; r.acts() && time.Since(r.seen) >= pace {
		r.seen = time.Now()
	}
	return nil
}

// Idle: see [Presence].
func (m *Memory) Idle(_ context.Context, unseen time.Duration, after fleet.User, limit int) ([]Session, error) {
	since := time.Now().Add(-unseen)
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
		if r.open && !r.dismissed.IsZero() && time.Since(r.dismissed) < within {
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
	r.takeover = time.Time{}
	return true, nil
}

// Doubt: see [Roll].
func (m *Memory) Doubt(context.Context) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, r := range m.rows {
		if r.open && r.takeover.IsZero() {
			r.takeover = time.Now()
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

// CloseAll: see [Authority].
func (m *Memory) CloseAll(ctx context.Context, sessions []Session) error {
	for _, s := range sessions {
		if err := m.Close(ctx, s.User, s.Epoch); err != nil {
			return err
		}
	}
	return nil
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
