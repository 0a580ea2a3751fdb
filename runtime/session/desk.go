package session

import (
	"context"
	"sync"

	"workerfleet/runtime/fleet"
)

// Desk is where requests wait for word of their workers. One process has one desk; whoever reads its mail tells it.
// A worker may be ready before the request that claimed it comes here, so words that nobody waits for are kept for a
// while.
type Desk struct {
	mu      sync.Mutex
	waiting map[fleet.Epoch]chan fleet.Ready
	early   map[fleet.Epoch]fleet.Ready
	order   []fleet.Epoch // of the early words, the oldest first
}

// earlyWords is how many words are kept: more than one process claims in a second at the market's open.
const earlyWords = 1024

// NewDesk makes an empty desk.
func NewDesk() *Desk {
	return &Desk{waiting: map[fleet.Epoch]chan fleet.Ready{}, early: map[fleet.Epoch]fleet.Ready{}}
}

// Wait returns the word on an epoch, or the context's error. Two that wait for one epoch are two requests of one user:
// the later one takes the place, and the earlier one goes on by asking again.
func (d *Desk) Wait(ctx context.Context, epoch fleet.Epoch) (fleet.Ready, error) {
	word := make(chan fleet.Ready, 1)
	d.mu.Lock()
	if ready, came := d.early[epoch]; came {
		word <- ready
	}
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

// Tell gives the word to whoever waits for its epoch, or keeps it for who comes.
func (d *Desk) Tell(ready fleet.Ready) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if word, waits := d.waiting[ready.Epoch]; waits {
		delete(d.waiting, ready.Epoch)
		word <- ready
		return
	}
	if _, again := d.early[ready.Epoch]; again {
		return
	}
	d.early[ready.Epoch] = ready
	d.order = append(d.order, ready.Epoch)
	if len(d.order) > earlyWords {
		delete(d.early, d.order[0])
		d.order = d.order[1:]
	}
}
