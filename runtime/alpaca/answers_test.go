package alpaca

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"workerfleet/runtime/alpaca/alpacatest"
	"workerfleet/runtime/fleet"
	"workerfleet/runtime/order"
)

func login(t *testing.T, b *Broker) *account {
	t.Helper()
	a, err := b.Login(t.Context(), order.Holder{}, credentials(t, alpacatest.Secret))
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, a.Logout(context.Background())) })
	return a.(*account)
}

func ticket(id string) order.Ticket {
	return order.Ticket{ClientID: id, Symbol: "ACME", Side: fleet.Buy, Quantity: decimal.NewFromInt(500), Type: fleet.Market, TimeInForce: fleet.Day}
}

// Each answer to a placement means what may be concluded from it and no more. An answer without Alpaca's own code may
// come from whatever stands in front of it, after the order was passed on.
func TestAnswersToPlacements(t *testing.T) {
	const (
		unknown = "unknown"
		unsent  = "unsent"
		refused = "refused"
		again   = "repeated"
		keys    = "credentials, unsent"
	)
	server := alpacatest.New(t)
	a := login(t, reaching(t, server.URL))
	for i, c := range []struct {
		status int
		body   string
		want   string
	}{
		{200, `{"id":"x","client_order_id":"another","status":"new"}`, unknown},
		{200, `{"id":"x","client_order_id":"%s","status":"dreaming"}`, unknown},
		{200, `{"id":`, unknown}, {200, ``, unknown},
		{302, ``, unknown}, {400, `<html>`, unknown}, {400, `{"code":40010000,"message":"request body format is invalid"}`, refused},
		{401, ``, keys}, {401, `{"code":40110000,"message":"request is not authorized"}`, keys},
		{403, `<html>`, unknown}, {403, `{"message":"forbidden."}`, keys}, {403, `{"code":40310000,"message":"insufficient buying power"}`, refused},
		{404, ``, unknown}, {404, `{"code":40410000,"message":"asset not found"}`, refused}, {408, ``, unknown}, {413, ``, unknown},
		{422, `{"code":40010001,"message":"client_order_id must be unique"}`, again},
		{422, `{"code":40010001,"message":"client order id must be unique"}`, again},
		{422, `{"code":42210000,"message":"qty must be integer"}`, refused}, {422, `{}`, unknown},
		{429, ``, unsent}, {429, `{"code":42910000,"message":"rate limit exceeded"}`, unsent},
		{500, `{"code":50010000,"message":"internal server error"}`, unknown}, {502, ``, unknown}, {503, ``, unknown}, {504, ``, unknown},
		{0, ``, unknown},
	} {
		id := fmt.Sprint("o", i)
		server.Answer(alpacatest.Instead{Status: c.status, Body: strings.ReplaceAll(c.body, "%s", id)})
		_, err := a.Place(t.Context(), ticket(id))
		require.Error(t, err)
		var no *order.Refused
		var got []string
		for word, is := range map[string]bool{
			refused: errors.As(err, &no), again: errors.Is(err, order.ErrRepeated), unsent: errors.Is(err, order.ErrUnsent),
			"credentials": errors.Is(err, order.ErrCredentials), "absent": errors.Is(err, order.ErrAbsent),
		} {
			if is {
				got = append(got, word)
			}
		}
		if got == nil {
			got = []string{unknown}
		}
		require.ElementsMatch(t, strings.Split(c.want, ", "), got, "%d %s: %v", c.status, c.body, err)
	}
	before := server.Arrived()
	_, err := a.Place(t.Context(), ticket(""))
	require.ErrorIs(t, err, order.ErrUnsent)
	require.Equal(t, before, server.Arrived())
}

// Every state that Alpaca documents is the broker's word, and only ends are ends.
func TestStates(t *testing.T) {
	for word, state := range states {
		r, err := placed{ID: "x", ClientOrderID: "o1", Status: word}.report()
		require.NoError(t, err)
		require.True(t, state.Evidence())
		require.Equal(t, state != fleet.OutcomeWorking && state != fleet.OutcomeFilled, r.Reason != "")
	}
	_, err := placed{ID: "x", ClientOrderID: "o1", Status: "dreaming"}.report()
	require.Error(t, err)
}

// Fills are found on every page, of this order only, though the server lists the whole account; and news and look-ups
// name them alike.
func TestFillsOfManyPages(t *testing.T) {
	server := alpacatest.New(t)
	server.Parts = 120
	a := login(t, reaching(t, server.URL))
	for _, id := range []string{"o1", "o2"} {
		_, err := a.Place(t.Context(), ticket(id))
		require.NoError(t, err)
	}
	require.Eventually(t, func() bool {
		r, err := a.Find(t.Context(), "o2")
		return err == nil && r.State == fleet.OutcomeFilled
	}, 20*time.Second, 20*time.Millisecond)
	for _, id := range []string{"o1", "o2"} {
		r, err := a.Find(t.Context(), id)
		require.NoError(t, err)
		sum, names := decimal.Zero, map[string]bool{}
		for _, f := range r.Fills {
			sum, names[f.ID] = sum.Add(f.Quantity), true
		}
		require.Len(t, names, 120)
		require.True(t, sum.Equal(decimal.NewFromInt(500)), "%s", sum)
	}
}

// An order whose executions are not listed yet is not reported without them: a look-up fails, and news wait.
func TestFillsComeLate(t *testing.T) {
	server := alpacatest.New(t)
	server.Behind = 700 * time.Millisecond
	a := login(t, reaching(t, server.URL))
	wakes(t, a)
	_, err := a.Place(t.Context(), ticket("o1"))
	require.NoError(t, err)
	require.Eventually(t, func() bool {
		_, err = a.Find(t.Context(), "o1")
		return errors.Is(err, errBehind)
	}, time.Second, time.Millisecond)
	for {
		r, err := a.Next(t.Context())
		require.NoError(t, err)
		if r.ClientID == "o1" && r.State == fleet.OutcomeFilled {
			require.Len(t, r.Fills, 2)
			return
		}
	}
}

// wakes opens the stream.
func wakes(t *testing.T, a *account) {
	t.Helper()
	for a.stream == nil {
		ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
		_, err := a.Next(ctx)
		cancel()
		require.ErrorIs(t, err, context.DeadlineExceeded)
	}
}

// A stream that breaks is an error, once; the next call opens another one. What ended a wait before a fill was known
// is told by the next wait. The logout leaves nothing running.
func TestStreams(t *testing.T) {
	server := alpacatest.New(t)
	b := reaching(t, server.URL)
	running := goleak.IgnoreCurrent()
	a := login(t, b)
	wakes(t, a)
	server.Hangup()
	_, err := a.Next(t.Context())
	require.ErrorContains(t, err, "the stream broke")
	wakes(t, a)

	server.Behind = 500 * time.Millisecond
	_, err = a.Place(t.Context(), ticket("o1"))
	require.NoError(t, err)
	state, until := fleet.OutcomeState(""), time.Now().Add(10*time.Second)
	for state != fleet.OutcomeFilled {
		require.True(t, time.Now().Before(until), "the fill is never told of")
		ctx, cancel := context.WithTimeout(t.Context(), 150*time.Millisecond)
		r, err := a.Next(ctx)
		cancel()
		if err == nil && r.ClientID == "o1" {
			state = r.State
		}
	}
	require.NoError(t, a.Logout(t.Context()))
	server.CloseClientConnections()
	a.b.sockets.CloseIdleConnections()
	goleak.VerifyNone(t, running)

	a.open, a.end = context.WithCancel(t.Context())
	a.keys.secret, a.stream = "another", nil
	_, err = a.Next(t.Context())
	require.ErrorIs(t, err, order.ErrCredentials)
	require.NotContains(t, err.Error(), "another")
}

// An order that fills while it is being cancelled is no error, and one that cannot be cancelled is.
func TestCancelTooLate(t *testing.T) {
	for after, wrong := range map[string]bool{"filled": false, "pending_cancel": false, "pending_replace": true} {
		status := "new"
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.Method == http.MethodDelete {
				status = after
				w.WriteHeader(http.StatusUnprocessableEntity)
				return
			}
			_, _ = fmt.Fprintf(w, `{"id":"x","client_order_id":"o1","status":%q}`, status)
		}))
		a := login(t, reaching(t, server.URL))
		err := a.Cancel(t.Context(), "o1")
		require.Equal(t, wrong, err != nil, "%s: %v", after, err)
		server.Close()
	}
}

// An order that was filled at once does not end before its fills are known; one that ended without any does.
func TestFilledAtOnce(t *testing.T) {
	server := alpacatest.New(t)
	a := login(t, reaching(t, server.URL))
	for id, c := range map[string]struct {
		said string
		want fleet.OutcomeState
	}{
		"o1": {`"filled","filled_qty":"500"`, fleet.OutcomeWorking}, "o2": {`"canceled","filled_qty":"7"`, fleet.OutcomeWorking},
		"o3": {`"canceled","filled_qty":"0"`, fleet.OutcomeCancelled}, "o4": {`"rejected"`, fleet.OutcomeRejected},
	} {
		server.Answer(alpacatest.Instead{Status: http.StatusOK, Body: fmt.Sprintf(`{"id":"x","client_order_id":%q,"status":%s}`, id, c.said)})
		r, err := a.Place(t.Context(), ticket(id))
		require.NoError(t, err)
		require.Equal(t, c.want, r.State)
		require.Empty(t, r.Fills)
	}
}

// A short position is below 0, whichever of the two ways a server says so; one that is not understood is an error.
func TestPositions(t *testing.T) {
	for said, want := range map[string]string{
		`{"qty":"5","side":"long"}`: "5", `{"qty":"-5","side":"short"}`: "-5", `{"qty":"5","side":"short"}`: "-5", `{"side":"long"}`: "",
		`{"qty":"x"}`: "",
	} {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/v2/account" {
				_, _ = fmt.Fprint(w, `{"id":"x"}`)
				return
			}
			_, _ = fmt.Fprint(w, said)
		}))
		got, err := login(t, reaching(t, server.URL)).Position(t.Context(), "BTC/USD")
		require.Equal(t, want == "", err != nil, said)
		if want != "" {
			require.Equal(t, want, got.String())
		}
		server.Close()
	}
}

// Credentials are read strictly; an error names the field, and nothing that was given.
func TestCredentials(t *testing.T) {
	for given, field := range map[string]string{
		``: "not understood", `null`: "not understood", `"hidden-value"`: "not understood", `{"key":"hidden-value"`: "not understood",
		`{"secret":"hidden-value","paper":true}`: "key: ", `{"key":7777777,"secret":"hidden-value","paper":true}`: "key: ",
		`{"key":"hidden value","secret":"s","paper":true}`: "key: ", `{"key":"k","secret":"","paper":true}`: "secret: ",
		`{"key":"k","secret":"hidden-value\n","paper":true}`: "secret: ", `{"key":"k","secret":"hidden-value"}`: "paper: ",
		`{"key":"k","secret":"s","paper":null}`: "paper: ", `{"key":"k","secret":"s","paper":"hidden-value"}`: "paper: ",
		`{"key":"k","secret":"s","paper":true,"hidden-value":1}`: "a field is not allowed",
	} {
		_, err := parse([]byte(given))
		require.ErrorIs(t, err, order.ErrCredentials, given)
		require.ErrorContains(t, err, field, given)
		require.NotContains(t, err.Error(), "hidden", given)
		require.NotContains(t, err.Error(), "7777777", given)
	}
	k, err := parse([]byte(`{"key":"k","secret":"s","paper":false}`))
	require.NoError(t, err)
	require.Equal(t, keys{"k", "s", false}, k)
}

// The keys say which of the two services is asked, and nobody else is; addresses that are none are refused by name.
func TestAddresses(t *testing.T) {
	live, paper := alpacatest.New(t), alpacatest.New(t)
	b, err := New(Config{Live: live.URL + "/", Paper: paper.URL})
	require.NoError(t, err)
	for _, kind := range []string{"true", "false"} {
		_, err = b.Login(t.Context(), order.Holder{}, fmt.Appendf(nil, `{"key":%q,"secret":%q,"paper":%s}`, alpacatest.Key, alpacatest.Secret, kind))
		require.NoError(t, err)
	}
	require.Equal(t, []string{"GET /v2/account"}, live.Calls())
	require.Equal(t, []string{"GET /v2/account"}, paper.Calls())
	_, err = New(Config{Live: "api.alpaca.markets"})
	require.ErrorContains(t, err, "live: ")
	_, err = New(Config{Paper: "wss://x"})
	require.ErrorContains(t, err, "paper: ")
	b, err = New(Config{})
	require.NoError(t, err)
	require.Equal(t, []string{liveURL, paperURL}, []string{b.live, b.paper})
}
