package session_test

import (
	"context"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"

	"workerfleet/runtime/fleet"
	"workerfleet/runtime/session"
)

// Word reaches the request that waits for its epoch and no other, also one that comes after it; old words are dropped,
// and a request that gives up leaves nothing behind.
func TestDesk(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		desk := session.NewDesk()
		desk.Tell(fleet.Ready{Epoch: 1, Worker: "early"})
		ready, err := desk.Wait(t.Context(), 1)
		require.NoError(t, err)
		require.Equal(t, fleet.Worker("early"), ready.Worker)

		got := make(chan fleet.Ready, 1)
		go func() {
			ready, err := desk.Wait(t.Context(), 2)
			if err == nil {
				got <- ready
			}
		}()
		synctest.Wait()
		desk.Tell(fleet.Ready{Epoch: 3})
		require.Empty(t, got)
		for range 2 {
			desk.Tell(fleet.Ready{Epoch: 2, Worker: "w1"})
		}
		synctest.Wait()
		require.Equal(t, fleet.Ready{Epoch: 2, Worker: "w1"}, <-got)

		gone, cancel := context.WithCancel(t.Context())
		cancel()
		_, err = desk.Wait(gone, 4)
		require.ErrorIs(t, err, context.Canceled)

		for epoch := range fleet.Epoch(2000) {
			desk.Tell(fleet.Ready{Epoch: 100 + epoch})
		}
		_, err = desk.Wait(gone, 100)
		require.ErrorIs(t, err, context.Canceled, "words are kept for ever")
	})
}
