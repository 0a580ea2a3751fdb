package dispatch_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/require"

	"workerfleet/runtime/claim"
	"workerfleet/runtime/dispatch"
	"workerfleet/runtime/fleet"
	"workerfleet/runtime/order"
	"workerfleet/runtime/seal"
	"workerfleet/runtime/session"
	"workerfleet/runtime/signals"
)

// mailbox keeps what was posted; while err is set it keeps nothing and fails.
type mailbox struct {
	mu   sync.Mutex
	mail []fleet.Mail
	err  error
}

func (m *mailbox) Post(_ context.Context, _ fleet.Host, mail fleet.Mail) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.err != nil {
		return m.err
	}
	m.mail = append(m.mail, mail)
	return nil
}

func (m *mailbox) kinds() (kinds []fleet.MailKind) {
	for _, mail := range m.mail {
		kinds = append(kinds, mail.Kind)
	}
	return kinds
}

// inbox is a queue of outcomes, and the board.
type inbox struct {
	parcels []dispatch.Parcel
	settled []string
	halted  bool
}

func (i *inbox) Take(context.Context, int) ([]dispatch.Parcel, error) {
	taken := i.parcels
	i.parcels = nil
	return taken, nil
}

func (i *inbox) Settle(_ context.Context, ids []string) error {
	i.settled = append(i.settled, ids...)
	return nil
}

func (i *inbox) Show(_ context.Context, halted bool) error {
	i.halted = halted
	return nil
}

type vault struct{}

func (vault) Credentials(_ context.Context, user fleet.User) ([]byte, error) {
	if user == "nobody" {
		return nil, session.ErrNoCredentials
	}
	return []byte("secret"), nil
}

// bench is the dispatcher over parts in memory, with one idle worker.
type bench struct {
	*dispatch.Dispatcher
	t         *testing.T
	mailbox   *mailbox
	inbox     *inbox
	orders    *order.Memory
	authority *session.Memory
}

func newBench(t *testing.T) *bench {
	claims, authority := claim.NewMemory(), session.NewMemory()
	_, err := claims.Open(t.Context(), "test")
	require.NoError(t, err)
	key, err := seal.NewKey()
	require.NoError(t, err)
	_, err = claims.Register(t.Context(), claim.Registration{Worker: "w1", Host: "h1", Life: 1, Key: key.Public()}, claim.DefaultTerms())
	require.NoError(t, err)
	b := &bench{t: t, mailbox: &mailbox{}, inbox: &inbox{}, authority: authority}
	b.orders = order.NewMemory(func(fleet.User) bool { return true }, func(user fleet.User) order.Session {
		s, open, err := authority.Current(t.Context(), user)
		require.NoError(t, err)
		if !open {
			return order.Session{}
		}
		return order.Session{Epoch: s.Epoch, Worker: s.Worker, Host: s.Host, Life: s.Life}
	})
	sessions := session.New(session.Config{
		Claims: claims, Directory: claims, Authority: authority, Mailbox: b.mailbox, Vault: vault{}, Terms: claim.DefaultTerms(),
		BeginAt: b.orders.BeginAt,
	})
	b.Dispatcher = dispatch.New(dispatch.Config{
		Ledger: order.New(b.orders, order.Rules{}), Sessions: sessions, Mailbox: b.mailbox, Inbox: b.inbox, Board: b.inbox, Switches: b.orders,
	})
	return b
}

func (b *bench) accept(user fleet.User, key string) order.Acceptance {
	b.t.Helper()
	a, err := b.Accept(b.t.Context(), user, order.Draft{
		Key: key, Symbol: "AAPL", Side: fleet.Buy, Quantity: decimal.NewFromInt(1), Type: fleet.Market, TimeInForce: fleet.Day,
	}, func(error) {})
	require.NoError(b.t, err)
	return a
}

// An order of a user without a session gets one, and follows the assignment in the mail; its outcome is committed,
// confirmed and settled, and the next order goes out with it.
func TestOrderClaimsASession(t *testing.T) {
	b := newBench(t)
	first := b.accept("ann", "k1")
	second := b.accept("ann", "k2")
	require.Equal(t, []fleet.MailKind{fleet.MailAssign, fleet.MailOrder}, b.mailbox.kinds())
	require.Equal(t, uint64(1), b.mailbox.mail[0].BeginAt)
	sent := b.mailbox.mail[1]
	b.inbox.parcels = []dispatch.Parcel{{ID: "1-0", Outcome: fleet.Outcome{
		Worker: "w1", Host: "h1", Life: 1, User: "ann", Epoch: sent.Epoch, Order: first.ID, Number: 1, State: fleet.OutcomeFilled,
	}}, {ID: "2-0", Outcome: fleet.Outcome{User: "ann", Epoch: sent.Epoch, Order: "lost", Number: 2, State: fleet.OutcomeFilled}}}
	report, err := b.Pass(t.Context())
	require.NoError(t, err)
	require.Equal(t, 2, report.Outcomes)
	require.Len(t, report.Strays, 1)
	require.ElementsMatch(t, []string{"1-0", "2-0"}, b.inbox.settled)
	require.Equal(t, []fleet.MailKind{fleet.MailCommitted, fleet.MailCommitted, fleet.MailOrder}, b.mailbox.kinds()[2:])
	require.Equal(t, second.ID, b.mailbox.mail[4].Order.ID)
}

// refusals remember who was refused.
type refusals map[fleet.User]string

func (r refusals) Refuse(_ context.Context, user fleet.User, _ fleet.Epoch, reason string) error {
	r[user] = reason
	return nil
}

// The word that the broker refuses the credentials is noted before anything else of it is committed; the session ends, what
// waits is rejected, and no worker is taken for it.
func TestDenied(t *testing.T) {
	b := newBench(t)
	noted := refusals{}
	b.Refusals = noted
	b.orders.Denied = func(user fleet.User) string { return noted[user] }
	first, second := b.accept("ann", "k1"), b.accept("ann", "k2")
	epoch := b.mailbox.mail[0].Epoch
	out := func(o fleet.Outcome) dispatch.Parcel {
		o.Worker, o.Host, o.Life, o.User, o.Epoch = "w1", "h1", 1, "ann", epoch
		return dispatch.Parcel{ID: fmt.Sprint(o.Number, "-0"), Outcome: o}
	}
	b.inbox.parcels = []dispatch.Parcel{
		out(fleet.Outcome{Number: 2, Order: first.ID, State: fleet.OutcomeUnsent}),
		out(fleet.Outcome{Number: 1, State: fleet.OutcomeDenied, Reason: "closed \xff"}),
	}
	report, err := b.Pass(t.Context())
	require.NoError(t, err)
	require.Empty(t, report.Strays)
	require.Equal(t, refusals{"ann": "closed ?"}, noted)
	for _, id := range []fleet.OrderID{first.ID, second.ID} {
		r, err := b.orders.Order(t.Context(), "ann", id)
		require.NoError(t, err)
		require.Equal(t, order.Rejected, r.State)
	}
	_, open, err := b.authority.Current(t.Context(), "ann")
	require.NoError(t, err)
	require.False(t, open)
	require.ElementsMatch(t, []string{"1-0", "2-0"}, b.inbox.settled)
	require.Equal(t, 1, kinds(b.mailbox.mail, fleet.MailAssign))
	require.Equal(t, 2, kinds(b.mailbox.mail, fleet.MailCommitted))
}

// An order's letter that comes when its worker's login was refused gets no answer: the refusal is the only word there will be. After
// a login it proves nothing, and the order stays unknown.
func TestDeniedWithoutAnAnswer(t *testing.T) {
	for uncalled, want := range map[bool]order.State{true: order.Rejected, false: order.Unknown} {
		b := newBench(t)
		noted := refusals{}
		b.Refusals = noted
		b.orders.Denied = func(user fleet.User) string { return noted[user] }
		a := b.accept("ann", "k1")
		denied := fleet.Outcome{
			Worker: "w1", Host: "h1", Life: 1, User: "ann", Epoch: b.mailbox.mail[0].Epoch, Number: 1, State: fleet.OutcomeDenied,
			Reason: "closed", Uncalled: uncalled,
		}
		for n := range 2 { // it comes again
			b.inbox.parcels = []dispatch.Parcel{{ID: fmt.Sprint(n), Outcome: denied}}
			_, err := b.Pass(t.Context())
			require.NoError(t, err)
			time.Sleep(600 * time.Millisecond)
		}
		require.NoError(t, b.Look(t.Context(), "ann"))
		r, err := b.orders.Order(t.Context(), "ann", a.ID)
		require.NoError(t, err)
		require.Equal(t, want, r.State)
		require.Contains(t, r.Reason, "the broker refuses the user's credentials: closed")
	}
}

func kinds(mail []fleet.Mail, kind fleet.MailKind) (n int) {
	for _, m := range mail {
		if m.Kind == kind {
			n++
		}
	}
	return n
}

// What is on its way when orders are switched off is taken back at once.
func TestWithdraw(t *testing.T) {
	b := newBench(t)
	a := b.accept("ann", "k1")
	require.NoError(t, b.orders.Halt(t.Context(), "ann", true, "a test"))
	b.mailbox.mail = nil
	b.Withdraw(t.Context(), "ann", func(err error) { require.NoError(t, err) })
	require.Equal(t, []fleet.MailKind{fleet.MailWithdraw}, b.mailbox.kinds())
	require.Equal(t, a.ID, b.mailbox.mail[0].Order.ID)
	b.mailbox.err = errors.New("away")
	var failed error
	b.Withdraw(t.Context(), "ann", func(err error) { failed = err })
	require.ErrorIs(t, failed, b.mailbox.err)
}

// An order after the end of a session is not given to the worker that was let go: it claims another one.
func TestOrderAfterTheEnd(t *testing.T) {
	b := newBench(t)
	first := b.accept("ann", "k1")
	b.inbox.parcels = []dispatch.Parcel{{ID: "1-0", Outcome: fleet.Outcome{
		Worker: "w1", Host: "h1", Life: 1, User: "ann", Epoch: b.mailbox.mail[0].Epoch, Order: first.ID, Number: 1, State: fleet.OutcomeFilled,
	}}}
	_, err := b.Collect(t.Context())
	require.NoError(t, err)
	require.NoError(t, b.Sessions.End(t.Context(), "ann"))
	b.mailbox.mail = nil
	a := b.accept("ann", "k2")
	require.Equal(t, order.Accepted, a.State)
	require.True(t, a.Claim)
	require.Empty(t, b.mailbox.kinds())
}

// counter counts what is added to counters, by name and labels.
type counter struct {
	signals.Discard
	counted map[string]float64
}

func (c *counter) Add(name signals.Counter, by float64, labels ...string) {
	c.counted[string(name)+fmt.Sprint(labels)] += by
}

// An order counts by its first end; what the broker says of it later is a correction.
func TestOrdersCountOnce(t *testing.T) {
	b := newBench(t)
	c := &counter{counted: map[string]float64{}}
	b.Signals = c
	a := b.accept("ann", "k1")
	_, err := b.Dispatcher.Cancel(t.Context(), "ann", a.ID, func(error) {})
	require.NoError(t, err)
	report := func(number uint64, state fleet.OutcomeState) {
		b.inbox.parcels = []dispatch.Parcel{{ID: "1-0", Outcome: fleet.Outcome{
			Worker: "w1", Host: "h1", Life: 1, User: "ann", Epoch: b.mailbox.mail[0].Epoch, Order: a.ID, Number: number, State: state,
		}}}
		_, err := b.Collect(t.Context())
		require.NoError(t, err)
	}
	report(1, fleet.OutcomeUnsent)
	require.Equal(t, map[string]float64{"fleet_orders_total[cancelled]": 1}, c.counted)
	report(2, fleet.OutcomeWorking)
	report(3, fleet.OutcomeFilled)
	require.Equal(t, map[string]float64{"fleet_orders_total[cancelled]": 1, "fleet_corrections_total[]": 1}, c.counted)
}

// away is a store that commits nothing.
type away struct{ *order.Memory }

func (away) Turn(context.Context, fleet.User, order.Want, func(*order.Sheet) error) error {
	return errors.New("the database is away")
}

// An outcome that could not be committed is not settled: it comes back, and is committed then.
func TestOutcomesStayUntilCommitted(t *testing.T) {
	b := newBench(t)
	a := b.accept("ann", "k1")
	reported := []dispatch.Parcel{{ID: "1-0", Outcome: fleet.Outcome{
		Worker: "w1", Host: "h1", Life: 1, User: "ann", Epoch: a.Epoch, Order: a.ID, Number: 1, State: fleet.OutcomeFilled,
	}}}
	ledger := b.Ledger
	b.Ledger, b.inbox.parcels = order.New(away{b.orders}, order.Rules{}), reported
	_, err := b.Collect(t.Context())
	require.Error(t, err)
	require.Empty(t, b.inbox.settled)
	b.Ledger, b.inbox.parcels = ledger, reported
	_, err = b.Collect(t.Context())
	require.NoError(t, err)
	require.Equal(t, []string{"1-0"}, b.inbox.settled)
}

// Mail that is lost is written anew by the pass; an order that nobody can execute for lack of credentials ends by its time.
func TestLostMailIsRepeated(t *testing.T) {
	b := newBench(t)
	b.accept("ann", "k1")
	b.mailbox.err = errors.New("the store is away")
	a := b.accept("bea", "k1")
	require.Equal(t, order.Accepted, a.State)
	b.mailbox.err = nil
	b.accept("nobody", "k1")
	require.Eventually(t, func() bool {
		report, err := b.Attend(t.Context())
		require.NoError(t, err)
		return report.Attended >= 2 && b.mailbox.kinds()[len(b.mailbox.kinds())-1] == fleet.MailOrder
	}, 5*time.Second, 10*time.Millisecond)
}

// hung is a store in which one user's turns do not end while the context does not.
type hung struct {
	*order.Memory
	user fleet.User
}

func (h hung) Turn(ctx context.Context, user fleet.User, w order.Want, do func(*order.Sheet) error) error {
	if user == h.user {
		<-ctx.Done()
		return ctx.Err()
	}
	return h.Memory.Turn(ctx, user, w, do)
}

// One user's turn that hangs holds up nobody else's orders for long, in either pass.
func TestHungTurn(t *testing.T) {
	b := newBench(t)
	a := b.accept("ann", "k1")
	b.mailbox.mail = nil
	b.accept("bea", "k1")
	b.Ledger = order.New(hung{b.orders, "bea"}, order.Rules{})
	require.Eventually(t, func() bool {
		_, err := b.Attend(t.Context())
		return err != nil && len(b.mailbox.kinds()) > 0
	}, 20*time.Second, 10*time.Millisecond)
	b.inbox.parcels = []dispatch.Parcel{
		{ID: "1", Outcome: fleet.Outcome{User: "bea", Epoch: 1, Order: "o", Number: 1, State: fleet.OutcomeFilled}},
		{ID: "2", Outcome: fleet.Outcome{User: "ann", Epoch: a.Epoch, Order: a.ID, Number: 1, State: fleet.OutcomeFilled}},
	}
	_, err := b.Collect(t.Context())
	require.ErrorIs(t, err, context.DeadlineExceeded)
	require.Equal(t, []string{"2"}, b.inbox.settled)
}

// endless is an inbox that always has another outcome.
type endless struct{ inbox }

func (e *endless) Take(context.Context, int) ([]dispatch.Parcel, error) {
	return []dispatch.Parcel{{ID: "1", Outcome: fleet.Outcome{User: "ann", Epoch: 1, Order: "o", Number: 1, State: fleet.OutcomeFilled}}}, nil
}

// A pass ends although there are always more outcomes.
func TestPassEnds(t *testing.T) {
	b := newBench(t)
	b.Inbox = &endless{}
	report, err := b.Pass(t.Context())
	require.NoError(t, err)
	require.Equal(t, 1, report.Outcomes)
}

// The switch in the ledger is shown to the agents.
func TestSwitch(t *testing.T) {
	b := newBench(t)
	require.NoError(t, b.orders.Halt(t.Context(), "ann", true, "one user's"))
	_, err := b.Attend(t.Context())
	require.NoError(t, err)
	require.False(t, b.inbox.halted)
	require.NoError(t, b.orders.Halt(t.Context(), "", true, "all"))
	_, err = b.Attend(t.Context())
	require.NoError(t, err)
	require.True(t, b.inbox.halted)
}

// An order whose mail cannot be posted is accepted all the same, and handed on, even if its client is gone.
func TestHandOn(t *testing.T) {
	b := newBench(t)
	b.mailbox.err = errors.New("the store is away")
	var handedOn []fleet.OrderID
	b.HandOn = func(ctx context.Context, user fleet.User, id fleet.OrderID) error {
		require.NoError(t, ctx.Err())
		require.Equal(t, fleet.User("ann"), user)
		handedOn = append(handedOn, id)
		return nil
	}
	a := b.accept("ann", "k1")
	require.Equal(t, []fleet.OrderID{a.ID}, handedOn)
	b.mailbox.err = nil
	require.NoError(t, b.Look(t.Context(), "ann"))
	require.Equal(t, []fleet.MailKind{fleet.MailOrder}, b.mailbox.kinds())
}

// A session that ended in the index alone leaves its row open; whoever looks at an order that is still to be followed finds
// that its worker has another life, and has the user served again.
func TestOrderOutlivesItsSession(t *testing.T) {
	b := newBench(t)
	b.accept("ann", "k1")
	ended, open, err := b.authority.Current(t.Context(), "ann")
	require.NoError(t, err)
	require.True(t, open)
	key, err := seal.NewKey()
	require.NoError(t, err)
	store := b.Sessions.Claims.(*claim.Memory)
	require.NoError(t, store.Release(t.Context(), "ann", ended.Epoch)) // in the index alone: the rest of its end was lost
	_, err = store.Register(t.Context(), claim.Registration{Worker: "w1", Host: "h1", Life: 2, Key: key.Public()}, claim.DefaultTerms())
	require.NoError(t, err)
	require.Eventually(t, func() bool {
		_, err := b.Attend(t.Context())
		require.NoError(t, err)
		now, open, err := b.authority.Current(t.Context(), "ann")
		require.NoError(t, err)
		return open && now.Epoch > ended.Epoch && now.Life == 2
	}, 10*time.Second, 20*time.Millisecond)
}
