package session_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"workerfleet/runtime/fleet"
	"workerfleet/runtime/session"
)

// seen is an authority that counts who was seen; while away it takes nothing.
type seen struct {
	*session.Memory
	told map[fleet.User]int
	away error
}

func (s *seen) Seen(_ context.Context, user fleet.User, _ time.Duration) error {
	if s.away == nil {
		s.told[user]++
	}
	return s.away
}

// Of many requests there is one word in a pace; what could not be told is told with the next request.
func TestSightings(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := &seen{told: map[fleet.User]int{}}
		s := session.NewSightings(store, 30*time.Minute)
		ctx, stop := context.WithCancel(t.Context())
		defer stop()
		var failures []error
		go s.Run(ctx, func(err error) { failures = append(failures, err) })
		saw := func(want int) {
			t.Helper()
			for range 5 {
				s.Saw("ann")
				synctest.Wait()
			}
			require.Equal(t, want, store.told["ann"])
		}
		saw(1)
		time.Sleep(3*time.Minute - 1)
		saw(1)
		time.Sleep(time.Nanosecond)
		saw(2)
		s.Saw("bea")
		synctest.Wait()
		require.Equal(t, 1, store.told["bea"])
		store.away = errors.New("away")
		time.Sleep(3 * time.Minute)
		s.Saw("ann")
		synctest.Wait()
		require.ErrorIs(t, errors.Join(failures...), store.away)
		store.away = nil
		saw(3)
	})
}

// The pace is a tenth of the idle time, for a short one less than a minute; and who is there all the time is never idle.
func TestPace(t *testing.T) {
	for idle, want := range map[time.Duration]time.Duration{
		30 * time.Minute: 3 * time.Minute, 5 * time.Minute: time.Minute, 2 * time.Minute: 30 * time.Second, 4 * time.Second: time.Second, 0: 0,
	} {
		require.Equal(t, want, session.Pace(idle))
		require.Equal(t, idle+want, session.Unseen(idle))
	}
}
