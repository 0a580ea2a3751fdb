package keeper

import (
	"context"
	"errors"
	"fmt"
	"time"

	"workerfleet/runtime/claim"
	"workerfleet/runtime/fleet"
	"workerfleet/runtime/session"
	"workerfleet/runtime/signals"
)

// Config is what the passes work on. All fields but the periods must be set.
type Config struct {
	Store     claim.Store
	Sessions  *session.Sessions
	Authority session.Authority
	Recorder  signals.Recorder
	Terms     claim.Terms
	// Incarnation names a new data set; it must differ each time.
	Incarnation func() string
	// Period is the time between two rounds; 0 means a quarter of a second.
	Period time.Duration
	// Go starts what is done for one session beside others; nil is a goroutine. One that runs it at once is as good, and slower.
	Go func(func())
}

// Keeper runs the passes.
type Keeper struct {
	Config
	// cursor is where healing goes on; doubted is since when the pool was closed, by its own clock, when this keeper last
	// doubted all sessions.
	cursor  int
	doubted time.Time
	// compared is how far the database's sessions were looked for in the index.
	compared comparison
}

// defaultPeriod is short against the time that a user waits, and long against a pass.
const defaultPeriod = 250 * time.Millisecond

// New makes a keeper. It is used by one goroutine; several keepers may work on one pool.
func New(c Config) *Keeper {
	if c.Period == 0 {
		c.Period = defaultPeriod
	}
	if c.Go == nil {
		c.Go = func(run func()) { go run() }
	}
	return &Keeper{Config: c, compared: comparison{watched: map[fleet.User]*watched{}}}
}

// Report is what one round did.
type Report struct {
	// Rebuilding says that the pool is closed and binds nobody.
	Rebuilding bool
	Opened     bool
	// Dead are the workers that were dropped; Held says that silent hosts are spared for now.
	Dead   []claim.Death
	Held   bool
	Silent []fleet.Host
	// Delivered, Expired, Agreed and Refused count unconfirmed sessions by what became of them.
	Delivered, Expired, Agreed, Refused int
	// Served counts users who were bound again after they lost their worker.
	Served int
	// Recalled counts sessions whose users were to be served again because the index does not know them; its steady value is 0.
	Recalled int
	Healed   map[string]int
	// More says that a bound was reached: another round at once finds more.
	More bool
	// Workers counts by state, as the round began.
	Workers map[claim.State]int
}

// Run makes rounds until the context ends. A failed round is recorded and the next one tried in its time: the store or
// the database may be away for a while.
func (k *Keeper) Run(ctx context.Context, failed func(error)) error {
	return every(ctx, k.Period, func(ctx context.Context) error {
		_, err := k.Pass(ctx)
		return err
	}, failed)
}

// Pass makes one round. What failed is reported together; the parts of a round do not depend on one another.
func (k *Keeper) Pass(ctx context.Context) (Report, error) {
	var r Report
	err := errors.Join(k.reap(ctx, &r), k.rebuild(ctx, &r), k.confirm(ctx, &r), k.heal(ctx, &r), k.compare(ctx, &r))
	k.record(r)
	return r, err
}

// reapCalls bounds one round's calls to the store, each of which drops a bounded number: together a whole fleet.
const reapCalls = 1024

// reap drops all that is dead before it does anything else: nobody is served by a database's leave while others who are
// dead could still be asked. What was dropped is fenced although a later call failed.
func (k *Keeper) reap(ctx context.Context, r *Report) (err error) {
	for range reapCalls {
		reaped, failed := k.Store.Reap(ctx, k.Terms)
		if failed != nil {
			err = fmt.Errorf("reap: %w", failed)
			break
		}
		r.Dead = append(r.Dead, reaped.Dead...)
		r.Held, r.Silent, r.More = reaped.Held, reaped.Silent, reaped.More
		if !reaped.More {
			break
		}
	}
	return errors.Join(err, k.bury(ctx, r.Dead, r))
}

// Of many dead at once the database closes so many sessions in one step, and a round serves so many users again itself: the
// others stand at the head of the queue, and are delivered as they are bound.
const (
	closeLimit = 1000
	serveLimit = 256
)

// bury ends the sessions of workers that the index has dropped, and serves their users again. Who has returned by then keeps
// its session. A row that stays open is fenced by the claim of the user's next worker.
func (k *Keeper) bury(ctx context.Context, dead []claim.Death, r *Report) error {
	var lost []claim.Death
	var ended []session.Session
	for _, d := range dead {
		if d.User != "" {
			lost, ended = append(lost, d), append(ended, session.Session{User: d.User, Epoch: d.Epoch})
		}
	}
	for from := 0; from < len(ended); from += closeLimit {
		to := min(from+closeLimit, len(ended))
		if err := k.Authority.FenceAll(ctx, ended[from:to], k.gone(lost[from:to])); err != nil {
			return fmt.Errorf("fence the sessions of dead workers: %w", err)
		}
	}
	return k.several(min(len(ended), serveLimit), r, func(i int, part *Report) error { return k.serve(ctx, ended[i].User, part) })
}

// gone is the proof that workers are out of their lives.
func (k *Keeper) gone(dead []claim.Death) session.Proofs {
	return func(ctx context.Context) ([]bool, error) {
		gone := make([]bool, len(dead))
		err := k.several(len(dead), &Report{}, func(i int, _ *Report) (err error) {
			gone[i], err = k.Store.Gone(ctx, dead[i].Worker, dead[i].Life)
			return err
		})
		return gone, err
	}
}

// serve claims a worker for a user who has lost one.
func (k *Keeper) serve(ctx context.Context, user fleet.User, r *Report) error {
	_, err := k.claim(ctx, user, r)
	return err
}

// claim is serve, and says how long the user is kept waiting by another worker.
func (k *Keeper) claim(ctx context.Context, user fleet.User, r *Report) (wait time.Duration, err error) {
	progress, err := k.Sessions.Claim(ctx, claim.Request{User: user, Bonus: claim.LongestBonus}, "")
	switch {
	case errors.Is(err, claim.ErrRebuilding): // the pool's opening finds the user's open session
		return 0, nil
	case session.Unserved(err): // until other credentials are kept
		return 0, nil
	}
	if err != nil {
		return 0, fmt.Errorf("serve %s again: %w", user, err)
	}
	if progress.Bound != nil {
		r.Served++
	}
	return progress.Wait, nil
}

// Bounds of the unconfirmed sessions of one list, and of the lists of one round: the next one reaps again.
const (
	confirmLimit = 256
	confirmLists = 16
)

// confirm brings unconfirmed sessions to an end, list by list: when a whole fleet has returned to an index that lost its
// data, nobody of it may act before its turn. Those that nothing can be done about are in nobody's way: assignments of dead
// hosts stay until their leases end, and are the first of all.
func (k *Keeper) confirm(ctx context.Context, r *Report) error {
	stay := 0
	for range confirmLists {
		list, err := k.Store.Unconfirmed(ctx, stay, confirmLimit)
		if err != nil {
			return fmt.Errorf("list unconfirmed sessions: %w", err)
		}
		var part Report
		err = k.bring(ctx, list, &part)
		r.add(part)
		if err != nil || len(list) < confirmLimit {
			return err
		}
		stay += len(list) - part.Expired - part.Agreed - part.Refused
	}
	return nil
}

// bring goes on with some: those that nobody delivered are delivered, overdue assignments are taken back, and returned
// sessions are compared with the database.
func (k *Keeper) bring(ctx context.Context, list []claim.Unconfirmed, r *Report) error {
	return k.several(len(list), r, func(i int, part *Report) error {
		switch u := list[i]; {
		case u.State == claim.Returned:
			return k.agree(ctx, u.Binding, part)
		case u.Overdue:
			return k.expire(ctx, u.Binding, part)
		case !u.Sent:
			return k.deliver(ctx, u.Binding, part)
		default:
			return nil
		}
	})
}

// agree asks the database whether a returned session is still the user's. Its yes ends whatever takeover has begun, in one
// step with it: who takes a user over can not have done so by then, and has to begin anew.
func (k *Keeper) agree(ctx context.Context, b claim.Binding, r *Report) error {
	kept, err := k.Authority.Affirm(ctx, session.Session{User: b.User, Epoch: b.Epoch, Worker: b.Worker, Host: b.Host, Life: b.Life})
	if err != nil {
		return fmt.Errorf("check the returned session of %s: %w", b.User, err)
	}
	if kept {
		err = k.Store.Agree(ctx, b.Worker, b.Life, b.Epoch)
		r.Agreed++
	} else {
		err = k.Store.Release(ctx, b.User, b.Epoch)
		r.Refused++
	}
	if err != nil && !errors.Is(err, claim.ErrFenced) {
		return fmt.Errorf("settle the returned session of %s: %w", b.User, err)
	}
	return nil
}

// expire takes an assignment back that its worker did not confirm. The worker may have accepted it, but without a
// confirmation it never logged in; its late one is refused. So nobody acts for the user, and another worker may.
func (k *Keeper) expire(ctx context.Context, b claim.Binding, r *Report) error {
	expired, err := k.Store.Expire(ctx, b.Worker, b.Epoch, k.Terms)
	if err != nil {
		return fmt.Errorf("expire the assignment of %s: %w", b.User, err)
	}
	if !expired {
		return nil
	}
	r.Expired++
	if _, err := k.Authority.Fence(ctx, b.User, b.Epoch, session.Elsewhere(k.Store, b)); err != nil {
		return fmt.Errorf("fence the session of %s: %w", b.User, err)
	}
	return k.serve(ctx, b.User, r)
}

// deliver finishes what a claim left half done.
func (k *Keeper) deliver(ctx context.Context, b claim.Binding, r *Report) error {
	err := k.Sessions.Deliver(ctx, b, "")
	switch {
	case err == nil:
		r.Delivered++
		return nil
	case session.Overtaken(err):
		return nil
	default:
		return fmt.Errorf("deliver the assignment of %s: %w", b.User, err)
	}
}

// healLimit bounds the workers that one round compares.
const healLimit = 256

func (k *Keeper) heal(ctx context.Context, r *Report) error {
	healed, err := k.Store.Heal(ctx, k.cursor, healLimit, k.Terms)
	if err != nil {
		return fmt.Errorf("heal: %w", err)
	}
	r.Healed, k.cursor, r.More = healed.Repairs, healed.Next, r.More || healed.Next != 0
	return nil
}
