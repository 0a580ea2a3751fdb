package session

import "time"

// Age moves every moment that is kept of sessions back.
func (m *Memory) Age(by time.Duration) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, r := range m.rows {
		r.seen = r.seen.Add(-by)
		if !r.dismissed.IsZero() {
			r.dismissed = r.dismissed.Add(-by)
		}
	}
}
