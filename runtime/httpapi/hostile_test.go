package httpapi_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"math/big"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"workerfleet/runtime/fleet"
	"workerfleet/runtime/fleet/fleettest"
	"workerfleet/runtime/httpapi"
	"workerfleet/runtime/order"
)

// raw sends a request as it is, past what a client would refuse to write.
func (d *desk) raw(method, path string, user fleet.User, body string, header http.Header) *httptest.ResponseRecorder {
	d.t.Helper()
	r := httptest.NewRequestWithContext(d.t.Context(), method, "/", strings.NewReader(body))
	r.URL = &url.URL{Path: path}
	r.Header = header.Clone()
	if r.Header == nil {
		r.Header = http.Header{}
	}
	if user != "" {
		r.Header.Set("Authorization", "Bearer "+d.tokens.Token(user, time.Now().Add(time.Minute)))
	}
	w := httptest.NewRecorder()
	d.bare.ServeHTTP(w, r)
	return w
}

// quoted is a text as JSON has it.
func quoted(text string) string {
	b, err := json.Marshal(text)
	if err != nil {
		panic(err)
	}
	return string(b)
}

// Whatever stands where a key, a symbol, an address or a name is expected: the answer is an order that has it as data, or a
// refusal that is one JSON object; no header of the answer and no line of the log is the sender's; nobody else's orders,
// webhooks and switches change.
func TestHostileRequests(t *testing.T) {
	d := newDesk(t)
	var log bytes.Buffer
	before := slog.Default()
	slog.SetDefault(slog.New(slog.NewJSONHandler(&log, nil)))
	defer slog.SetDefault(before)
	require.Equal(t, http.StatusAccepted, d.ask("POST", "/v1/orders", "ann", buying, "Idempotency-Key: k").Code)
	made := d.ask("POST", "/v1/webhooks", "ann", "")
	state := func() string {
		return d.ask("GET", "/v1/orders", "ann", "").Body.String() + d.ask("GET", "/v1/webhooks", "ann", "").Body.String()
	}
	untouched := state()
	fine := func(w *httptest.ResponseRecorder, text string) map[string]any {
		t.Helper()
		require.Less(t, w.Code, 500, "%q: %s", text, w.Body)
		var body map[string]any
		require.NoError(t, json.Unmarshal(w.Body.Bytes(), &body), "%q: %s", text, w.Body)
		require.Subset(t, []string{"Content-Type", "Retry-After"}, keys(w.Header()), "%q", text)
		return body
	}
	for n, text := range fleettest.Hostile() {
		user := fleet.User(fmt.Sprint("bea-", n))
		for _, attempt := range []struct {
			body   string
			header http.Header
		}{
			{`{"symbol":"A","side":"buy","quantity":"1","id":` + quoted(text) + `}`, nil},
			{buying, http.Header{"Idempotency-Key": {text}}},
			{`{"symbol":` + quoted(text) + `,"side":"buy","quantity":"1","id":"s"}`, nil},
			{`{"symbol":"A","side":` + quoted(text) + `,"quantity":` + quoted(text) + `,"id":"q"}`, nil},
			{text, http.Header{"Idempotency-Key": {"b"}}},
		} {
			w := d.raw("POST", "/v1/orders", user, attempt.body, attempt.header)
			body := fine(w, text)
			if w.Code == http.StatusAccepted {
				r, err := d.orders.Order(t.Context(), user, fleet.OrderID(body["id"].(string)))
				require.NoError(t, err)
				require.Contains(t, []string{"api:" + strings.TrimSpace(text), "api:s"}, r.Key)
				require.Contains(t, []string{"A", "AAPL", strings.ToUpper(text)}, r.Symbol)
			}
		}
		for _, path := range []string{"/v1/orders/" + text, "/v1/webhooks/" + text} {
			for _, method := range []string{"GET", "DELETE", "POST"} {
				w := d.raw(method, path, user, buying, http.Header{"X-Timestamp": {text}, "X-Signature": {text}, "X-Forwarded-For": {text}})
				if w.Code >= 300 && w.Code < 400 || w.Body.Len() > 0 && !strings.HasPrefix(w.Header().Get("Content-Type"), "application/") {
					continue // the mux answers by itself: another path, or another method
				}
				require.GreaterOrEqual(t, w.Code, 400, "%s %q", method, path)
				fine(w, text)
			}
		}
		fine(d.raw("GET", "/v1/events", user, "", http.Header{"Last-Event-Id": {text}}), text)
		name := base64.RawURLEncoding.EncodeToString([]byte(text))
		fine(d.raw("GET", "/v1/orders", "", "", http.Header{"Authorization": {"Bearer " + name + ".9999999999.x"}}), text)
		if _, err := fleet.ParseUser(text); err != nil {
			require.Equal(t, http.StatusUnauthorized, d.raw("GET", "/v1/orders", fleet.User(text), "", nil).Code, "%q is a user", text)
		} else {
			require.Equal(t, http.StatusNoContent, d.raw("PUT", "/v1/halt", fleet.User(text), "", nil).Code)
		}
	}
	require.Equal(t, untouched, state())
	require.Equal(t, http.StatusAccepted, d.ask("POST", "/v1/orders", "ann", buying, "Idempotency-Key: later").Code, "another one's switch is hers")
	require.NotEmpty(t, field(made, "name"))
	for line := range strings.Lines(log.String()) {
		var entry struct{ Level, Msg string }
		require.NoError(t, json.Unmarshal([]byte(line), &entry), line)
		require.NotEqual(t, "forged", entry.Msg)
	}
}

func keys(h http.Header) (names []string) {
	for name := range h {
		names = append(names, name)
	}
	return names
}

// A broker's explanation reaches the user as one event, whatever stands in it.
func TestHostileEvents(t *testing.T) {
	d := newDesk(t)
	for n, text := range fleettest.Hostile() {
		user := fleet.User(fmt.Sprint("bea-", n))
		_, err := d.ledger.Accept(t.Context(), user, order.Draft{Key: text, Symbol: text, Side: fleet.Buy, Quantity: one, Type: fleet.Market, TimeInForce: fleet.Day})
		require.NoError(t, err)
		ctx, hangUp := context.WithTimeout(t.Context(), 50*time.Millisecond)
		r := httptest.NewRequestWithContext(ctx, "GET", "/v1/events", nil)
		r.Header.Set("Authorization", "Bearer "+d.tokens.Token(user, time.Now().Add(time.Minute)))
		w := httptest.NewRecorder()
		d.bare.ServeHTTP(w, r)
		hangUp()
		lines := strings.Split(strings.TrimSpace(w.Body.String()), "\n")
		require.Len(t, lines, 5, "%q: %s", text, w.Body) // ": connected", none, and three of the event
		require.Equal(t, []string{"id: 1", "event: order"}, lines[2:4])
		var told struct{ Symbol string }
		require.NoError(t, json.Unmarshal([]byte(strings.TrimPrefix(lines[4], "data: ")), &told))
		require.Equal(t, text, told.Symbol)
	}
}

// asked is a reader that notes after which event it is asked.
type asked struct {
	order.Reader
	after uint64
}

func (a *asked) Events(_ context.Context, _ fleet.User, after uint64, _ int) ([]order.Event, error) {
	a.after = after
	return nil, errors.New("that is all")
}

// Whatever a client says it has seen last: it is the number that was written, of at most 62 bits, or it is refused.
func FuzzLastEventID(f *testing.F) {
	for _, seed := range []string{"", "0", "7", "4611686018427387903", "4611686018427387904", "18446744073709551616", "-1", "+1", "1e3", "0x1", "1_0", " 1", "1\r\nX: y", "٣"} {
		f.Add(seed, "")
		f.Add("", seed)
	}
	f.Fuzz(func(t *testing.T, header, query string) {
		reader := &asked{}
		api := httpapi.New(httpapi.Config{
			Identify: func(*http.Request) (fleet.User, error) { return "ann", nil }, Reader: reader, Bell: httpapi.NewBell(),
		})
		r := httptest.NewRequestWithContext(t.Context(), "GET", "/v1/events", nil)
		r.URL.RawQuery = url.Values{"after": {query}}.Encode()
		r.Header["Last-Event-Id"] = []string{header}
		w := httptest.NewRecorder()
		api.ServeHTTP(w, r)
		text := header
		if text == "" {
			text = query
		}
		digits := text != "" && strings.Trim(text, "0123456789") == ""
		written, _ := new(big.Int).SetString("0"+text, 10)
		switch {
		case w.Code == http.StatusOK && text == "":
			require.Zero(t, reader.after)
		case w.Code == http.StatusOK:
			require.True(t, digits, "%q is taken", text)
			require.Equal(t, written.String(), fmt.Sprint(reader.after))
			require.LessOrEqual(t, reader.after, uint64(1<<62))
		default:
			require.Equal(t, http.StatusBadRequest, w.Code)
			require.True(t, text != "" && (!digits || written.BitLen() > 62), "%q is refused", text)
			require.True(t, json.Valid(w.Body.Bytes()))
		}
	})
}
