package main

import (
	"context"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"workerfleet/runtime/fleet"
	"workerfleet/runtime/order"
)

// serving says whether somebody acts for the user, under which epoch.
func (p *product) serving(user fleet.User) (fleet.Epoch, bool) {
	p.Helper()
	s, open, err := p.path.Database.Current(p.Context(), user)
	require.NoError(p, err)
	return s.Epoch, open
}

// Of three users one does nothing, one has an order at the exchange, and one listens to events. The first one's session
// ends by itself, its worker logs out and serves others; the others' go on. An order brings the first one back.
func TestIdleSessionEnds(t *testing.T) {
	o := quick(3, 4, 1)
	o.embedded, o.orders, o.idle = true, 10, 8*time.Second // a stream is looked at every five
	p := startProduct(t, o)
	p.serveAll()
	away, trades, listens := p.user(0), p.user(1), p.user(2)
	limit := `{"symbol":"SYM1","side":"buy","quantity":"1","type":"limit","limitPrice":"0.01","timeInForce":"gtc","id":"waits"}`
	require.NoError(t, p.deliver(t.Context(), ask{"waits", trades, p.byAPI(trades, limit)}))
	ctx, hangUp := context.WithCancel(t.Context())
	defer hangUp()
	r, err := p.authorized(ctx, http.MethodGet, "/v1/events", listens, nil)
	require.NoError(t, err)
	patient := p.platform.client()
	patient.Timeout = 0
	defer patient.CloseIdleConnections()
	stream, err := patient.Do(r)
	require.NoError(t, err)
	defer func() { _ = stream.Body.Close() }()

	before, open := p.serving(away)
	require.True(t, open)
	p.within(time.Minute, "an idle session ends", func(context.Context) bool {
		_, open := p.serving(away)
		return !open && p.accounts.logins() == 2
	})
	p.within(time.Minute, "its row is closed", func(ctx context.Context) bool {
		left, err := p.path.Database.Dismissed(ctx, time.Hour, 10)
		return err == nil && len(left) == 0
	})
	time.Sleep(3 * o.idle / 2)
	for _, user := range []fleet.User{trades, listens} {
		_, open := p.serving(user)
		require.True(t, open, "the session of %s has ended", user)
	}
	require.NoError(t, p.deliver(t.Context(), p.named(away, "back")))
	p.filled(away, "back")
	after, open := p.serving(away)
	require.True(t, open)
	require.Greater(t, after, before)
}

// filled waits until a user's named order is.
func (p *product) filled(user fleet.User, name string) {
	p.Helper()
	for id := range p.trading.named[string(user)+" "+name] {
		p.are([]fleet.OrderID{id}, order.Filled)
	}
}

// told lists the states that the user was told of a named order.
func (p *product) told(user fleet.User, name string) (states []order.State) {
	p.Helper()
	events, err := p.path.Reader.Events(p.Context(), user, 0, 100)
	require.NoError(p, err)
	for _, e := range events {
		if p.trading.named[string(user)+" "+name][e.Order] {
			states = append(states, e.State)
		}
	}
	return states
}

// An order that comes at once after the user has ended the session is not lost with it: another worker executes it, and
// nobody else was asked to. That an order was marked for the worker that was let go shows as its being unknown, when the mark's
// ten seconds are over, or as its second mark.
func TestOrderAfterTheEnd(t *testing.T) {
	o := quick(1, 2, 1)
	o.embedded, o.orders = true, 10
	p := startProduct(t, o)
	p.serveAll()
	user := p.user(0)
	before, _ := p.serving(user)
	for _, name := range []string{"1", "2", "3"} {
		require.Equal(t, http.StatusNoContent, p.leave(user))
		require.NoError(t, p.deliver(t.Context(), p.named(user, name)))
		p.filled(user, name)
		require.Equal(t, []order.State{order.Accepted, order.Dispatched}, p.told(user, name)[:2])
		require.NotContains(t, p.told(user, name)[2:], order.Dispatched, "it was marked for the worker that was let go, too")
		require.NotContains(t, p.told(user, name), order.Unknown, "the worker that was let go was asked")
		after, _ := p.serving(user)
		require.Greater(t, after, before)
		before = after
	}
	p.agrees(nil)
}
