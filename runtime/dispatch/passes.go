package dispatch

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"workerfleet/runtime/fleet"
	"workerfleet/runtime/order"
	"workerfleet/runtime/signals"
)

// Bounds of one round.
const (
	outcomesLimit = 512
	dueLimit      = 256
	// turns is how many users' turns are under way at once in one round.
	turns = 16
	// turnLimit ends the wait for one user's turn and what follows it: the rows of a user whose turn hangs somewhere else
	// stay locked, and nobody else's orders shall wait for that.
	turnLimit = 2 * time.Second
	// roundLimit ends a round whose call nobody answers.
	roundLimit = time.Minute
	// collectors take outcomes at once: one waits for the slowest turn of its round, the other goes on meanwhile.
	collectors = 2
)

// Report is what one round did.
type Report struct {
	// Outcomes were committed; Strays of them are of orders that the ledger does not have.
	Outcomes int
	Strays   []fleet.Outcome
	// Attended counts the users whose orders were looked at.
	Attended int
	Halted   bool
	// More says that a bound was reached.
	More bool
}

// Run makes rounds until the context ends: outcomes as they come, the rest in its period. A round that failed is
// recorded, and the next one is tried in its time.
func (d *Dispatcher) Run(ctx context.Context, failed func(error)) error {
	var group sync.WaitGroup
	defer group.Wait()
	for range collectors {
		group.Go(func() {
			d.every(ctx, func(ctx context.Context) (bool, error) {
				began := time.Now()
				r, err := d.Collect(ctx)
				for _, o := range r.Strays {
					failed(fmt.Errorf("worker %s reports %s of the order %s of %s, which the ledger does not have", o.Worker, o.State, o.Order, o.User))
				}
				// The inbox has waited for what comes: a pause after it would only make the next outcome late. One that does
				// not wait is left alone for as long as any.
				return r.Outcomes > 0 || time.Since(began) >= d.Period, err
			}, failed)
		})
	}
	d.every(ctx, func(ctx context.Context) (bool, error) {
		r, err := d.Attend(ctx)
		return r.More, err
	}, failed)
	return nil
}

// every repeats a round, after a pause unless a round that did not fail asks for the next one at once.
func (d *Dispatcher) every(ctx context.Context, round func(context.Context) (again bool, err error), failed func(error)) {
	for ctx.Err() == nil {
		limited, cancel := context.WithTimeout(ctx, roundLimit)
		again, err := round(limited)
		cancel()
		if err != nil && ctx.Err() == nil {
			failed(err)
		}
		if again && err == nil {
			continue
		}
		select {
		case <-time.After(d.Period):
		case <-ctx.Done():
		}
	}
}

// Pass makes one round of everything, as the functions do.
func (d *Dispatcher) Pass(ctx context.Context) (Report, error) {
	collected, err := d.Collect(ctx)
	attended, attending := d.Attend(ctx)
	attended.Outcomes, attended.Strays = collected.Outcomes, collected.Strays
	attended.More = attended.More || collected.More
	return attended, errors.Join(err, attending)
}

// Collect commits a bounded number of what workers have reported. What could not be committed comes back.
func (d *Dispatcher) Collect(ctx context.Context) (Report, error) {
	var r Report
	parcels, err := d.Inbox.Take(ctx, outcomesLimit)
	if err != nil {
		return r, fmt.Errorf("take outcomes: %w", err)
	}
	r.More = len(parcels) == outcomesLimit
	return r, d.commit(ctx, parcels, &r)
}

func (d *Dispatcher) commit(ctx context.Context, parcels []Parcel, r *Report) error {
	byUser := map[fleet.User][]Parcel{}
	var users []fleet.User
	for _, p := range parcels {
		if byUser[p.User] == nil {
			users = append(users, p.User)
		}
		byUser[p.User] = append(byUser[p.User], p)
	}
	var mu sync.Mutex
	return d.each(users, func(user fleet.User) error {
		outcomes, ids := make([]fleet.Outcome, 0, 1), make([]string, 0, 1)
		for _, p := range byUser[user] {
			outcomes, ids = append(outcomes, p.Outcome), append(ids, p.ID)
		}
		ctx, cancel := context.WithTimeout(ctx, turnLimit)
		defer cancel()
		if err := d.denied(ctx, outcomes); err != nil {
			return err
		}
		next, strays, err := d.Ledger.Commit(ctx, user, outcomes)
		if err != nil {
			return err
		}
		err = errors.Join(d.Follow(ctx, user, next), d.Inbox.Settle(ctx, ids))
		mu.Lock()
		defer mu.Unlock()
		r.Outcomes += len(outcomes)
		r.Strays = append(r.Strays, strays...)
		return err
	})
}

// denied has it noted that the broker refuses a user's credentials, and ends the session that was begun with them: its worker
// is on its way out, and nobody is to be asked by it.
func (d *Dispatcher) denied(ctx context.Context, outcomes []fleet.Outcome) error {
	for _, o := range outcomes {
		if o.State != fleet.OutcomeDenied || d.Refusals == nil {
			continue
		}
		reason := cmp.Or(order.Legible(o.Reason), "no reason was given")
		if err := d.Refusals.Refuse(ctx, o.User, o.Epoch, reason); err != nil {
			return err
		}
		if err := d.Sessions.EndAt(ctx, o.User, o.Epoch); err != nil {
			return err
		}
	}
	return nil
}

// each does something for users, several at once, and returns what failed together.
func (d *Dispatcher) each(users []fleet.User, do func(fleet.User) error) error {
	slots := make(chan struct{}, turns)
	errs := make([]error, len(users))
	var group sync.WaitGroup
	for i, user := range users {
		slots <- struct{}{}
		group.Add(1)
		d.Go(func() {
			defer group.Done()
			defer func() { <-slots }()
			errs[i] = do(user)
		})
	}
	group.Wait()
	return errors.Join(errs...)
}

// Attend looks at the orders that are due, and shows the agents whether orders are switched off.
func (d *Dispatcher) Attend(ctx context.Context) (Report, error) {
	var r Report
	halted, err := d.show(ctx)
	r.Halted = halted
	users, listing := d.Ledger.Due(ctx, dueLimit)
	if listing != nil {
		return r, errors.Join(err, fmt.Errorf("list due orders: %w", listing))
	}
	r.Attended, r.More = len(users), len(users) == dueLimit
	attending := d.each(users, func(user fleet.User) error { return d.Look(ctx, user) })
	waiting, measuring := d.Ledger.Waiting(ctx)
	if measuring == nil {
		d.Signals.Set(signals.OutboxAge, waiting.Seconds())
	}
	return r, errors.Join(err, attending, measuring)
}

// Look looks at one user's orders that are due, and marks the next one.
func (d *Dispatcher) Look(ctx context.Context, user fleet.User) error {
	ctx, cancel := context.WithTimeout(ctx, turnLimit)
	defer cancel()
	next, err := d.Ledger.Attend(ctx, user)
	if err != nil {
		return err
	}
	if len(next.Mail) > 0 { // all of it is for one session
		over, err := d.Sessions.Over(ctx, next.Mail[0].Mail)
		if err != nil {
			return err
		}
		next.Claim = next.Claim || over // nobody reads it: the user needs another worker
	}
	return d.Follow(ctx, user, next)
}

// show copies the switch for all from the ledger to where the agents read it.
func (d *Dispatcher) show(ctx context.Context) (bool, error) {
	halts, err := d.Switches.Halts(ctx)
	if err != nil {
		return false, fmt.Errorf("read the switches: %w", err)
	}
	halted := false
	for _, h := range halts {
		halted = halted || h.User == ""
	}
	if err := d.Board.Show(ctx, halted); err != nil {
		return halted, fmt.Errorf("show the switches: %w", err)
	}
	return halted, nil
}
