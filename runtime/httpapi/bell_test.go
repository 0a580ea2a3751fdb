package httpapi

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// The bell wakes all who listen for its user and nobody else, waits for nobody, and forgets who has stopped.
func TestBell(t *testing.T) {
	b := NewBell()
	ann, stop, err := b.listen("ann")
	require.NoError(t, err)
	again, stopAgain, err := b.listen("ann")
	require.NoError(t, err)
	bea, stopBea, err := b.listen("bea")
	require.NoError(t, err)
	defer stopBea()
	for range 3 {
		b.Ring("ann")
	}
	require.Len(t, ann, 1)
	require.Len(t, again, 1)
	require.Empty(t, bea)
	stop()
	stopAgain()
	b.Ring("ann")
	require.Len(t, b.listeners, 1)
	for range streams - 1 {
		_, _, err = b.listen("bea")
		require.NoError(t, err)
	}
	_, _, err = b.listen("bea")
	require.ErrorIs(t, err, errStreams)
}
