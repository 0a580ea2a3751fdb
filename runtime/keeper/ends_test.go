package keeper_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"workerfleet/runtime/claim"
	"workerfleet/runtime/fleet"
	"workerfleet/runtime/keeper"
	"workerfleet/runtime/session"
)

const idle = 30 * time.Minute

// ends are rounds over the bench's parts.
func (b *bench) ends() func() keeper.EndsReport {
	e := keeper.NewEnds(keeper.EndsConfig{Presence: b.authority, Sessions: b.Sessions, Idle: idle})
	return func() keeper.EndsReport {
		b.t.Helper()
		r, err := e.Pass(b.t.Context())
		require.NoError(b.t, err)
		return r
	}
}

func (b *bench) serves(user fleet.User) bool {
	b.t.Helper()
	_, open, err := b.authority.Current(b.t.Context(), user)
	require.NoError(b.t, err)
	return open
}

// A session ends when its user was not seen for the idle time, and no sooner; its row is closed when its worker is known to
// be out of it, and its worker serves somebody else.
func TestIdleSessionsEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t)
		b.pass()
		b.idle("w1")
		b.idle("w2")
		first := b.serving("ann")
		b.serving("bea")
		round := b.ends()
		time.Sleep(idle)
		require.NoError(t, b.authority.Seen(t.Context(), "bea", session.Pace(idle)))
		require.Empty(t, round().Left, "what is seen within a pace is not told")
		time.Sleep(session.Pace(idle))
		require.Equal(t, keeper.EndsReport{Left: []fleet.User{"ann"}}, round())
		require.False(t, b.serves("ann"))
		require.True(t, b.serves("bea"))
		require.Equal(t, keeper.EndsReport{}, round(), "its worker is not out of it yet")
		b.register(claim.Registration{Worker: first.Worker, Host: "h1", Life: 2})
		require.Equal(t, keeper.EndsReport{Closed: 1}, round())
		require.Equal(t, keeper.EndsReport{}, round())
		require.Greater(t, b.serving("cid").Epoch, first.Epoch)
	})
}

// Who has an order that may change is not idle, and without an idle time nobody is.
func TestBusySessionsGoOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t)
		b.pass()
		b.idle("w1")
		b.serving("ann")
		busy := true
		b.authority.Busy = func(fleet.User, time.Time) bool { return busy }
		round := b.ends()
		time.Sleep(24 * time.Hour)
		require.Empty(t, round().Left)
		busy = false
		r, err := keeper.NewEnds(keeper.EndsConfig{Presence: b.authority, Sessions: b.Sessions}).Pass(t.Context())
		require.NoError(t, err)
		require.Empty(t, r.Left)
		require.Equal(t, []fleet.User{"ann"}, round().Left)
	})
}

// late is an authority whose list of idle sessions is old by the time that it is read.
type late struct {
	*session.Memory
	meanwhile func()
}

func (l late) Idle(ctx context.Context, unseen time.Duration, after fleet.User, limit int) ([]session.Session, error) {
	found, err := l.Memory.Idle(ctx, unseen, after, limit)
	l.meanwhile()
	return found, err
}

// A session that its user has begun while another one was found idle goes on.
func TestEndsMeanAnEpoch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t)
		b.pass()
		b.idle("w1")
		b.idle("w2")
		first := b.serving("ann")
		time.Sleep(2 * idle)
		var second claim.Binding
		e := keeper.NewEnds(keeper.EndsConfig{Presence: late{b.authority, func() {
			if second.Epoch == 0 {
				require.NoError(t, b.Sessions.End(t.Context(), "ann"))
				b.register(claim.Registration{Worker: first.Worker, Host: "h1", Life: 2})
				second = b.serving("ann")
			}
		}}, Sessions: b.Sessions, Idle: idle})
		_, err := e.Pass(t.Context())
		require.NoError(t, err)
		current, open, err := b.authority.Current(t.Context(), "ann")
		require.NoError(t, err)
		require.True(t, open)
		require.Equal(t, second.Epoch, current.Epoch)
	})
}

// A worker that the word of its session's end did not reach is told again, and other sessions end meanwhile.
func TestLostEndIsRepeated(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t)
		b.pass()
		b.idle("w1")
		first := b.serving("ann")
		time.Sleep(2 * idle)
		b.mailbox.fail(errors.New("away"))
		e := keeper.NewEnds(keeper.EndsConfig{Presence: b.authority, Sessions: b.Sessions, Idle: idle})
		_, err := e.Pass(t.Context())
		require.ErrorContains(t, err, "away")
		b.mailbox.fail(nil)
		require.Zero(t, b.mailbox.released(first.Epoch))
		_, err = e.Pass(t.Context())
		require.NoError(t, err)
		require.Equal(t, 1, b.mailbox.released(first.Epoch))
		time.Sleep(time.Hour)
		_, err = e.Pass(t.Context())
		require.NoError(t, err)
		require.Equal(t, 1, b.mailbox.released(first.Epoch), "it is told for ever")
	})
}
