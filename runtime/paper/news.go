package paper

import (
	"context"

	"workerfleet/runtime/fleet"
	"workerfleet/runtime/order"
)

const cancelled = fleet.OutcomeCancelled

// hear takes a report for the session's user.
func (s *session) hear(r order.Report) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.reports) == unread {
		s.first += unread
		s.reports, s.forgotten = nil, true
	}
	s.reports = append(s.reports, r)
	s.wake()
}

// wake wakes who waits; the session is locked.
func (s *session) wake() {
	if s.woken != nil {
		close(s.woken)
		s.woken = nil
	}
}

func (s *session) end() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ended = true
	s.wake()
}

// wait returns what was reported after the first `after` reports, and how many there are with them. What was read is forgotten.
func (s *session) wait(ctx context.Context, after uint64) ([]order.Report, uint64, error) {
	for {
		s.mu.Lock()
		if s.forgotten {
			s.forgotten = false
			s.mu.Unlock()
			return nil, 0, errForgotten
		}
		if after > s.first {
			read := min(after-s.first, uint64(len(s.reports)))
			s.reports, s.first = s.reports[read:], s.first+read
		}
		if len(s.reports) > 0 {
			reports, upTo := s.reports[:len(s.reports):len(s.reports)], s.first+uint64(len(s.reports))
			s.mu.Unlock()
			return reports, upTo, nil
		}
		s.reports = nil
		if s.ended {
			s.mu.Unlock()
			return nil, 0, errLoggedOut
		}
		if s.woken == nil {
			s.woken = make(chan struct{})
		}
		woken := s.woken
		s.mu.Unlock()
		select {
		case <-woken:
		case <-ctx.Done():
			return nil, 0, ctx.Err()
		}
	}
}

// reader hands reports out one by one. Its turn is held by whoever fetches.
type reader struct {
	turn    chan struct{}
	fetch   func(ctx context.Context, after uint64) ([]order.Report, uint64, error)
	after   uint64
	pending []order.Report
}

func newReader(fetch func(context.Context, uint64) ([]order.Report, uint64, error)) *reader {
	return &reader{turn: make(chan struct{}, 1), fetch: fetch}
}

func (r *reader) next(ctx context.Context) (order.Report, error) {
	select {
	case r.turn <- struct{}{}:
	case <-ctx.Done():
		return order.Report{}, ctx.Err()
	}
	defer func() { <-r.turn }()
	for len(r.pending) == 0 {
		reports, upTo, err := r.fetch(ctx, r.after)
		if err != nil {
			return order.Report{}, err
		}
		r.pending, r.after = reports, upTo
	}
	report := r.pending[0]
	r.pending = r.pending[1:]
	return report, nil
}
