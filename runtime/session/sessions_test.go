package session_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"workerfleet/runtime/claim"
	"workerfleet/runtime/fleet"
	"workerfleet/runtime/seal"
	"workerfleet/runtime/session"
	"workerfleet/runtime/session/sessiontest"
)

// The in-memory authority keeps the contract of all authorities.
func TestMemory(t *testing.T) {
	sessiontest.Run(t, func(*testing.T) session.Authority { return session.NewMemory() })
}

// The in-memory authority knows who is idle as all do.
func TestMemoryPresence(t *testing.T) {
	sessiontest.RunPresence(t, func(*testing.T) sessiontest.PresenceBench {
		type kept struct {
			mayChange bool
			changed   time.Time
		}
		orders := map[fleet.User][]kept{}
		m := session.NewMemory()
		m.Busy = func(user fleet.User, since time.Time) bool {
			for i, o := range orders[user] {
				if o.mayChange || i == len(orders[user])-1 && o.changed.After(since) {
					return true
				}
			}
			return false
		}
		return sessiontest.PresenceBench{
			Authority: m, Presence: m,
			Order: func(user fleet.User, mayChange bool) {
				orders[user] = append(orders[user], kept{mayChange, time.Now()})
			},
			Age: func(by time.Duration) {
				m.Age(by)
				for _, all := range orders {
					for i := range all {
						all[i].changed = all[i].changed.Add(-by)
					}
				}
			},
		}
	})
}

// vault holds credentials in the open.
type vault map[fleet.User]string

func (v vault) Credentials(_ context.Context, user fleet.User) ([]byte, error) {
	secret, ok := v[user]
	if !ok {
		return nil, session.ErrNoCredentials
	}
	return []byte(secret), nil
}

// mailbox keeps what was posted; while err is set it keeps nothing and fails.
type mailbox struct {
	mail []fleet.Mail
	err  error
}

func (m *mailbox) Post(_ context.Context, _ fleet.Host, mail fleet.Mail) error {
	if m.err != nil {
		return m.err
	}
	m.mail = append(m.mail, mail)
	return nil
}

// bench is one claim path over in-memory parts.
type bench struct {
	*session.Sessions
	t         *testing.T
	store     *claim.Memory
	authority *session.Memory
	mailbox   *mailbox
	keys      map[fleet.Worker]seal.Key
}

func newBench(t *testing.T) *bench {
	b := &bench{t: t, store: claim.NewMemory(), authority: session.NewMemory(), mailbox: &mailbox{}, keys: map[fleet.Worker]seal.Key{}}
	_, err := b.store.Open(t.Context(), "test")
	require.NoError(t, err)
	b.Sessions = session.New(session.Config{
		Claims: b.store, Directory: b.store, Authority: b.authority, Mailbox: b.mailbox, Terms: claim.DefaultTerms(),
		Vault: vault{"ann": "ann's secret", "bea": "bea's secret"},
	})
	return b
}

func (b *bench) idle(worker fleet.Worker, life fleet.Life) {
	b.t.Helper()
	key, err := seal.NewKey()
	require.NoError(b.t, err)
	b.keys[worker] = key
	standing, err := b.store.Register(b.t.Context(), claim.Registration{Worker: worker, Host: "h1", Life: life, Key: key.Public()}, b.Terms)
	require.NoError(b.t, err)
	require.Equal(b.t, claim.Ok, standing)
}

func (b *bench) claim(user fleet.User) session.Progress {
	b.t.Helper()
	p, err := b.Claim(b.t.Context(), claim.Request{User: user}, "api-1")
	require.NoError(b.t, err)
	return p
}

// A claim delivers credentials that only its worker opens, once; when the worker has confirmed, the session is ready.
func TestClaimDelivers(t *testing.T) {
	b := newBench(t)
	require.Equal(t, session.Progress{}, b.claim("ann"), "an empty pool queues")
	b.idle("w1", 1)
	p := b.claim("ann")
	require.False(t, p.Ready())
	require.Equal(t, p, b.claim("ann"), "asking again")
	require.Len(t, b.mailbox.mail, 1, "the assignment was delivered twice")
	mail := b.mailbox.mail[0]
	require.Equal(t, fleet.Mail{Kind: fleet.MailAssign, Worker: "w1", Life: 1, User: "ann", Epoch: p.Bound.Epoch, Sealed: mail.Sealed, ReplyTo: "api-1", BeginAt: 1}, mail)
	opened, err := b.keys["w1"].Open(seal.Context{User: "ann", Worker: "w1", Life: 1, Epoch: p.Bound.Epoch}, mail.Sealed)
	require.NoError(t, err)
	require.Equal(t, "ann's secret", string(opened))

	current, open, err := b.authority.Current(t.Context(), "ann")
	require.NoError(t, err)
	require.True(t, open)
	require.Equal(t, session.Session{User: "ann", Epoch: p.Bound.Epoch, Worker: "w1", Host: "h1", Life: 1}, current)
	require.NoError(t, b.store.Confirm(t.Context(), "w1", 1, p.Bound.Epoch))
	require.True(t, b.claim("ann").Ready())
}

// An epoch that the database has overtaken – the index lost its last one – is undone and the floor lifted, so that the
// next try passes. Without the floor it would never.
func TestOvertakenEpochIsLifted(t *testing.T) {
	b := newBench(t)
	far := fleet.Epoch(time.Now().Add(24*time.Hour).UnixMilli()) * 4096
	require.NoError(t, b.authority.Begin(t.Context(), session.Session{User: "ann", Epoch: far, Worker: "old"}, 0))
	require.NoError(t, b.authority.Close(t.Context(), "ann", far))
	b.idle("w1", 1)
	b.idle("w2", 1)
	p := b.claim("ann")
	require.NotNil(t, p.Bound)
	require.Equal(t, far+1, p.Bound.Epoch)
	require.Len(t, b.mailbox.mail, 1, "a worker heard of the epoch that was undone")
}

// While another worker may act for the user nobody else does: the claim is undone and says how long; it passes at once
// when the predecessor is proven gone, by its next life.
func TestPredecessorIsAwaited(t *testing.T) {
	b := newBench(t)
	b.idle("w1", 1)
	first := b.claim("ann")
	require.NoError(t, b.store.Confirm(t.Context(), "w1", 1, first.Bound.Epoch))
	require.NoError(t, b.End(t.Context(), "ann"))
	require.Equal(t, fleet.MailRelease, b.mailbox.mail[1].Kind)
	require.Equal(t, first.Bound.Epoch, b.mailbox.mail[1].Epoch)

	b.idle("w2", 1)
	p := b.claim("ann")
	require.Nil(t, p.Bound)
	require.Greater(t, p.Wait, 16*time.Second)
	require.Len(t, b.mailbox.mail, 2, "a second worker was told of the user")

	require.NotNil(t, b.claim("bea").Bound, "a claim that must wait keeps no worker from others")

	b.idle("w1", 2) // it has reset itself
	p = b.claim("ann")
	require.NotNil(t, p.Bound, "the predecessor's next life proves that it is gone")
	require.Len(t, b.mailbox.mail, 4)
}

// A user without credentials gets a clear error and keeps no worker from others.
func TestNoCredentials(t *testing.T) {
	b := newBench(t)
	b.idle("w1", 1)
	_, err := b.Claim(t.Context(), claim.Request{User: "stranger"}, "")
	require.ErrorIs(t, err, session.ErrNoCredentials)
	_, open, err := b.authority.Current(t.Context(), "stranger")
	require.NoError(t, err)
	require.False(t, open)
	require.NotNil(t, b.claim("ann").Bound)
}

// An outcome that is not known is not undone: the worker may have the mail. The binding is delivered again, by the
// user's next request or the keeper.
func TestUnknownPostIsRepeated(t *testing.T) {
	b := newBench(t)
	b.idle("w1", 1)
	b.mailbox.err = errors.New("connection lost")
	_, err := b.Claim(t.Context(), claim.Request{User: "ann"}, "")
	require.ErrorIs(t, err, b.mailbox.err)
	b.mailbox.err = nil
	p := b.claim("ann")
	require.True(t, p.Bound.Sent)
	require.Len(t, b.mailbox.mail, 1)
}

// A worker that registered garbage for a key is given nobody, and its user another one.
func TestBadKey(t *testing.T) {
	b := newBench(t)
	_, err := b.store.Register(t.Context(), claim.Registration{Worker: "w1", Host: "h1", Life: 1, Key: "garbage"}, b.Terms)
	require.NoError(t, err)
	_, err = b.Claim(t.Context(), claim.Request{User: "ann"}, "")
	require.ErrorContains(t, err, "the worker's key is no key")
	b.idle("w2", 1)
	require.Equal(t, fleet.Worker("w2"), b.claim("ann").Bound.Worker)
}

// Ending a session twice, or one that never was, is harmless; ending a wait leaves the queue.
func TestEnd(t *testing.T) {
	b := newBench(t)
	require.NoError(t, b.End(t.Context(), "ann"))
	b.claim("ann")
	require.NoError(t, b.End(t.Context(), "ann"))
	b.idle("w1", 1)
	require.Equal(t, fleet.Worker("w1"), b.claim("bea").Bound.Worker, "the departed user was served")
	for range 2 {
		require.NoError(t, b.End(t.Context(), "bea"))
	}
}
