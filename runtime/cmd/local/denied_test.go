package main

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"workerfleet/runtime/fleet"
	"workerfleet/runtime/order"
	"workerfleet/runtime/paper"
	"workerfleet/runtime/session"
)

// The exchange refuses a user's credentials. That is remembered: what waits is rejected with the reason, requests are
// refused, and no worker tries again; once others are stored all is as before.
func TestDeniedCredentials(t *testing.T) {
	o := quick(1, 3, 1)
	o.embedded, o.orders = true, 10
	p := startProduct(t, o)
	user := p.user(0)
	store := func(more string) {
		t.Helper()
		require.NoError(t, p.path.Vault.Deposit(t.Context(), user, fmt.Appendf(nil, `{"account":%q,"note":%q}`, user, more)))
		time.Sleep(session.KeptBefore)
	}
	tries := func() (n int) {
		for _, s := range p.exchange.Seen() {
			if s.Call == paper.Login && s.User == user {
				n++
			}
		}
		return n
	}
	store("refused")
	require.NoError(t, p.deliver(t.Context(), p.named(user, "early")))
	for id := range p.trading.named[string(user)+" early"] {
		p.are([]fleet.OrderID{id}, order.Rejected)
		r, err := p.path.Database.Order(t.Context(), user, id)
		require.NoError(t, err)
		require.Contains(t, r.Reason, "the broker refuses the user's credentials")
	}
	before := tries()
	require.Positive(t, before)
	var err error
	require.Eventually(t, func() bool { // the refusal is noted before the session that it ends
		_, _, err = p.ask(t.Context(), p.tokens.Token(user, time.Now().Add(time.Minute)))
		return err != nil
	}, 10*time.Second, 50*time.Millisecond)
	require.ErrorContains(t, err, "status 409")
	require.ErrorContains(t, err, "store others first")
	require.NoError(t, p.deliver(t.Context(), p.named(user, "refused")))
	require.Equal(t, 1, p.trading.refused)
	time.Sleep(3 * time.Second) // several looks
	require.Equal(t, before, tries(), "a worker tries again")

	store("taken")
	require.NoError(t, p.deliver(t.Context(), p.named(user, "late")))
	p.filled(user, "late")
	require.Equal(t, before+1, tries())
}
