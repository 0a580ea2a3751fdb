package paper

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/require"

	"workerfleet/runtime/fleet"
	"workerfleet/runtime/order"
)

func holder(user string) order.Holder {
	return order.Holder{User: fleet.User(user), Worker: fleet.Worker("w-" + user), Epoch: 3}
}

func login(t *testing.T, b order.Broker, user string) order.Account {
	t.Helper()
	a, err := b.Login(t.Context(), holder(user), []byte(`{"secret":"hush-hush"}`))
	require.NoError(t, err)
	return a
}

func market(id string) order.Ticket {
	return order.Ticket{ClientID: id, Symbol: "ACME", Side: fleet.Buy, Quantity: decimal.NewFromInt(7), Type: fleet.Market, TimeInForce: fleet.Day}
}

// Every call is in the record: who made it, whether it had its effect, what came of it; in the order of arrival, in the
// file, and over HTTP. Credentials are nowhere.
func TestRecord(t *testing.T) {
	var file bytes.Buffer
	x := open(t, Rules{Record: &file})
	b, server := served(t, x)
	_, err := b.Login(t.Context(), holder("u0"), []byte("refused hush-hush"))
	require.ErrorIs(t, err, order.ErrCredentials)
	a := login(t, b, "u1")
	for _, kind := range []FaultKind{Dropped, Cut} {
		require.NoError(t, x.Break(Fault{Call: Place, Kind: kind, Next: 1}))
		_, err = a.Place(t.Context(), market(string(kind)))
		require.Error(t, err)
	}
	_, err = a.Place(t.Context(), market(string(Cut)))
	require.ErrorIs(t, err, order.ErrRepeated)
	_, err = a.Find(t.Context(), string(Dropped))
	require.ErrorIs(t, err, order.ErrAbsent)
	require.NoError(t, a.Logout(t.Context()))

	var got []string
	for i, s := range x.Seen() {
		require.EqualValues(t, i+1, s.Number)
		require.False(t, s.At.IsZero())
		got = append(got, fmt.Sprintf("%s %s %d %s %s %t %s", s.User, s.Worker, s.Epoch, s.Call, s.ClientID, s.Effect, s.Fault))
	}
	require.Equal(t, []string{
		"u0 w-u0 3 login  false ", "u1 w-u1 3 login  true ", "u1 w-u1 3 place dropped false dropped", "u1 w-u1 3 place cut true cut",
		"u1 w-u1 3 place cut false ", "u1 w-u1 3 find dropped false ", "u1 w-u1 3 logout  true ",
	}, got)
	require.NotContains(t, file.String(), "hush")
	lines := strings.Split(strings.TrimSpace(file.String()), "\n")
	require.Len(t, lines, len(got))

	get := func(path string, into any) {
		response, err := http.Get(server.URL + path)
		require.NoError(t, err)
		defer func() { require.NoError(t, response.Body.Close()) }()
		require.NoError(t, json.NewDecoder(response.Body).Decode(into))
	}
	var seen []Seen
	get("/v1/seen?after=2", &seen)
	require.Len(t, seen, len(got)-2)
	require.Equal(t, "cut", seen[1].Ticket.ClientID)
	line, err := json.Marshal(seen[1])
	require.NoError(t, err)
	require.JSONEq(t, lines[3], string(line))
	var orders []Held
	get("/v1/orders", &orders)
	require.Len(t, orders, 1)
	require.Equal(t, fleet.OutcomeFilled, orders[0].Report.State)
}

// Each fault tells the caller what it should and has the effect that it should, here and over HTTP, where the client
// cannot know that a call was lost on the way.
func TestFaults(t *testing.T) {
	for _, c := range []struct {
		kind              FaultKind
		effect, ends, out bool // out: the caller knows that nothing was sent, in process
	}{
		{Unreached, false, false, true}, {Dropped, false, false, false}, {Stalled, false, true, false},
		{Cut, true, false, false}, {Silent, true, true, false}, {Slow, true, true, false},
	} {
		x := open(t, Rules{Slowness: time.Minute})
		remote, _ := served(t, x)
		for name, b := range map[string]order.Broker{"in process": x.Broker(), "over HTTP": remote} {
			a := login(t, b, name)
			require.NoError(t, x.Break(Fault{Call: Place, Kind: c.kind, Next: 1}))
			ctx, cancel := context.WithCancel(t.Context())
			if before := count(x, Place); c.ends {
				go func() {
					for count(x, Place) == before && ctx.Err() == nil {
						time.Sleep(time.Millisecond)
					}
					cancel()
				}()
			}
			_, err := a.Place(ctx, market("o1"))
			require.Error(t, err, "%s %s", c.kind, name)
			require.Equal(t, c.ends, ctx.Err() != nil, "%s %s", c.kind, name)
			require.Equal(t, c.out && name == "in process", errors.Is(err, order.ErrUnsent), "%s %s", c.kind, name)
			cancel()
			_, err = a.Find(t.Context(), "o1")
			require.Equal(t, c.effect, err == nil, "%s %s", c.kind, name)
		}
	}
}

// What is drawn follows from the seed and the order, whatever else happens meanwhile; and a rate is about kept.
func TestDrawsFollowFromTheSeed(t *testing.T) {
	lost := func(seed uint64, others bool) (ids []string) {
		x := open(t, Rules{Seed: seed, Faults: []Fault{{Call: Place, Kind: Cut, Rate: 0.2}}})
		a, other := login(t, x.Broker(), "u1"), login(t, x.Broker(), "u2")
		for i := range 400 {
			if others {
				_, _ = other.Place(t.Context(), market(fmt.Sprint("x", i)))
			}
			if _, err := a.Place(t.Context(), market(fmt.Sprint(i))); err != nil {
				ids = append(ids, fmt.Sprint(i))
			}
		}
		return ids
	}
	require.Equal(t, lost(1, false), lost(1, true))
	require.NotEqual(t, lost(1, false), lost(2, false))
	require.InDelta(t, 80, len(lost(1, false)), 30)
}

// Prices stay within their swing, differ by symbol, move with each tick, and are the same for one seed.
func TestPrices(t *testing.T) {
	x, same := open(t, Rules{Seed: 9, Tick: -1}), open(t, Rules{Seed: 9, Tick: -1})
	low, high := x.Price("ACME"), x.Price("ACME")
	moved := 0
	for range 500 {
		before := x.Price("ACME")
		x.Step()
		same.Step()
		now := x.Price("ACME")
		require.True(t, now.Equal(same.Price("ACME")))
		if !now.Equal(before) {
			moved++
		}
		low, high = decimal.Min(low, now), decimal.Max(high, now)
	}
	require.Greater(t, moved, 300)
	require.True(t, high.Div(low).LessThan(decimal.NewFromFloat((1+Swing)/(1-Swing))), "%s to %s", low, high)
	require.False(t, x.Price("ACME").Equal(x.Price("BOLT")))
}

// A limit order waits until the price crosses its limit, and is filled at the price, not at its limit.
func TestLimitIsCrossed(t *testing.T) {
	for _, side := range []fleet.Side{fleet.Buy, fleet.Sell} {
		x := open(t, Rules{Seed: 4, Tick: -1})
		a := login(t, x.Broker(), "u1")
		off := decimal.NewFromFloat(0.995)
		if side == fleet.Sell {
			off = decimal.NewFromFloat(1.005)
		}
		ticket := market("o1")
		ticket.Side, ticket.Type, ticket.LimitPrice = side, fleet.Limit, x.Price("ACME").Mul(off)
		report, err := a.Place(t.Context(), ticket)
		require.NoError(t, err)
		require.Equal(t, fleet.OutcomeWorking, report.State)
		for range 2000 {
			crossed := x.Price("ACME").LessThanOrEqual(ticket.LimitPrice)
			if side == fleet.Sell {
				crossed = x.Price("ACME").GreaterThanOrEqual(ticket.LimitPrice)
			}
			report, err = a.Find(t.Context(), "o1")
			require.NoError(t, err)
			require.Equal(t, crossed, report.State == fleet.OutcomeFilled)
			if crossed {
				require.True(t, report.Fills[0].Price.Equal(x.Price("ACME")))
				break
			}
			x.Step()
		}
		require.Equal(t, fleet.OutcomeFilled, report.State, "it is never crossed")
	}
}

// An order that fills in parts does so by the tick; one that must not wait loses the rest; a day's order ends with its
// day and one that is good till cancelled does not.
func TestOrdersInTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		x := open(t, Rules{Seed: 1, Parts: 1, Tick: time.Second})
		a := login(t, x.Broker(), "u1")
		state := func(id string) order.Report {
			r, err := a.Find(t.Context(), id)
			require.NoError(t, err)
			return r
		}
		placed, err := a.Place(t.Context(), market("parts"))
		require.NoError(t, err)
		require.Equal(t, fleet.OutcomeWorking, placed.State)
		require.Len(t, placed.Fills, 1)
		time.Sleep(10 * time.Second)
		require.Equal(t, fleet.OutcomeFilled, state("parts").State)
		require.Greater(t, len(state("parts").Fills), 1)

		ioc := market("ioc")
		ioc.TimeInForce = fleet.ImmediateOrCancel
		_, err = a.Place(t.Context(), ioc)
		require.NoError(t, err)
		require.Equal(t, fleet.OutcomeCancelled, state("ioc").State)
		require.Len(t, state("ioc").Fills, 1)

		for id, force := range map[string]fleet.TimeInForce{"day": fleet.Day, "gtc": fleet.GoodTillCancelled} {
			waits := market(id)
			waits.Type, waits.LimitPrice, waits.TimeInForce = fleet.Limit, decimal.New(1, -2), force
			_, err = a.Place(t.Context(), waits)
			require.NoError(t, err)
		}
		time.Sleep(time.Until(time.Now().Truncate(24 * time.Hour).Add(24*time.Hour - time.Second)))
		require.Equal(t, fleet.OutcomeWorking, state("day").State)
		time.Sleep(3 * time.Second)
		require.Equal(t, fleet.OutcomeExpired, state("day").State)
		require.Equal(t, fleet.OutcomeWorking, state("gtc").State)
		require.NoError(t, x.Close())
	})
}

// An order that was taken is missing from look-ups for exactly as long as the traits say, and can be cancelled meanwhile.
func TestLag(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		x := open(t, Rules{Lag: 3 * time.Second})
		b := x.Broker()
		a := login(t, b, "u1")
		_, err := a.Place(t.Context(), market("o1"))
		require.NoError(t, err)
		time.Sleep(b.Traits().Lag - time.Nanosecond)
		_, err = a.Find(t.Context(), "o1")
		require.ErrorIs(t, err, order.ErrAbsent)
		require.NoError(t, a.Cancel(t.Context(), "o1"))
		time.Sleep(time.Nanosecond)
		_, err = a.Find(t.Context(), "o1")
		require.NoError(t, err)
	})
}

// A call on its way arrives after its caller has given up: half the latency later.
func TestCallsOnTheirWayArrive(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		x := open(t, Rules{Latency: 2 * time.Second})
		a := login(t, x.Broker(), "u1")
		began := time.Now()
		ctx, cancel := context.WithTimeout(t.Context(), 500*time.Millisecond)
		defer cancel()
		_, err := a.Place(ctx, market("o1"))
		require.ErrorIs(t, err, context.DeadlineExceeded)
		require.NotErrorIs(t, err, order.ErrUnsent)
		require.Empty(t, x.Orders())
		time.Sleep(2 * time.Second)
		require.Len(t, x.Orders(), 1)
		require.Equal(t, time.Second, x.Orders()[0].Placed.Sub(began))
	})
}

// News that nobody reads are lost beyond a bound, and the reader is told once; then the stream goes on.
func TestUnreadNews(t *testing.T) {
	x := open(t, Rules{})
	a := login(t, x.Broker(), "u1")
	for i := range unread + 1 {
		_, err := a.Place(t.Context(), market(fmt.Sprint(i)))
		require.NoError(t, err)
	}
	_, err := a.Next(t.Context())
	require.ErrorIs(t, err, errForgotten)
	r, err := a.Next(t.Context())
	require.NoError(t, err)
	require.Equal(t, fmt.Sprint(unread), r.ClientID)
}

// Accounts of a whole fleet fit into one process, and cost nothing that runs.
func TestManyAccounts(t *testing.T) {
	const many = 35_000
	x := open(t, Rules{})
	before := runtime.NumGoroutine()
	b := x.Broker()
	accounts := make([]order.Account, many)
	for i := range accounts {
		accounts[i] = login(t, b, fmt.Sprint(i))
	}
	require.LessOrEqual(t, runtime.NumGoroutine(), before)
	var all sync.WaitGroup
	for part := range 8 {
		all.Go(func() {
			for i := part; i < many; i += 8 {
				if _, err := accounts[i].Place(context.Background(), market("o1")); err != nil {
					panic(err)
				}
			}
		})
	}
	all.Wait()
	require.Len(t, x.Orders(), many)
	require.Equal(t, 2*many, len(x.Seen()))
}

// Settings that make no sense are refused by name.
func TestRefusals(t *testing.T) {
	for wrong, rules := range map[string]Rules{
		"parts: ": {Parts: 2}, "latency, lag, slowness: ": {Lag: -1},
		"call: ":       {Faults: []Fault{{Call: "pray", Kind: Cut}}},
		"kind: ":       {Faults: []Fault{{Call: Place, Kind: Twice}}},
		"rate, next: ": {Faults: []Fault{{Call: Place, Kind: Cut, Rate: 2}}},
	} {
		_, err := NewExchange(rules)
		require.ErrorContains(t, err, wrong)
	}
	for _, url := range []string{"", "tcp://host", "http://", "::"} {
		_, err := New(Config{URL: url})
		require.ErrorContains(t, err, "url: ")
	}
	b, err := New(Config{URL: "http://127.0.0.1:1"})
	require.NoError(t, err)
	require.Equal(t, Cautious, b.Traits())
}

// failing takes nothing.
type failing struct{}

func (failing) Write([]byte) (int, error) { return 0, errors.New("the disk is full") }

// A record that cannot be written does not stop the exchange, and is told when it closes.
func TestRecordFails(t *testing.T) {
	x, err := NewExchange(Rules{Record: failing{}})
	require.NoError(t, err)
	login(t, x.Broker(), "u1")
	login(t, x.Broker(), "u2")
	require.ErrorContains(t, x.Close(), "the disk is full")
}

// A question for news is answered after a while though there are none, with the place to go on from.
func TestNoNews(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		x := open(t, Rules{})
		s := &server{x: x}
		said, err := s.login(t.Context(), loginRequest{Holder(holder("u1")), []byte("x")})
		require.NoError(t, err)
		r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/v1/news", strings.NewReader(`{"after":0}`))
		r.Header.Set("Authorization", "Bearer "+said.Session)
		w, began := httptest.NewRecorder(), time.Now()
		s.news(w, r)
		require.Equal(t, newsWait, time.Since(began))
		require.JSONEq(t, `{"reports":null,"upTo":0}`, w.Body.String())
		r.Header.Set("Authorization", "Bearer guessed")
		w = httptest.NewRecorder()
		s.news(w, r)
		require.Equal(t, http.StatusUnauthorized, w.Code)
	})
}
