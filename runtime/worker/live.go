package worker

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"time"

	"workerfleet/runtime/fleet"
)

// Live gives the body one life, and then the next. It returns when the process shall end: with nil when it was asked to
// or has had its last life, else with the reason for which it may not go on.
func (b Body) Live(ctx context.Context, c Config) error {
	if err := b.Prepare(); err != nil {
		return fmt.Errorf("prepare life %d: %w", c.Life, err)
	}
	w, err := New(c)
	if err != nil {
		return err
	}
	ending, err := w.Run(ctx)
	if err != nil {
		return err
	}
	clearing, cancel := context.WithTimeout(context.Background(), clearLimit)
	defer cancel()
	if err := b.Clear(clearing); err != nil {
		return fmt.Errorf("clear after life %d: %w", c.Life, err)
	}
	if ending == Halted {
		return nil
	}
	return b.goOn(ctx, c.Life)
}

// settle is long against the time from a signal to ctx.
const settle = time.Millisecond

// goOn begins the next life, unless the process was asked to end while the last one was cleared away: a signal that this
// image caught would be lost to the next one. From here on it ends the process by itself, which holds nobody's data now.
func (b Body) goOn(ctx context.Context, life fleet.Life) error {
	caught := make(chan os.Signal, 1)
	signal.Notify(caught, os.Interrupt, syscall.SIGTERM)
	time.Sleep(settle) // a signal that was caught is handed on within microseconds
	signal.Reset(os.Interrupt, syscall.SIGTERM)
	if ctx.Err() != nil || len(caught) > 0 {
		return nil
	}
	if err := b.Next(life); !errors.Is(err, ErrSpent) {
		return err
	}
	return nil
}
