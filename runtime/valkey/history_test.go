package valkey

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/anishathalye/porcupine"
	"github.com/stretchr/testify/require"

	"workerfleet/runtime/claim"
	"workerfleet/runtime/fleet"
	"workerfleet/runtime/parts"
	"workerfleet/runtime/valkey/valkeytest"
)

// call is one operation of a history: what was asked.
type call struct {
	kind  string // claim, release of an epoch, end of whatever there is
	user  fleet.User
	epoch fleet.Epoch // of a release
}

// outcome is what was answered; unknown where the answer was lost.
type outcome struct {
	unknown bool
	worker  fleet.Worker // of a binding; empty for a place in the queue
	epoch   fleet.Epoch
	fenced  bool
}

// seen is what one user's requests have shown: the highest epoch, its worker, and whether it is over.
type seen struct {
	epoch  fleet.Epoch
	worker fleet.Worker
	over   bool
}

// userModel is one user's view. A binding may end at any time – its worker began a new life – and a queued user may be
// bound at any time. But what a user is told only moves on: an epoch names one worker for ever, a higher one follows,
// and one that is over – released, or followed by a place in the queue – never comes back.
var userModel = porcupine.NondeterministicModel{
	Init: func() []any { return []any{seen{over: true}} },
	Step: func(state, input, output any) []any {
		s, in, out := state.(seen), input.(call), output.(outcome)
		over := s
		over.over = true
		switch {
		case in.kind == "claim" && out.unknown:
			return []any{s, over}
		case in.kind == "claim" && out.worker == "":
			return []any{over}
		case in.kind == "claim" && out.epoch > s.epoch:
			return []any{seen{epoch: out.epoch, worker: out.worker}}
		case in.kind == "claim" && !s.over && out.epoch == s.epoch && out.worker == s.worker:
			return []any{s}
		case in.kind == "claim":
			return nil
		case in.kind == "end":
			return []any{over}
		case out.unknown:
			return []any{s, over}
		case s.epoch == in.epoch && !out.fenced:
			return []any{over}
		case s.epoch == in.epoch: // fenced by a binding that nobody was told of yet
			return []any{over}
		default:
			return []any{s}
		}
	},
	Equal: func(a, b any) bool { return a == b },
}

// Many clients claim, release and register at once, with answers lost on the way. The history of each user is that of
// one clerk who works off one request after the other, and no epoch is ever given twice. Histories are random and short;
// longer ones under faults of the server are the simulation's part.
func TestHistoriesAreLinearizable(t *testing.T) {
	client := valkeytest.Server(t, parts.Redis)
	store, err := NewStore(t.Context(), client)
	require.NoError(t, err)
	_, err = store.Open(t.Context(), "test")
	require.NoError(t, err)

	const clients, users, workers, rounds = 10, 6, 4, 150
	h := &history{store: store, began: time.Now(), byUser: map[fleet.User][]porcupine.Operation{}, owner: map[fleet.Epoch]claim.Binding{}}
	var lives [workers]struct {
		sync.Mutex
		life fleet.Life
	}
	var group sync.WaitGroup
	for id := range clients {
		group.Go(func() {
			random := rand.New(rand.NewPCG(1, uint64(id)))
			for range rounds {
				user := fleet.User(fmt.Sprintf("user%d", random.IntN(users)))
				switch random.IntN(4) {
				case 0, 1:
					h.claim(t, id, user, random.IntN(8) == 0)
				case 2:
					h.release(t, id, user, random.IntN(8) == 0)
				default:
					w := random.IntN(workers)
					lives[w].Lock()
					lives[w].life++
					_, err := store.Register(t.Context(), claim.Registration{Worker: fleet.Worker(fmt.Sprintf("w%d", w)), Host: "h1", Life: lives[w].life, Key: "k"}, claim.DefaultTerms())
					lives[w].Unlock()
					h.must(t, err)
				}
			}
		})
	}
	group.Wait()
	require.Greater(t, len(h.owner), users, "too few sessions to show anything")
	for user, operations := range h.byUser {
		require.True(t, porcupine.CheckOperations(userModel.ToModel(), operations), "the history of %s has no order", user)
	}
}

// history collects what happened.
type history struct {
	store *Store
	began time.Time

	mu     sync.Mutex
	byUser map[fleet.User][]porcupine.Operation
	owner  map[fleet.Epoch]claim.Binding // who was given each epoch
	last   sync.Map                      // user → the epoch that it saw last
}

func (h *history) must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Error(err)
	}
}

func (h *history) claim(t *testing.T, id int, user fleet.User, lose bool) {
	t.Helper()
	var answer claim.Answer
	h.operation(t, id, call{kind: "claim", user: user}, lose, func(ctx context.Context) (outcome, error) {
		var err error
		answer, err = h.store.Claim(ctx, claim.Request{User: user}, claim.DefaultTerms())
		if err != nil || answer.Bound == nil {
			return outcome{}, err
		}
		return outcome{worker: answer.Bound.Worker, epoch: answer.Bound.Epoch}, nil
	})
	if answer.Bound == nil {
		return
	}
	h.last.Store(user, answer.Bound.Epoch)
	h.mu.Lock()
	defer h.mu.Unlock()
	if other, given := h.owner[answer.Bound.Epoch]; given && (other.User != user || other.Worker != answer.Bound.Worker) {
		t.Errorf("epoch %d was given to %s on %s and to %s on %s", answer.Bound.Epoch, other.User, other.Worker, user, answer.Bound.Worker)
	}
	h.owner[answer.Bound.Epoch] = *answer.Bound
}

func (h *history) release(t *testing.T, id int, user fleet.User, lose bool) {
	t.Helper()
	epoch, seen := h.last.Load(user)
	if !seen {
		return
	}
	h.operation(t, id, call{kind: "release", user: user, epoch: epoch.(fleet.Epoch)}, lose, func(ctx context.Context) (outcome, error) {
		err := h.store.Release(ctx, user, epoch.(fleet.Epoch))
		if errors.Is(err, claim.ErrFenced) {
			return outcome{fenced: true}, nil
		}
		return outcome{}, err
	})
}

// operation runs a call and notes when it began and ended. One that is to be lost has no time to answer: whether it
// happened is not known, and it may still happen at any later time.
func (h *history) operation(t *testing.T, id int, in call, lose bool, run func(context.Context) (outcome, error)) {
	t.Helper()
	ctx := t.Context()
	if lose {
		hurried, cancel := context.WithTimeout(ctx, 50*time.Microsecond)
		defer cancel()
		ctx = hurried
	}
	start := time.Since(h.began)
	out, err := run(ctx)
	end := time.Since(h.began).Nanoseconds()
	if err != nil {
		if !lose {
			t.Error(err)
		}
		out, end = outcome{unknown: true}, math.MaxInt64
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.byUser[in.user] = append(h.byUser[in.user], porcupine.Operation{
		ClientId: id, Input: in, Output: out, Call: start.Nanoseconds(), Return: end,
	})
}
