package httpapi

import (
	"fmt"
	"sync"

	"workerfleet/runtime/fleet"
)

// Bell wakes those who show a user's events in this process. Who is not woken looks by itself after a while.
type Bell struct {
	mu        sync.Mutex
	listeners map[fleet.User]map[chan struct{}]struct{}
}

// NewBell makes a bell that nobody listens to.
func NewBell() *Bell { return &Bell{listeners: map[fleet.User]map[chan struct{}]struct{}{}} }

// Ring wakes whoever listens for the user.
func (b *Bell) Ring(user fleet.User) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for rung := range b.listeners[user] {
		select {
		case rung <- struct{}{}:
		default: // it has not looked since the last time
		}
	}
}

// streams is how many a user may have in one process.
const streams = 8

var errStreams = fmt.Errorf("there are %d streams of events open for the user; allowed: at most so many", streams)

// listen returns what is rung, until it is stopped.
func (b *Bell) listen(user fleet.User) (rung chan struct{}, stop func(), err error) {
	rung = make(chan struct{}, 1)
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.listeners[user]) >= streams {
		return nil, nil, errStreams
	}
	if b.listeners[user] == nil {
		b.listeners[user] = map[chan struct{}]struct{}{}
	}
	b.listeners[user][rung] = struct{}{}
	return rung, func() {
		b.mu.Lock()
		defer b.mu.Unlock()
		delete(b.listeners[user], rung)
		if len(b.listeners[user]) == 0 {
			delete(b.listeners, user)
		}
	}, nil
}
