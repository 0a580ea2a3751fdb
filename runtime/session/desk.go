package session

import (
	"context"
	"sync"

	"workerfleet/runtime/fleet"
)

// Desk is where requests wait for word of their workers. One process has one desk; whoever reads its mail tells it.
type Desk struct {
	mu      sync.Mutex
	waiting map[fleet.Epoch]chan fleet.Ready
}

// NewDesk makes an empty desk.
func NewDesk() *Desk { return &Desk{waiting: map[fleet.Epoch]chan fleet.Ready{}} }

// Wait returns the word on an epoch, or the context's error. Two that wait for one epoch are two requests of one user:
// the later one takes the place, and the earlier one goes on by asking again.
func (d *Desk) Wait(ctx context.Context, epoch fleet.Epoch) (fleet.Ready, error) {
	word := make(chan fleet.Ready, 1)
	d.mu.Lock()
	d.waiting[epoch] = word
	d.mu.Unlock()
	defer func() {
		d.mu.Lock()
		defer d.mu.Unlock()
		if d.waiting[epoch] == word {
			delete(d.waiting, epoch)
		}
	}()
	select {
	case ready := <-word:
		return ready, nil
	case <-ctx.Done():
		return fleet.Ready{}, ctx.Err()
	}
}

// Tell gives the word to whoever waits for its epoch; nobody may.
func (d *Desk) Tell(ready fleet.Ready) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if word, waits := d.waiting[ready.Epoch]; waits {
		delete(d.waiting, ready.Epoch)
		word <- ready
	}
}
