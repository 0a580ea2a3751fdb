package session

// Clone is a copy that nothing done to this one changes: a backup of the rows.
func (m *Memory) Clone() *Memory {
	m.mu.Lock()
	defer m.mu.Unlock()
	c := NewMemoryAt(m.now)
	c.Busy = m.Busy
	for user, r := range m.rows {
		copied := *r
		c.rows[user] = &copied
	}
	return c
}
