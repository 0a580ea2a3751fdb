package session

import (
	"context"
	"fmt"
	"sync"
	"time"

	"workerfleet/runtime/fleet"
)

// Sightings tells the authority of users who are there, beside their requests: a request waits for nothing, and of many
// there is one word in a pace. It is safe for concurrent use.
type Sightings struct {
	presence Presence
	pace     time.Duration
	queue    chan fleet.User

	mu   sync.Mutex
	last map[fleet.User]time.Time
}

// Bounds of what is kept in memory. What is forgotten is told once more; what does not fit is told by the next request.
const (
	sightingsMost = 65_536
	sightingLimit = 2 * time.Second
)

// Pace is how long nobody hears of a user again who was seen, where sessions end when the user was not seen for the idle
// time: a tenth of it, or a minute if that is longer, but never more than a quarter of it.
func Pace(idle time.Duration) time.Duration {
	return min(max(idle/10, time.Minute), idle/4)
}

// Unseen is how long nobody has heard of a user who has not been there for the idle time: what was seen within a pace is
// not told.
func Unseen(idle time.Duration) time.Duration { return idle + Pace(idle) }

// NewSightings tells the authority, for sessions that end after the idle time.
func NewSightings(p Presence, idle time.Duration) *Sightings {
	return &Sightings{presence: p, pace: Pace(idle), queue: make(chan fleet.User, 1024), last: map[fleet.User]time.Time{}}
}

// Saw notes that the user is there. It returns at once.
func (s *Sightings) Saw(user fleet.User) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if last, known := s.last[user]; known && time.Since(last) < s.pace {
		return
	}
	select {
	case s.queue <- user:
	default:
		return
	}
	if len(s.last) >= sightingsMost {
		clear(s.last)
	}
	s.last[user] = time.Now()
}

// Run tells until the context ends. What could not be told is told with the user's next request.
func (s *Sightings) Run(ctx context.Context, failed func(error)) {
	for {
		select {
		case <-ctx.Done():
			return
		case user := <-s.queue:
			if err := s.tell(ctx, user); err != nil && ctx.Err() == nil {
				failed(fmt.Errorf("tell that a user is there: %w", err))
			}
		}
	}
}

func (s *Sightings) tell(ctx context.Context, user fleet.User) error {
	ctx, cancel := context.WithTimeout(ctx, sightingLimit)
	defer cancel()
	// The same word may have come from another process a moment ago: a pace apart by its clock is a little less by ours.
	err := s.presence.Seen(ctx, user, s.pace/2)
	if err != nil {
		s.mu.Lock()
		defer s.mu.Unlock()
		delete(s.last, user)
	}
	return err
}
