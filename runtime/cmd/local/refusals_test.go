package main

import (
	"bytes"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"workerfleet/runtime/fleet"
	"workerfleet/runtime/paper"
	"workerfleet/runtime/webhook"
)

// trader is a day of one user with some orders, before an API that answers each with what it is told to.
func trader(t *testing.T, orders int, hook int, answer func(w http.ResponseWriter, n int)) *day {
	t.Helper()
	var n atomic.Int64
	api := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/v1/webhooks" {
			w.WriteHeader(hook)
			_, _ = w.Write([]byte(`{"path":"/v1/webhooks/x","secret":"s"}`))
			return
		}
		answer(w, int(n.Add(1)))
	}))
	t.Cleanup(api.Close)
	x, err := paper.NewExchange(paper.Rules{})
	require.NoError(t, err)
	p := &platform{options: options{users: 1, orders: orders, seed: 1}, servers: &servers{}, accounts: newAccounts(), exchange: x, urls: []string{api.URL}}
	p.tokens.Secret = []byte("the secret of a test's tokens, long enough")
	d := &day{platform: p, client: api.Client(), sessions: map[fleet.User]opened{}, trading: newTrading()}
	t.Cleanup(d.client.CloseIdleConnections)
	return d
}

// A day on which nothing was accepted is not clean, although nothing was lost either, and it says what was answered instead.
func TestAllRefused(t *testing.T) {
	d := trader(t, 1, http.StatusCreated, func(w http.ResponseWriter, n int) {
		w.WriteHeader(http.StatusUnauthorized)
		_, _ = w.Write([]byte(`{"title":"Not signed"}`))
	})
	require.NoError(t, d.trade(t.Context(), time.Millisecond))
	d.trading.judged = true // there is nothing to judge
	s := d.summary()
	require.False(t, s.clean())
	require.Equal(t, 1, s.Wanted)
	require.Zero(t, s.Orders)
	require.Positive(t, s.Refused)
	require.Equal(t, map[string]int{"401 Not signed": s.Refused}, s.Refusals)
	var out bytes.Buffer
	require.NoError(t, s.print(&out, false))
	require.Contains(t, out.String(), "\n0 of 1 orders accepted")
	require.Contains(t, out.String(), "\n  refused      401 Not signed: "+strconv.Itoa(s.Refused)+"\n")
}

// A delivery that is refused once, among others that are taken, is told.
func TestOneRefused(t *testing.T) {
	const orders = 8
	d := trader(t, orders, http.StatusCreated, func(w http.ResponseWriter, n int) {
		if n == 3 {
			w.WriteHeader(http.StatusForbidden)
			return
		}
		w.WriteHeader(http.StatusAccepted)
		_, _ = w.Write([]byte(`{"id":"o` + strconv.Itoa(n) + `"}`))
	})
	for n := range orders {
		require.NoError(t, d.deliver(t.Context(), ask{strconv.Itoa(n), d.user(0), d.byAPI(d.user(0), "{}")}))
	}
	require.Equal(t, map[string]int{"403 ": 1}, d.trading.refusals)
	require.Len(t, d.trading.accepted, orders-1)
}

// A user who gets no webhook sends nothing, and the day fails.
func TestNoWebhook(t *testing.T) {
	d := trader(t, 1, http.StatusConflict, func(http.ResponseWriter, int) {})
	require.ErrorContains(t, d.trade(t.Context(), time.Millisecond), "make a webhook for user-1: status 409")
}

// Who repeats a delivery after the five minutes that a signature is good for is refused, and deserves it; nobody else does.
func TestStaleDeliveries(t *testing.T) {
	now := time.Date(2026, 3, 2, 12, 0, 0, 0, time.UTC)
	at := func(age time.Duration) string { return strconv.FormatInt(now.Add(-age).Unix(), 10) }
	old := at(webhook.Window + time.Second)
	for name, c := range map[string]struct {
		status int
		known  bool
		signed string
		stale  int
	}{
		"repeated late":            {http.StatusUnauthorized, true, old, 1},
		"repeated in time":         {http.StatusUnauthorized, true, at(webhook.Window), 0},
		"the first one, late":      {http.StatusUnauthorized, false, old, 0},
		"repeated late by the API": {http.StatusUnauthorized, true, "", 0},
		"forbidden":                {http.StatusForbidden, true, old, 0},
	} {
		t.Run(name, func(t *testing.T) {
			trading := newTrading()
			if c.known {
				trading.named["ann n-1"] = map[fleet.OrderID]bool{"o1": true}
			}
			trading.refuse(ask{name: "ann n-1", user: "ann"}, answered{status: c.status, signed: c.signed}, now)
			require.Equal(t, []int{c.stale, 1 - c.stale}, []int{trading.stale, trading.refused})
		})
	}
}

// Each count that must be 0 makes a day unclean, as does what was not judged.
func TestClean(t *testing.T) {
	clean := summary{Judged: true, Orders: 3, Wanted: 3, Stale: 1, Landed: 1}
	require.True(t, clean.clean())
	for name, spoil := range map[string]func(s *summary){
		"nothing accepted": func(s *summary) { s.Orders = 0 }, "one not accepted": func(s *summary) { s.Orders = 2 },
		"not judged": func(s *summary) { s.Judged = false }, "two workers": func(s *summary) { s.DoubleAssigned = 1 },
		"user lost": func(s *summary) { s.Lost = 1 }, "refused": func(s *summary) { s.Refused = 1 },
		"twice": func(s *summary) { s.Duplicates = 1 }, "order lost": func(s *summary) { s.LostOrders = 1 },
		"no end": func(s *summary) { s.Unresolved = 1 }, "given up": func(s *summary) { s.Unknown = 1 },
		"disagree": func(s *summary) { s.Disagreements = 1 }, "out of order": func(s *summary) { s.OutOfOrder = 1 },
		"fenced": func(s *summary) { s.FencedCalls = 1 }, "one not killed": func(s *summary) { s.Spared = 1 },
	} {
		s := clean
		spoil(&s)
		require.False(t, s.clean(), name)
	}
	var out strings.Builder
	require.NoError(t, summary{Unknown: 7, Landed: 8, Spared: 9}.print(&out, false))
	for _, said := range []string{"given up: 7;", "landed late, as the worker had been stopped in that moment: 8\n", "orders were not judged",
		"missing      9 of the workers that were to be killed"} {
		require.Contains(t, out.String(), said)
	}
}
