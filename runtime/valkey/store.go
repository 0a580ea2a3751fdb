package valkey

import (
	"context"
	"fmt"
	"time"

	"github.com/redis/go-redis/v9"

	"workerfleet/runtime/batch"
	"workerfleet/runtime/claim"
	"workerfleet/runtime/fleet"
)

// Store keeps the pool's index in Valkey. It is safe for concurrent use, and any number of them may work on one
// server: each call is one atomic script.
type Store struct {
	client  redis.UniversalClient
	scripts map[script]*redis.Script
	calls   *batch.Calls[invocation, []any]
	// observe is told the server's time of each call, in Unix milliseconds; only the model test sets it.
	observe func(nowMillis int64)
}

var _ claim.Store = (*Store)(nil)

// NewStore asks the server what it understands and prepares the scripts. The client stays the caller's to close.
func NewStore(ctx context.Context, client redis.UniversalClient) (*Store, error) {
	strict, err := understands(ctx, client)
	if err != nil {
		return nil, err
	}
	scripts, err := load(strict)
	if err != nil {
		return nil, err
	}
	s := &Store{client: client, scripts: scripts}
	s.calls = batch.New(lanes, most, s.invoke)
	return s, nil
}

// run calls a script. An error of the network leaves open whether it ran.
func (s *Store) run(ctx context.Context, what script, args ...any) (*answer, error) {
	parts, err := s.calls.Do(ctx, invocation{what, args})
	if err != nil {
		return nil, fmt.Errorf("%s: %w", what.name, err)
	}
	a := &answer{parts: parts}
	now := a.number()
	if a.err != nil {
		return nil, fmt.Errorf("%s: %w", what.name, a.err)
	}
	if s.observe != nil {
		s.observe(now)
	}
	a.now = time.UnixMilli(now).UTC()
	return a, nil
}

// fenced runs a script whose answer is ok or fenced.
func (s *Store) fenced(ctx context.Context, what script, args ...any) error {
	a, err := s.run(ctx, what, args...)
	if err != nil {
		return err
	}
	switch outcome := a.text(); {
	case a.err != nil:
		return fmt.Errorf("%s: %w", what.name, a.err)
	case outcome == "fenced":
		return claim.ErrFenced
	case outcome == "pending":
		return claim.ErrPending
	default:
		return nil
	}
}

// Claim: see [claim.Claims].
func (s *Store) Claim(ctx context.Context, r claim.Request, t claim.Terms) (claim.Answer, error) {
	bonus := min(max(r.Bonus, 0), claim.LongestBonus)
	a, err := s.run(ctx, scriptClaim, string(r.User), ms(bonus), ms(t.Acknowledge), ms(t.Renew))
	if err != nil {
		return claim.Answer{}, err
	}
	var result claim.Answer
	switch outcome := a.text(); outcome {
	case "rebuilding":
		return result, claim.ErrRebuilding
	case "bound":
		bound := a.binding()
		result.Bound, result.Fresh = &bound, a.flag()
	default:
		result.Rank = int(a.number())
	}
	return result, a.failed(scriptClaim)
}

// Leave: see [claim.Claims].
func (s *Store) Leave(ctx context.Context, user fleet.User) error {
	return s.fenced(ctx, scriptLeave, string(user))
}

// Sent: see [claim.Claims].
func (s *Store) Sent(ctx context.Context, worker fleet.Worker, epoch fleet.Epoch) error {
	return s.fenced(ctx, scriptSent, string(worker), epoch.String())
}

// Release: see [claim.Claims].
func (s *Store) Release(ctx context.Context, user fleet.User, epoch fleet.Epoch) error {
	return s.fenced(ctx, scriptRelease, string(user), epoch.String())
}

// Undo: see [claim.Claims].
func (s *Store) Undo(ctx context.Context, user fleet.User, epoch fleet.Epoch, t claim.Terms) (bool, error) {
	a, err := s.run(ctx, scriptUndo, string(user), epoch.String(), ms(t.Acknowledge), ms(t.TTL), ms(t.Guard))
	if err != nil {
		return false, err
	}
	return a.flag(), a.failed(scriptUndo)
}

// Raise: see [claim.Directory].
func (s *Store) Raise(ctx context.Context, floor fleet.Epoch) error {
	return s.fenced(ctx, scriptRaise, floor.String())
}

// Open: see [claim.Directory].
func (s *Store) Open(ctx context.Context, incarnation string) (string, error) {
	a, err := s.run(ctx, scriptOpen, incarnation)
	if err != nil {
		return "", err
	}
	return a.text(), a.failed(scriptOpen)
}

// Worker: see [claim.Directory]. It reads the record without a script.
func (s *Store) Worker(ctx context.Context, worker fleet.Worker) (claim.Worker, bool, error) {
	fields, err := s.client.HMGet(ctx, "{pool}:worker:"+string(worker), "host", "life", "state", "revision", "key", "user", "epoch", "sent").Result()
	if err != nil {
		return claim.Worker{}, false, fmt.Errorf("worker: %w", err)
	}
	if fields[0] == nil {
		return claim.Worker{}, false, nil
	}
	a := &answer{parts: fields}
	w := a.worker(worker)
	if a.err != nil {
		return claim.Worker{}, false, fmt.Errorf("worker: %w", a.err)
	}
	return w, true, nil
}

// Gone: see [claim.Directory].
func (s *Store) Gone(ctx context.Context, worker fleet.Worker, life fleet.Life) (bool, error) {
	a, err := s.run(ctx, scriptGone, string(worker), life.String())
	if err != nil {
		return false, err
	}
	return a.flag(), a.failed(scriptGone)
}

// ms is a duration as the scripts take it.
func ms(d time.Duration) int64 { return d.Milliseconds() }

// worker reads a worker's record after its name.
func (a *answer) worker(id fleet.Worker) claim.Worker {
	return claim.Worker{
		ID: id, Host: fleet.Host(a.text()), Life: a.life(), State: claim.State(a.text()), Revision: a.number(),
		Key: a.text(), User: fleet.User(a.text()), Epoch: a.epoch(), Sent: a.flag(),
	}
}

// binding reads the eight parts of a binding.
func (a *answer) binding() claim.Binding {
	parts := a.list()
	b := claim.Binding{
		User: fleet.User(parts.text()), Worker: fleet.Worker(parts.text()), Host: fleet.Host(parts.text()),
		Life: parts.life(), Epoch: parts.epoch(), Key: parts.text(), State: claim.State(parts.text()), Sent: parts.flag(),
	}
	a.err = parts.err
	return b
}

// death reads the five parts of a death.
func (a *answer) death() claim.Death {
	parts := a.list()
	d := claim.Death{
		Worker: fleet.Worker(parts.text()), Host: fleet.Host(parts.text()), Life: parts.life(),
		User: fleet.User(parts.text()), Epoch: parts.epoch(),
	}
	a.err = parts.err
	return d
}

func (a *answer) epoch() fleet.Epoch {
	epoch, err := fleet.ParseEpoch(a.text())
	if err != nil {
		a.misfit("an epoch", err)
	}
	return epoch
}

func (a *answer) life() fleet.Life {
	life, err := fleet.ParseLife(a.text())
	if err != nil {
		a.misfit("a life", err)
	}
	return life
}

func (a *answer) failed(what script) error {
	if a.err != nil {
		return fmt.Errorf("%s: %w", what.name, a.err)
	}
	return nil
}
