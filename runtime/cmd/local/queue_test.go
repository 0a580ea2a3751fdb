package main

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"workerfleet/runtime/fleet"
)

// A thousand users come for 35 workers and leave as soon as they were served: they are bound strictly in the order in
// which they came – epochs rise in it – nobody starves, and those who left the queue get nothing.
func TestManyUsersForFewWorkers(t *testing.T) {
	realParts(t)
	const users, every = 1000, 50 // each 50th leaves again
	p := startProduct(t, quick(1, 35, 1))
	name := func(i int) fleet.User { return fleet.User(fmt.Sprintf("u%04d", i)) }
	for i := range users {
		require.NoError(t, p.path.Vault.Deposit(t.Context(), name(i), []byte(`{"account":"`+string(name(i))+`"}`)))
	}
	for i := range users { // one after the other, so that their order is known
		_, _, err := p.ask(t.Context(), p.tokens.Token(name(i), time.Now().Add(time.Hour)))
		require.NoError(t, err)
	}
	departed := func(i int) bool { return i >= 100 && i%every == 0 }
	epochs := make([]fleet.Epoch, users)
	var group sync.WaitGroup
	for i := range users {
		if departed(i) {
			require.Equal(t, 204, p.leave(name(i)))
			continue
		}
		group.Go(func() {
			s, err := p.claimUntil(t.Context(), name(i), 500*time.Millisecond, func(opened) bool { return true })
			if err != nil {
				t.Errorf("%s starves: %v", name(i), err)
				return
			}
			epochs[i] = s.Epoch
			p.leave(name(i))
		})
	}
	group.Wait()
	last := fleet.Epoch(0)
	for i, epoch := range epochs {
		if departed(i) {
			_, open, err := p.path.Database.Current(t.Context(), name(i))
			require.NoError(t, err)
			require.False(t, open, "%s had left the queue", name(i))
			continue
		}
		require.Greater(t, epoch, last, "%s was served before somebody who came earlier", name(i))
		last = epoch
	}
	require.Zero(t, p.accounts.doubled())
}
