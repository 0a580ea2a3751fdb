package sim

import (
	"context"
	"time"

	"workerfleet/runtime/fleet"
	"workerfleet/runtime/order"
	"workerfleet/runtime/session"
)

// database is the authority over users and the ledger of orders: the references that ship, on the database's clock.
type database struct {
	service
	*loop
	authority *session.Memory
	orders    *order.Memory
	// highest is the last epoch that was begun for each user.
	highest map[fleet.User]fleet.Epoch
	// begun is when each epoch was, and kept are the users' credentials.
	begun map[fleet.Epoch]time.Time
	kept  map[fleet.User]*credentials
}

func newDatabase(l *loop) *database {
	d := &database{loop: l, highest: map[fleet.User]fleet.Epoch{}, begun: map[fleet.Epoch]time.Time{}, kept: map[fleet.User]*credentials{}}
	clock := func() time.Time { return d.clock(l) }
	d.authority = session.NewMemoryAt(clock)
	d.orders = order.NewMemoryAt(func(fleet.User) bool { return true }, d.acting, clock)
	d.orders.Denied = func(user fleet.User) string { return d.kept[user].refused }
	return d
}

// acting is the row of a user as the ledger joins it.
func (d *database) acting(user fleet.User) order.Session {
	s, open, _ := d.authority.Current(context.Background(), user)
	if !open {
		return order.Session{}
	}
	return order.Session{Epoch: s.Epoch, Worker: s.Worker, Host: s.Host, Life: s.Life}
}

// row is the authority as one process reaches it.
type row struct {
	*database
	from *process
}

var (
	_ session.Authority = row{}
	_ session.Presence  = row{}
)

func (r row) Begin(ctx context.Context, s session.Session, wait time.Duration) error {
	return tell(r.from, &r.service, func() error {
		err := r.authority.Begin(ctx, s, wait)
		r.from.say(r.from.name, "begin %s %s %s: %s", s.User, s.Worker, r.short(s.Epoch), said(err))
		if err == nil {
			if s.Epoch < r.highest[s.User] {
				r.fail("the epoch of %s went from %d back to %d", s.User, r.highest[s.User], s.Epoch)
			}
			r.highest[s.User] = s.Epoch
			if r.begun[s.Epoch].IsZero() {
				r.begun[s.Epoch] = r.clock(r.loop)
			}
		}
		return err
	})
}

func (r row) Affirm(ctx context.Context, s session.Session) (bool, error) {
	return ask(r.from, &r.service, func() (bool, error) {
		kept, err := r.authority.Affirm(ctx, s)
		r.from.say(r.from.name, "affirm %s %s %s: %t", s.User, s.Worker, r.short(s.Epoch), kept)
		return kept, err
	})
}

func (r row) Dismiss(ctx context.Context, user fleet.User, epoch fleet.Epoch) error {
	return tell(r.from, &r.service, func() error {
		r.from.say(r.from.name, "dismiss %s %s", user, r.short(epoch))
		return r.authority.Dismiss(ctx, user, epoch)
	})
}

func (r row) Close(ctx context.Context, user fleet.User, epoch fleet.Epoch) error {
	return tell(r.from, &r.service, func() error {
		r.from.say(r.from.name, "close %s %s", user, r.short(epoch))
		return r.authority.Close(ctx, user, epoch)
	})
}

// Fence reads, has the proof made, and closes: steps that others come between.
func (r row) Fence(ctx context.Context, user fleet.User, epoch fleet.Epoch, proof session.Proof) (bool, error) {
	travel := func() error { return tell(r.from, &r.service, func() error { return nil }) }
	if err := travel(); err != nil {
		return false, err
	}
	closed, err := r.authority.Fence(ctx, user, epoch, func(ctx context.Context) (bool, error) {
		if err := travel(); err != nil {
			return false, err
		}
		lost, err := proof(ctx)
		if err != nil || !lost {
			return false, err
		}
		return true, travel()
	})
	if closed {
		r.from.say(r.from.name, "fence %s %s", user, r.short(epoch))
		err = travel()
	}
	return closed && err == nil, err
}

// FenceAll is the same of many.
func (r row) FenceAll(ctx context.Context, sessions []session.Session, proof session.Proofs) error {
	travel := func() error { return tell(r.from, &r.service, func() error { return nil }) }
	if err := travel(); err != nil {
		return err
	}
	err := r.authority.FenceAll(ctx, sessions, func(ctx context.Context) ([]bool, error) {
		if err := travel(); err != nil {
			return nil, err
		}
		lost, err := proof(ctx)
		if err != nil {
			return nil, err
		}
		return lost, travel()
	})
	r.from.say(r.from.name, "fence %d sessions", len(sessions))
	if err != nil {
		return err
	}
	return travel()
}

func (r row) Current(ctx context.Context, user fleet.User) (session.Session, bool, error) {
	f, err := ask(r.from, &r.service, func() (found[session.Session], error) {
		s, open, err := r.authority.Current(ctx, user)
		return found[session.Session]{s, open}, err
	})
	return f.value, f.known, err
}

func (r row) Seen(ctx context.Context, user fleet.User, pace time.Duration) error {
	return tell(r.from, &r.service, func() error { return r.authority.Seen(ctx, user, pace) })
}

func (r row) Idle(ctx context.Context, unseen time.Duration, after fleet.User, limit int) ([]session.Session, error) {
	return ask(r.from, &r.service, func() ([]session.Session, error) { return r.authority.Idle(ctx, unseen, after, limit) })
}

func (r row) Dismissed(ctx context.Context, within time.Duration, limit int) ([]session.Session, error) {
	return ask(r.from, &r.service, func() ([]session.Session, error) { return r.authority.Dismissed(ctx, within, limit) })
}

func (r row) Floor(ctx context.Context) (fleet.Epoch, error) {
	return ask(r.from, &r.service, func() (fleet.Epoch, error) { return r.authority.Floor(ctx) })
}

func (r row) Latest(ctx context.Context, user fleet.User) (fleet.Epoch, error) {
	return ask(r.from, &r.service, func() (fleet.Epoch, error) { return r.authority.Latest(ctx, user) })
}

func (r row) Open(ctx context.Context, after fleet.User, limit int) ([]session.Session, error) {
	return ask(r.from, &r.service, func() ([]session.Session, error) { return r.authority.Open(ctx, after, limit) })
}

func (r row) Doubt(ctx context.Context, wait, lately time.Duration) error {
	return tell(r.from, &r.service, func() error {
		r.from.say(r.from.name, "doubt all")
		return r.authority.Doubt(ctx, wait, lately)
	})
}

// book is the ledger as one process reaches it.
type book struct {
	*database
	from *process
}

var (
	_ order.Store    = book{}
	_ order.Switches = book{}
)

// Turn runs a turn; now and then one is rolled back and run again, as a database may do it.
func (b book) Turn(ctx context.Context, user fleet.User, w order.Want, do func(*order.Sheet) error) error {
	again := b.chance(0.02)
	return tell(b.from, &b.service, func() error {
		if again {
			_ = b.orders.Turn(ctx, user, w, func(s *order.Sheet) error {
				_ = do(s)
				return errLost
			})
		}
		return b.orders.Turn(ctx, user, w, func(s *order.Sheet) error {
			err := do(s)
			if err == nil {
				for _, e := range s.Events {
					b.from.say(b.from.name, "%s's order %s is %s: %s", user, b.called(s, e.Order), e.State, e.Reason)
				}
			}
			return err
		})
	})
}

// called is an order's number: its id is random in every run.
func (b book) called(s *order.Sheet, id fleet.OrderID) string {
	if r := s.Find(id); r != nil {
		return r.Key
	}
	return "?"
}

func (b book) Due(ctx context.Context, limit int) ([]fleet.User, error) {
	return ask(b.from, &b.service, func() ([]fleet.User, error) { return b.orders.Due(ctx, limit) })
}

func (b book) Waiting(ctx context.Context) (time.Duration, error) {
	return ask(b.from, &b.service, func() (time.Duration, error) { return b.orders.Waiting(ctx) })
}

func (b book) BeginAt(ctx context.Context, user fleet.User) (uint64, error) {
	return ask(b.from, &b.service, func() (uint64, error) { return b.orders.BeginAt(ctx, user) })
}

func (b book) Halt(ctx context.Context, user fleet.User, on bool, reason string) error {
	return tell(b.from, &b.service, func() error { return b.orders.Halt(ctx, user, on, reason) })
}

func (b book) Suspend(ctx context.Context, user fleet.User, on bool, reason string) error {
	return tell(b.from, &b.service, func() error { return b.orders.Suspend(ctx, user, on, reason) })
}

func (b book) Halts(ctx context.Context) ([]order.Halt, error) {
	return ask(b.from, &b.service, func() ([]order.Halt, error) { return b.orders.Halts(ctx) })
}

func (b book) Unsettled(ctx context.Context) (int, error) {
	return ask(b.from, &b.service, func() (int, error) { return b.orders.Unsettled(ctx) })
}

func (b book) Recover(ctx context.Context) (int, error) {
	return ask(b.from, &b.service, func() (int, error) { return b.orders.Recover(ctx) })
}
