package webhook

import (
	"context"
	"errors"
	"strings"
	"sync"
	"time"
)

// Bounds of what addresses cost that nobody has. Tokens are drawn at random: who does not know one asks for another one
// each time, and whose webhook was removed for the same one.
const (
	// unknownFor is how long an address that nobody has is refused without another look-up.
	unknownFor  = 5 * time.Second
	unknownMost = 16_384
	// lookupsMost ask the database at once, so that strangers never hold all of a process's few connections.
	lookupsMost = 2
)

// token says whether a text may be a token: what rand.Text draws, and room for what later versions of it do.
func token(text string) bool {
	return len(text) >= 26 && len(text) <= 64 &&
		!strings.ContainsFunc(text, func(r rune) bool { return (r < 'A' || r > 'Z') && (r < '2' || r > '7') })
}

// lookups finds hooks by name: one look-up for all who ask for a name at once, and none for a while for one that nobody has.
type lookups struct {
	mu      sync.Mutex
	running map[string]*lookup
	unknown map[string]time.Time // until when
	slots   chan struct{}
}

// lookup is one that is under way, until done is closed.
type lookup struct {
	done chan struct{}
	hook opened
	err  error
}

func newLookups() *lookups {
	return &lookups{running: map[string]*lookup{}, unknown: map[string]time.Time{}, slots: make(chan struct{}, lookupsMost)}
}

// find has somebody look, and shares what came of it with whoever asks meanwhile. A look-up that ended with its asker's
// patience is made again by one of the others.
func (l *lookups) find(ctx context.Context, name string, look func(context.Context) (opened, error)) (opened, error) {
	for {
		one, mine := l.join(name)
		if one == nil {
			return opened{}, ErrToken
		}
		if mine {
			one.hook, one.err = look(ctx)
			l.leave(name, one)
			return one.hook, one.err
		}
		select {
		case <-one.done:
		case <-ctx.Done():
			return opened{}, ctx.Err()
		}
		if !errors.Is(one.err, context.Canceled) && !errors.Is(one.err, context.DeadlineExceeded) {
			return one.hook, one.err
		}
	}
}

// join returns the look-up that is under way, or a new one that is the caller's; nil for a name that nobody has.
func (l *lookups) join(name string) (one *lookup, mine bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if time.Now().Before(l.unknown[name]) {
		return nil, false
	}
	if one = l.running[name]; one != nil {
		return one, false
	}
	one = &lookup{done: make(chan struct{})}
	l.running[name] = one
	return one, true
}

// ask asks the store, when it is this look-up's turn.
func (l *lookups) ask(ctx context.Context, s Store, name string) (Hook, error) {
	select {
	case l.slots <- struct{}{}:
		defer func() { <-l.slots }()
		return s.Hook(ctx, name)
	case <-ctx.Done():
		return Hook{}, ctx.Err()
	}
}

func (l *lookups) leave(name string, one *lookup) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.running, name)
	if errors.Is(one.err, ErrToken) {
		if len(l.unknown) >= unknownMost {
			clear(l.unknown)
		}
		l.unknown[name] = time.Now().Add(unknownFor)
	}
	close(one.done)
}
