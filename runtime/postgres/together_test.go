package postgres_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"workerfleet/runtime/fleet"
	"workerfleet/runtime/session"
)

// What hundreds of claims ask at once goes together: everybody gets their own answer, and whose question the database
// refuses is answered alone.
func TestClaimsTogether(t *testing.T) {
	url, owner := migrated(t)
	database := connected(t, url, 4)
	const users = 400
	for i := range users {
		require.NoError(t, database.Keep(t.Context(), who(i), []byte(who(i))))
	}
	var group sync.WaitGroup
	errs := make(chan error, users)
	for i := range users {
		group.Go(func() { errs <- claimed(t.Context(), database, i) })
	}
	broken := fleet.User("nul\x00")
	for range 20 {
		group.Go(func() {
			if err := database.Begin(t.Context(), open(broken, 1), time.Second); err == nil {
				errs <- fmt.Errorf("a name that is none was written")
			}
		})
	}
	group.Wait()
	close(errs)
	for err := range errs {
		require.NoError(t, err)
	}
	var transactions int
	require.NoError(t, owner.QueryRow(t.Context(), `SELECT count(DISTINCT xmin::text) FROM user_session`).Scan(&transactions))
	require.Less(t, transactions, users/2, "transactions that wrote the rows")
}

func who(i int) fleet.User { return fleet.User(fmt.Sprintf("user-%03d", i)) }

func open(user fleet.User, epoch fleet.Epoch) session.Session {
	return session.Session{User: user, Epoch: epoch, Worker: "worker-" + fleet.Worker(user), Host: "host", Life: 1}
}

// claimed asks what a claim does, and checks that the answers are the user's.
func claimed(ctx context.Context, database keeper, i int) error {
	err := database.Begin(ctx, open(who(i), fleet.Epoch(i+1)), time.Second)
	if err != nil {
		return err
	}
	current, isOpen, err := database.Current(ctx, who(i))
	if err != nil || !isOpen || current != open(who(i), fleet.Epoch(i+1)) {
		return fmt.Errorf("%s has %v (%v)", who(i), current, err)
	}
	kept, err := database.Encrypted(ctx, who(i))
	if err != nil || string(kept) != string(who(i)) {
		return fmt.Errorf("%s has the credentials of %q (%v)", who(i), kept, err)
	}
	for _, of := range []struct {
		epoch fleet.Epoch
		kept  bool
	}{{fleet.Epoch(i + 1), true}, {fleet.Epoch(i + 2), false}} {
		kept, err := database.Affirm(ctx, open(who(i), of.epoch))
		if err != nil || kept != of.kept {
			return fmt.Errorf("%s is affirmed under %d: %v (%v)", who(i), of.epoch, kept, err)
		}
	}
	number, err := database.BeginAt(ctx, who(i))
	if err != nil || number != 1 {
		return fmt.Errorf("%s begins at %d (%v)", who(i), number, err)
	}
	return nil
}

// keeper is what a claim asks the database.
type keeper interface {
	session.Authority
	session.Safe
	BeginAt(ctx context.Context, user fleet.User) (uint64, error)
}

// Rows are locked in one order, whoever writes many at once: nobody waits for each other. The server would end one of them
// with an error after a second.
func TestManyRowsNeedOneOrder(t *testing.T) {
	url, _ := migrated(t)
	const processes, users, rounds = 4, 60, 25
	sessions := make([]session.Session, users)
	for i := range sessions {
		sessions[i] = open(who(i), 1)
	}
	var group sync.WaitGroup
	errs := make(chan error, processes*rounds*(2*users+2))
	for p := range processes {
		database := connected(t, url, 4)
		random := rand.New(rand.NewPCG(uint64(p), 0))
		for round := range rounds {
			for _, i := range random.Perm(users) {
				group.Go(func() {
					err := database.Begin(t.Context(), open(who(i), fleet.Epoch(1+round*processes+p)), 0)
					if outdated := (*session.Outdated)(nil); errors.As(err, &outdated) {
						err = nil // another process was sooner
					}
					errs <- err
				})
			}
		}
		group.Go(func() {
			for range rounds {
				errs <- database.Doubt(t.Context(), time.Hour, 0)
				for _, s := range sessions {
					group.Go(func() {
						_, err := database.Affirm(t.Context(), s)
						errs <- err
					})
				}
				errs <- database.FenceAll(t.Context(), sessions, func(context.Context) ([]bool, error) { return slices.Repeat([]bool{true}, users), nil })
			}
		})
	}
	group.Wait()
	close(errs)
	for err := range errs {
		require.NoError(t, err)
	}
}
