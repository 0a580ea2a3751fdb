package order

import (
	"time"

	"workerfleet/runtime/fleet"
)

// Age moves every moment that is kept of a user's orders back, and the day by whole days.
func (m *Memory) Age(user fleet.User, by time.Duration) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, r := range m.orders[user] {
		for _, t := range []*time.Time{&r.EmitBy, &r.CheckAt, &r.ValidUntil, &r.AcceptedAt, &r.ChangedAt} {
			if !t.IsZero() {
				*t = t.Add(-by)
			}
		}
	}
	book := m.books[user]
	if day, err := time.Parse(time.DateOnly, book.Day); err == nil {
		book.Day = day.Add(-by.Truncate(24 * time.Hour)).Format(time.DateOnly)
	}
	m.books[user] = book
}
