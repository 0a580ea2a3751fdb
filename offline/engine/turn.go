package engine

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"time"
)

// turn waits until no other run works on the same state, and returns how to end this one's turn. The engine locks a
// stack only while it changes it, and reads its file without: it would meet one that is half written.
func (e *Engine) turn(ctx context.Context) (end func(), err error) {
	if err := os.MkdirAll(e.home(), 0o755); err != nil {
		return nil, fmt.Errorf("make the folder of the state: %w", err)
	}
	file, err := os.OpenFile(filepath.Join(e.home(), "lock"), os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		return nil, fmt.Errorf("open the lock: %w", err)
	}
	said := false
	for {
		err := syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		if err == nil {
			return func() { _ = file.Close() }, nil // closing unlocks
		}
		if !errors.Is(err, syscall.EWOULDBLOCK) {
			return nil, errors.Join(fmt.Errorf("lock the state: %w", err), file.Close())
		}
		if !said {
			_, _ = fmt.Fprintln(e.Progress, "another run works on this state; waiting for it …")
			said = true
		}
		select {
		case <-ctx.Done():
			return nil, errors.Join(ctx.Err(), file.Close())
		case <-time.After(100 * time.Millisecond):
		}
	}
}
