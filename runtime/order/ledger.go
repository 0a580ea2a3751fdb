package order

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"

	"workerfleet/runtime/fleet"
)

// Ledger commits what happens to orders. It keeps nothing itself, and is safe for concurrent use by any number of
// processes.
type Ledger struct {
	Store
	rules Rules
}

// New makes a ledger on a store. A rule that is 0 has its default.
func New(s Store, rules Rules) *Ledger { return &Ledger{s, rules.withDefaults()} }

// Refusal says whether an error is a decision, made in a turn that left nothing behind.
func Refusal(err error) bool {
	var many *TooMany
	var invalid *Invalid
	var denied *Denied
	return errors.As(err, &denied) || errors.Is(err, ErrHalted) || errors.Is(err, ErrNoAccount) || errors.Is(err, ErrOtherOrder) ||
		errors.Is(err, ErrNotFound) || errors.As(err, &many) || errors.As(err, &invalid)
}

// Acceptance is what became of a draft.
type Acceptance struct {
	Record
	Next
	// Replayed says that the key had the order already.
	Replayed bool
}

// Accept commits the draft as one order, and marks it for the user's worker if it can. The key decides on repetitions:
// the same one with the same content returns the order that it has, with another one [ErrOtherOrder]. Other refusals are
// [ErrHalted], [ErrNoAccount], [*Denied], [*TooMany], and [*Invalid] where the key is missing. After any other error the order may be committed or not, and only asking
// again under the same key tells; that is done once in here, because the answer to a commit may be lost.
func (l *Ledger) Accept(ctx context.Context, user fleet.User, d Draft) (Acceptance, error) {
	if d.Key == "" {
		return Acceptance{}, &Invalid{[]string{"id: is missing; allowed: the user's own name for the order"}}
	}
	var a Acceptance
	id := fleet.NewOrderID()
	accept := func() error {
		return l.Turn(ctx, user, Want{Key: d.Key}, func(s *Sheet) error {
			r, err := s.accept(d, id, l.rules)
			if err != nil {
				return err
			}
			if r.ID == id && s.Session.Epoch == 0 {
				s.claim() // also where it waits for one that somebody has to look up: its own time runs
			}
			s.mark(l.rules)
			a = Acceptance{*r, s.next, r.ID != id}
			return nil
		})
	}
	err := accept()
	if err != nil && !Refusal(err) && ctx.Err() == nil {
		err = accept()
	}
	if err != nil {
		return Acceptance{}, fmt.Errorf("accept an order of %s: %w", user, err)
	}
	return a, nil
}

// Cancel asks for an order's end, or returns [ErrNotFound]. What has ended stays as it is.
func (l *Ledger) Cancel(ctx context.Context, user fleet.User, id fleet.OrderID) (Record, Next, error) {
	var cancelled Record
	var next Next
	err := l.Turn(ctx, user, Want{IDs: []fleet.OrderID{id}}, func(s *Sheet) error {
		r := s.Find(id)
		if r == nil {
			return ErrNotFound
		}
		s.cancel(r)
		s.mark(l.rules)
		cancelled, next = *r, s.next
		return nil
	})
	if err != nil {
		return Record{}, Next{}, fmt.Errorf("cancel an order of %s: %w", user, err)
	}
	return cancelled, next, nil
}

// Commit takes what workers report about one user's orders, and marks the next one. What is committed is confirmed to
// the workers, even if it does not count: nobody has to keep it. Strays are reports of orders that the ledger does not
// have, which a database restored from a backup may have lost.
func (l *Ledger) Commit(ctx context.Context, user fleet.User, outcomes []fleet.Outcome) (next Next, strays []fleet.Outcome, err error) {
	outcomes = slices.SortedStableFunc(slices.Values(outcomes), func(a, b fleet.Outcome) int {
		return cmp.Or(cmp.Compare(a.Epoch, b.Epoch), cmp.Compare(a.Life, b.Life), cmp.Compare(a.Number, b.Number))
	})
	var want Want
	for _, o := range outcomes {
		if o.State != fleet.OutcomeDenied {
			want.IDs = append(want.IDs, o.Order)
		}
	}
	err = l.Turn(ctx, user, want, func(s *Sheet) error {
		strays = nil
		for _, o := range outcomes {
			if r := s.Find(o.Order); o.State == fleet.OutcomeDenied {
				s.denied(o) // who commits it has it noted before: the sheet says so by now
			} else if r == nil {
				strays = append(strays, o)
			} else {
				s.apply(r, o)
			}
			s.next.Mail = append(s.next.Mail, Letter{Host: o.Host, Mail: fleet.Mail{
				Kind: fleet.MailCommitted, Worker: o.Worker, Life: o.Life, User: o.User, Epoch: o.Epoch, Number: o.Number,
			}})
		}
		s.check()
		s.mark(l.rules)
		next = s.next
		return nil
	})
	if err != nil {
		return Next{}, nil, fmt.Errorf("commit outcomes of %s: %w", user, err)
	}
	return next, strays, nil
}

// Serve is [Ledger.Attend] when somebody has just begun to act for the user: what waits to be looked up is due at once.
func (l *Ledger) Serve(ctx context.Context, user fleet.User) (next Next, err error) {
	return l.attend(ctx, user, (*Sheet).served)
}

// Withdraw is [Ledger.Attend] when orders have just been switched off: what the user's worker has not begun is taken back.
func (l *Ledger) Withdraw(ctx context.Context, user fleet.User) (next Next, err error) {
	return l.attend(ctx, user, (*Sheet).withdraw)
}

// Attend looks at those of a user's orders that are due, and marks the next one.
func (l *Ledger) Attend(ctx context.Context, user fleet.User) (next Next, err error) {
	return l.attend(ctx, user, func(*Sheet) {})
}

func (l *Ledger) attend(ctx context.Context, user fleet.User, before func(*Sheet)) (next Next, err error) {
	err = l.Turn(ctx, user, Want{}, func(s *Sheet) error {
		before(s)
		s.check()
		s.mark(l.rules)
		next = s.next
		return nil
	})
	if err != nil {
		return Next{}, fmt.Errorf("attend to the orders of %s: %w", user, err)
	}
	return next, nil
}
