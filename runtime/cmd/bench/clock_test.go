package main

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// On a frozen host nobody sees the time before it goes on, and then sees that it has passed.
func TestFrozen(t *testing.T) {
	var c clock
	before := c.instant()
	c.freeze()
	seen := make(chan time.Duration, 1)
	go func() { seen <- c.instant().Sub(before) }()
	select {
	case <-seen:
		t.Fatal("the clock was seen")
	case <-time.After(50 * time.Millisecond):
	}
	c.thaw()
	require.GreaterOrEqual(t, <-seen, 50*time.Millisecond)
}
