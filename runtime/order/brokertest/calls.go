package brokertest

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"workerfleet/runtime/fleet"
	"workerfleet/runtime/order"
)

// listen reads news until an order ends, and returns the fills that they brought.
func (b *bench) listen(a order.Account, id string) (fills []fleet.Fill, state fleet.OutcomeState) {
	b.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, settled)
	defer cancel()
	for {
		report, err := a.Next(ctx)
		require.NoError(b, err, "no word of the end of %s", id)
		if report.ClientID != id {
			continue
		}
		require.True(b, report.State.Evidence())
		fills = append(fills, report.Fills...)
		if report.State != fleet.OutcomeWorking {
			return fills, report.State
		}
	}
}

// begin opens the stream of news: what comes before the first wait may be missed.
func (b *bench) begin(a order.Account) {
	b.Helper()
	until := time.Now().Add(settled)
	for {
		ticket := b.wait()
		b.place(a, ticket)
		require.NoError(b, a.Cancel(b.ctx, ticket.ClientID))
		ctx, cancel := context.WithTimeout(b.ctx, 200*time.Millisecond)
		_, err := a.Next(ctx)
		cancel()
		if err == nil {
			return
		}
		require.True(b, time.Now().Before(until), "no news: %v", err)
	}
}

func news(b *bench) {
	account := b.login()
	b.begin(account)
	ticket := b.buy()
	b.place(account, ticket)
	fills, state := b.listen(account, ticket.ClientID)
	require.Equal(b, fleet.OutcomeFilled, state)
	report := b.found(account, ticket.ClientID, fleet.OutcomeFilled)
	require.True(b, ticket.Quantity.Equal(total(append(fills, report.Fills...))), "news and look-ups name a fill alike")
	require.True(b, ticket.Quantity.Equal(total(fills)))

	ticket = b.wait()
	b.place(account, ticket)
	require.NoError(b, account.Cancel(b.ctx, ticket.ClientID))
	_, state = b.listen(account, ticket.ClientID)
	require.Equal(b, fleet.OutcomeCancelled, state)
}

func newsEnd(b *bench) {
	account := b.login()
	for range 2 {
		ctx, cancel := context.WithTimeout(b.ctx, 50*time.Millisecond)
		began := time.Now()
		_, err := account.Next(ctx)
		cancel()
		require.Error(b, err)
		require.Less(b, time.Since(began), 5*time.Second)
	}
}

func lostAnswer(b *bench) {
	account, ticket := b.login(), b.buy()
	b.Lose(b.T)
	_, err := account.Place(b.ctx, ticket)
	b.doubtful(err)
	b.found(account, ticket.ClientID, fleet.OutcomeFilled)
}

func noAnswer(b *bench) {
	account, ticket := b.login(), b.buy()
	b.Mute(b.T)
	ctx, cancel := context.WithCancel(b.ctx)
	defer cancel()
	before := b.Arrived()
	go func() {
		for b.Arrived() == before && ctx.Err() == nil {
			time.Sleep(time.Millisecond)
		}
		cancel() // once it has arrived: before, nothing would be in doubt
	}()
	_, err := account.Place(ctx, ticket)
	b.doubtful(err)
	require.Error(b, ctx.Err())
	b.found(account, ticket.ClientID, fleet.OutcomeFilled)
}

// lazy is a context whose deadline has passed and whose timer has not noticed, as in a process that was stopped.
type lazy struct{ context.Context }

func (lazy) Deadline() (time.Time, bool) { return time.Now().Add(-time.Nanosecond), true }

func late(b *bench) {
	account, before := b.login(), b.Arrived()
	gone, cancel := context.WithCancel(b.ctx)
	cancel()
	past, cancel := context.WithDeadline(b.ctx, time.Now().Add(-time.Second))
	defer cancel()
	for _, ctx := range []context.Context{gone, past, lazy{b.ctx}, order.StartBy(b.ctx, time.Now())} {
		ticket := b.buy()
		_, err := account.Place(ctx, ticket)
		require.ErrorIs(b, err, order.ErrUnsent)
		_, err = account.Find(b.ctx, ticket.ClientID)
		require.ErrorIs(b, err, order.ErrAbsent)
		require.Error(b, account.Cancel(ctx, ticket.ClientID))
		_, err = b.Login(ctx, holder, b.Accepted)
		require.Error(b, err)
		require.False(b, errors.Is(err, order.ErrCredentials))
	}
	require.Equal(b, before, b.Arrived())
	ticket := b.buy()
	b.place(account, ticket)
	require.Equal(b, before+1, b.Arrived(), "it counts orders")
}

func unreachable(b *bench) {
	if b.Unreachable == nil {
		return // a broker in this process is always reached
	}
	_, err := b.Unreachable.Login(b.ctx, holder, b.Accepted)
	require.ErrorIs(b, err, order.ErrUnsent)
}

func noRepetition(b *bench) {
	account, before := b.login(), b.Arrived()
	for i := range 3 {
		b.Lose(b.T)
		_, err := account.Place(b.ctx, b.buy())
		b.doubtful(err)
		require.Equal(b, before+i+1, b.Arrived())
	}
}

func atOnce(b *bench) {
	account := b.login()
	tickets := make([]order.Ticket, 20)
	var all sync.WaitGroup
	for i := range tickets {
		tickets[i] = b.buy()
		all.Go(func() {
			report, err := account.Place(b.ctx, tickets[i])
			assert.NoError(b, err)
			assert.Equal(b, tickets[i].ClientID, report.ClientID)
		})
	}
	all.Wait()
	names := map[string]bool{}
	for _, ticket := range tickets {
		names[b.found(account, ticket.ClientID, fleet.OutcomeFilled).BrokerID] = true
	}
	require.Len(b, names, len(tickets))
}

func logout(b *bench) {
	account, err := b.Login(b.ctx, holder, b.Accepted)
	require.NoError(b, err)
	waits := make(chan error, 1)
	go func() {
		_, err := account.Next(b.ctx)
		waits <- err
	}()
	time.Sleep(20 * time.Millisecond)
	require.NoError(b, account.Logout(b.ctx))
	select {
	case err := <-waits:
		require.Error(b, err)
	case <-time.After(settled):
		require.Fail(b, "the wait for news outlives the logout")
	}
	before := b.Arrived()
	_, err = account.Place(b.ctx, b.buy())
	require.Error(b, err)
	require.LessOrEqual(b, b.Arrived(), before+1)
	b.login()
}
