package brokertest

import (
	"context"
	"errors"
	"strconv"
	"testing"
	"time"

	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/require"

	"workerfleet/runtime/fleet"
	"workerfleet/runtime/order"
)

// Broker is a broker under test, and what the suite asks of its far side.
type Broker struct {
	order.Broker
	// Accepted and Rejected are credentials that the broker takes, and refuses for good.
	Accepted, Rejected []byte
	// Unreachable is the same broker where nobody answers; nil if it is in this process.
	Unreachable order.Broker
	// Lose has the next order take its effect and its answer be lost, so that the caller learns of an error at once.
	Lose func(t *testing.T)
	// Mute has the next order take its effect and never be answered.
	Mute func(t *testing.T)
	// Arrived is how many orders reached the far side, whatever became of them.
	Arrived func() int
}

// settled is how long the far side may take to fill a market order in all its parts, and to tell.
const settled = 10 * time.Second

// Run holds a broker to the contract. fresh returns one whose far side is empty; each case asks for its own. Market
// orders are filled soon, in two parts at least, and limit orders at a thousandth of the price of no share wait.
func Run(t *testing.T, fresh func(t *testing.T) Broker) {
	for _, c := range []struct {
		name string
		run  func(b *bench)
	}{
		{"credentials are taken, or refused for good and named nowhere", credentials},
		{"what the caller does to the credentials after the login changes nothing", credentialsAreCopied},
		{"a market order is filled, and found with all its fills", market},
		{"a limit order away from the price works until it is cancelled", limit},
		{"an order that fills at once or not at all is cancelled", immediate},
		{"a refused order does not exist", refusal},
		{"a repeated id is refused, where the broker promises it", repeated},
		{"what was never placed is absent", absent},
		{"a position follows the fills, below nothing too", position},
		{"news bring every fill and the end", news},
		{"the wait for news ends with its context", newsEnd},
		{"an order whose answer was lost is in doubt, and is found", lostAnswer},
		{"an order that is not answered ends with its context, in doubt, and is found", noAnswer},
		{"nothing is sent after the deadline, or for a cancelled context", late},
		{"nothing was sent to a broker that cannot be reached", unreachable},
		{"a call that failed is not repeated", noRepetition},
		{"calls at once do not disturb each other", atOnce},
		{"an account ends with its logout", logout},
	} {
		t.Run(c.name, func(t *testing.T) {
			c.run(&bench{T: t, Broker: fresh(t), ctx: t.Context()})
		})
	}
}

// bench drives one broker in one case.
type bench struct {
	*testing.T
	Broker
	ctx    context.Context
	orders int
}

var holder = order.Holder{User: "u1", Worker: "w1", Epoch: 7}

func (b *bench) login() order.Account {
	b.Helper()
	account, err := b.Login(b.ctx, holder, b.Accepted)
	require.NoError(b, err)
	b.Cleanup(func() { _ = account.Logout(context.Background()) })
	return account
}

// buy is a market order for ten shares under a new id.
func (b *bench) buy() order.Ticket {
	b.orders++
	return order.Ticket{
		ClientID: order.ClientID(fleet.OrderID(b.Name()+strconv.Itoa(b.orders)), 0), Symbol: "ACME", Side: fleet.Buy,
		Quantity: decimal.NewFromInt(10), Type: fleet.Market, TimeInForce: fleet.Day,
	}
}

// wait is a limit order that no price comes near.
func (b *bench) wait() order.Ticket {
	t := b.buy()
	t.Type, t.LimitPrice, t.TimeInForce = fleet.Limit, decimal.New(1, -2), fleet.GoodTillCancelled
	return t
}

func (b *bench) place(a order.Account, t order.Ticket) order.Report {
	b.Helper()
	report, err := a.Place(b.ctx, t)
	require.NoError(b, err)
	require.True(b, report.State.Evidence(), "%q is the broker's word", report.State)
	require.Equal(b, t.ClientID, report.ClientID)
	require.NotEmpty(b, report.BrokerID)
	return report
}

// found looks an order up until its state is one that is wanted: the broker may know it later than it took it.
func (b *bench) found(a order.Account, id string, wanted ...fleet.OutcomeState) order.Report {
	b.Helper()
	until := time.Now().Add(settled + b.Traits().Lag)
	for {
		report, err := a.Find(b.ctx, id)
		if err == nil {
			require.Equal(b, id, report.ClientID)
			for _, state := range wanted {
				if report.State == state {
					return report
				}
			}
		}
		require.True(b, time.Now().Before(until), "%s is %q (%v), not one of %q", id, report.State, err, wanted)
		time.Sleep(5 * time.Millisecond)
	}
}

// total adds fills up. Two of one name are one.
func total(fills []fleet.Fill) (sum decimal.Decimal) {
	known := map[string]bool{}
	for _, f := range fills {
		if !known[f.ID] {
			sum = sum.Add(f.Quantity)
		}
		known[f.ID] = true
	}
	return sum
}

// doubtful requires an error that leaves the effect open.
func (b *bench) doubtful(err error) {
	b.Helper()
	var refused *order.Refused
	require.Error(b, err)
	require.False(b, errors.As(err, &refused) || errors.Is(err, order.ErrUnsent) || errors.Is(err, order.ErrRepeated) ||
		errors.Is(err, order.ErrAbsent) || errors.Is(err, order.ErrCredentials), "%v says more than anybody knows", err)
}
