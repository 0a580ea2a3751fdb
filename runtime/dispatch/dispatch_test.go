package dispatch_test

import (
	"context"
	"errors"
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

// A session that its user has ended leaves its row open; whoever looks at an order that is still to be followed finds that
// its worker has another life, and has the user served again.
func TestOrderOutlivesItsSession(t *testing.T) {
	b := newBench(t)
	b.accept("ann", "k1")
	ended, open, err := b.authority.Current(t.Context(), "ann")
	require.NoError(t, err)
	require.True(t, open)
	require.NoError(t, b.Sessions.End(t.Context(), "ann"))
	key, err := seal.NewKey()
	require.NoError(t, err)
	store := b.Sessions.Claims.(*claim.Memory)
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
