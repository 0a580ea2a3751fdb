package worker

import (
	"context"
	"errors"
	"fmt"
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
	if err := b.Next(c.Life); !errors.Is(err, ErrSpent) {
		return err
	}
	return nil
}
