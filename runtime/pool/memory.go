package pool

import (
	"context"
	"maps"
	"slices"
	"sync"
	"time"
)

// Memory is a [History] within one process. It is the reference for those that outlive one.
type Memory struct {
	mu     sync.Mutex
	counts map[int64]int // by the minute's number
}

var _ History = (*Memory)(nil)

// NewMemory makes a history that knows nothing.
func NewMemory() *Memory { return &Memory{counts: map[int64]int{}} }

// Count: see [History].
func (m *Memory) Count(_ context.Context, counts []Minute) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, c := range counts {
		m.counts[c.Number()] = max(m.counts[c.Number()], c.Claims)
	}
	return nil
}

// Recall: see [History].
func (m *Memory) Recall(_ context.Context, spans []Span) (kept []Minute, earliest time.Time, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for number, claims := range m.counts {
		minute := Numbered(number, claims)
		if earliest.IsZero() || minute.At.Before(earliest) {
			earliest = minute.At
		}
		if slices.ContainsFunc(spans, func(s Span) bool { return !minute.At.Before(s.From) && minute.At.Before(s.To) }) {
			kept = append(kept, minute)
		}
	}
	return kept, earliest, nil
}

// Forget: see [History].
func (m *Memory) Forget(_ context.Context, before time.Time) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	maps.DeleteFunc(m.counts, func(number int64, _ int) bool { return Numbered(number, 0).At.Before(before) })
	return nil
}
