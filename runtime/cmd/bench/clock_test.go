package main

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// A step moves the wall clock and nothing else, both ways: what has passed since is as long as it was.
func TestStepped(t *testing.T) {
	var c clock
	before, began := time.Now(), c.now()
	c.step(30 * time.Second)
	ahead := c.now()
	require.WithinRange(t, ahead.Round(0), before.Add(29*time.Second), before.Add(31*time.Second), "without its monotonic reading")
	require.Less(t, ahead.Sub(began), time.Second)
	c.step(-60 * time.Second)
	behind := c.now()
	require.WithinRange(t, behind.Round(0), before.Add(-31*time.Second), before.Add(-29*time.Second))
	require.GreaterOrEqual(t, behind.Sub(ahead), time.Duration(0))
	require.Less(t, behind.Sub(began), time.Second)
}

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
