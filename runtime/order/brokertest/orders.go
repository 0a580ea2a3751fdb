package brokertest

import (
	"bytes"
	"strings"

	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/require"

	"workerfleet/runtime/fleet"
	"workerfleet/runtime/order"
)

func credentials(b *bench) {
	for _, wrong := range [][]byte{b.Rejected, nil} {
		_, err := b.Login(b.ctx, holder, wrong)
		require.ErrorIs(b, err, order.ErrCredentials)
		for _, word := range strings.FieldsFunc(string(wrong), func(r rune) bool { return strings.ContainsRune(`{}":, `, r) }) {
			if len(word) > 7 {
				require.NotContains(b, err.Error(), word, "an error is logged: it names no secret")
			}
		}
	}
	b.login()
}

func credentialsAreCopied(b *bench) {
	given := bytes.Clone(b.Accepted)
	account, err := b.Login(b.ctx, holder, given)
	require.NoError(b, err)
	clear(given)
	b.place(account, b.buy())
	require.NoError(b, account.Logout(b.ctx))
}

func market(b *bench) {
	account, ticket := b.login(), b.buy()
	placed := b.place(account, ticket)
	report := b.found(account, ticket.ClientID, fleet.OutcomeFilled)
	require.Equal(b, placed.BrokerID, report.BrokerID)
	require.Greater(b, len(report.Fills), 1)
	require.True(b, ticket.Quantity.Equal(total(report.Fills)), "%v", report.Fills)
	for _, f := range report.Fills {
		require.True(b, f.Price.IsPositive() && f.Quantity.IsPositive() && !f.At.IsZero(), "%+v", f)
	}
	again, err := account.Find(b.ctx, ticket.ClientID)
	require.NoError(b, err)
	require.Equal(b, report, again, "fills keep their names")
	require.NoError(b, account.Cancel(b.ctx, ticket.ClientID), "what has ended can be cancelled without error")
	require.Equal(b, report, b.found(account, ticket.ClientID, fleet.OutcomeFilled))
}

func limit(b *bench) {
	account, ticket := b.login(), b.wait()
	require.Equal(b, fleet.OutcomeWorking, b.place(account, ticket).State)
	require.Empty(b, b.found(account, ticket.ClientID, fleet.OutcomeWorking).Fills)
	require.NoError(b, account.Cancel(b.ctx, ticket.ClientID))
	require.Empty(b, b.found(account, ticket.ClientID, fleet.OutcomeCancelled).Fills)

	ticket = b.buy()
	ticket.Type, ticket.LimitPrice = fleet.Limit, decimal.NewFromInt(100_000)
	b.place(account, ticket)
	report := b.found(account, ticket.ClientID, fleet.OutcomeFilled)
	require.True(b, report.Fills[0].Price.LessThanOrEqual(ticket.LimitPrice))
}

func immediate(b *bench) {
	account, ticket := b.login(), b.wait()
	ticket.TimeInForce = fleet.ImmediateOrCancel
	b.place(account, ticket)
	require.Empty(b, b.found(account, ticket.ClientID, fleet.OutcomeCancelled).Fills)
}

func refusal(b *bench) {
	account, ticket := b.login(), b.buy()
	ticket.Quantity = decimal.New(1, 12)
	_, err := account.Place(b.ctx, ticket)
	var refused *order.Refused
	require.ErrorAs(b, err, &refused)
	require.NotEmpty(b, refused.Reason)
	_, err = account.Find(b.ctx, ticket.ClientID)
	require.ErrorIs(b, err, order.ErrAbsent)
}

func repeated(b *bench) {
	account, ticket := b.login(), b.buy()
	b.place(account, ticket)
	b.found(account, ticket.ClientID, fleet.OutcomeFilled)
	_, err := account.Place(b.ctx, ticket)
	want := ticket.Quantity
	if b.Traits().RefusesRepeats {
		require.ErrorIs(b, err, order.ErrRepeated)
	} else {
		require.NoError(b, err, "it is another order")
		want = want.Add(want)
	}
	b.found(account, ticket.ClientID, fleet.OutcomeFilled)
	got, err := account.Position(b.ctx, ticket.Symbol)
	require.NoError(b, err)
	require.True(b, want.Equal(got), "%s", got)
}

func absent(b *bench) {
	account := b.login()
	_, err := account.Find(b.ctx, b.buy().ClientID)
	require.ErrorIs(b, err, order.ErrAbsent)
	require.ErrorIs(b, account.Cancel(b.ctx, b.buy().ClientID), order.ErrAbsent)
}

func position(b *bench) {
	account := b.login()
	holds := func(want int64) {
		b.Helper()
		got, err := account.Position(b.ctx, "ACME")
		require.NoError(b, err)
		require.True(b, decimal.NewFromInt(want).Equal(got), "%s, not %d", got, want)
	}
	holds(0)
	ticket := b.buy()
	b.place(account, ticket)
	b.found(account, ticket.ClientID, fleet.OutcomeFilled)
	holds(10)
	for range 2 {
		ticket = b.buy()
		ticket.Side = fleet.Sell
		b.place(account, ticket)
		b.found(account, ticket.ClientID, fleet.OutcomeFilled)
	}
	holds(-10)
}
