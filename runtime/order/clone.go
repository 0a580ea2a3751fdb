package order

import (
	"maps"
	"slices"

	"workerfleet/runtime/fleet"
)

// Clone is a copy that nothing done to this one changes: a backup of the ledger.
func (m *Memory) Clone() *Memory {
	m.mu.Lock()
	defer m.mu.Unlock()
	c := NewMemoryAt(m.account, m.session, m.now)
	c.Denied = m.Denied
	c.books, c.halts, c.suspended = maps.Clone(m.books), maps.Clone(m.halts), maps.Clone(m.suspended)
	for user, events := range m.events {
		c.events[user] = slices.Clone(events)
	}
	for user, orders := range m.orders {
		c.orders[user] = map[fleet.OrderID]*Record{}
		for id, r := range orders {
			copied := *r
			copied.Fills = slices.Clone(r.Fills)
			c.orders[user][id] = &copied
		}
	}
	return c
}
