package httpapi_test

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"strconv"
	"strings"
	"testing"
	"testing/iotest"
	"testing/synctest"
	"time"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers/gorillamux"
	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/require"

	"workerfleet/runtime/audit"
	"workerfleet/runtime/claim"
	"workerfleet/runtime/dispatch"
	"workerfleet/runtime/fleet"
	"workerfleet/runtime/httpapi"
	"workerfleet/runtime/order"
	"workerfleet/runtime/session"
	"workerfleet/runtime/signals"
	"workerfleet/runtime/webhook"
)

// checked holds every request that is taken, and every answer, against openapi.yaml.
func checked(t *testing.T, handler http.Handler) http.Handler {
	t.Helper()
	text, err := os.ReadFile("openapi.yaml")
	require.NoError(t, err)
	document, err := openapi3.NewLoader().LoadFromData(text)
	require.NoError(t, err)
	require.NoError(t, document.Validate(t.Context()))
	router, err := gorillamux.NewRouter(document)
	require.NoError(t, err)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !strings.HasPrefix(r.URL.Path, "/v1/") {
			handler.ServeHTTP(w, r)
			return
		}
		body, err := io.ReadAll(r.Body)
		require.NoError(t, err)
		r.Body = io.NopCloser(bytes.NewReader(body))
		route, params, err := router.FindRoute(r)
		require.NoError(t, err, "%s %s is not in openapi.yaml", r.Method, r.URL)
		input := &openapi3filter.RequestValidationInput{
			Request: r, PathParams: params, Route: route,
			Options: &openapi3filter.Options{AuthenticationFunc: openapi3filter.NoopAuthenticationFunc, IncludeResponseStatus: true},
		}
		asked := openapi3filter.ValidateRequest(t.Context(), input)
		r.Body = io.NopCloser(bytes.NewReader(body))
		answer := httptest.NewRecorder()
		handler.ServeHTTP(answer, r)
		require.True(t, asked == nil || answer.Code >= 400, "%s %s was taken: %v", r.Method, r.URL, asked)
		require.NoError(t, openapi3filter.ValidateResponse(t.Context(), &openapi3filter.ResponseValidationInput{
			RequestValidationInput: input, Status: answer.Code, Header: answer.Header(), Body: io.NopCloser(bytes.NewReader(answer.Body.Bytes())),
			Options: input.Options,
		}), "%s %s answers %d %s", r.Method, r.URL, answer.Code, answer.Body)
		for name, values := range answer.Header() {
			w.Header()[name] = values
		}
		w.WriteHeader(answer.Code)
		_, _ = w.Write(answer.Body.Bytes())
	})
}

// hookStore keeps webhooks in memory, and their secrets in the open.
type hookStore map[string]webhook.Hook

func (s hookStore) Hook(_ context.Context, name string) (webhook.Hook, error) {
	if h, ok := s[name]; ok {
		return h, nil
	}
	return webhook.Hook{}, webhook.ErrToken
}

func (s hookStore) AddHook(_ context.Context, h webhook.Hook) error {
	h.CreatedAt = time.Now()
	s[h.Name] = h
	return nil
}

func (s hookStore) Hooks(_ context.Context, user fleet.User) (found []webhook.Hook, _ error) {
	for _, h := range s {
		if h.User == user {
			found = append(found, h)
		}
	}
	return found, nil
}

func (s hookStore) RemoveHook(_ context.Context, user fleet.User, name string) error {
	if s[name].User != user {
		return webhook.ErrToken
	}
	delete(s, name)
	return nil
}

func (hookStore) Encrypt(_ context.Context, _ fleet.User, secret []byte) ([]byte, error) {
	return secret, nil
}

func (hookStore) Decrypt(_ context.Context, _ fleet.User, secret []byte) ([]byte, error) {
	return secret, nil
}

// desk is the interface over a ledger in memory, without workers.
type desk struct {
	*bench
	orders  *order.Memory
	ledger  *order.Ledger
	kept    map[fleet.User]string // credentials
	limit   time.Duration
	ends    chan struct{}
	bell    *httpapi.Bell
	did     []audit.Entry
	unknown error // of the database, after a turn is committed
	seen    map[fleet.User]int
	bare    http.Handler // not held against openapi.yaml
	serves  order.Session
}

func (d *desk) Turn(ctx context.Context, user fleet.User, w order.Want, do func(*order.Sheet) error) error {
	err := d.orders.Turn(ctx, user, w, do)
	if err == nil && d.unknown != nil {
		err, d.unknown = d.unknown, nil
	}
	return err
}

func (d *desk) Due(ctx context.Context, n int) ([]fleet.User, error) { return d.orders.Due(ctx, n) }

func (d *desk) Waiting(ctx context.Context) (time.Duration, error) { return d.orders.Waiting(ctx) }

func (d *desk) BeginAt(ctx context.Context, user fleet.User) (uint64, error) {
	return d.orders.BeginAt(ctx, user)
}

func newDesk(t *testing.T) *desk {
	d := &desk{bench: newBench(t), kept: map[fleet.User]string{}, ends: make(chan struct{}), bell: httpapi.NewBell(), seen: map[fleet.User]int{}}
	d.orders = order.NewMemory(func(user fleet.User) bool { return user != "poor" }, func(fleet.User) order.Session { return d.serves })
	d.ledger = order.New(d, order.Rules{Daily: 20})
	sessions := session.New(session.Config{
		Claims: d.store, Directory: d.store, Authority: session.NewMemory(), Vault: vault{}, Mailbox: d.host, Terms: claim.DefaultTerms(),
	})
	hooks := hookStore{}
	d.bare = httpapi.New(httpapi.Config{
		Sessions: sessions, Desk: d.host.desk, Name: "api-1", Identify: d.tokens.Identify, Recorder: signals.Discard{},
		Orders: dispatch.New(dispatch.Config{Ledger: d.ledger, Sessions: sessions, Mailbox: d.host}), Reader: d.orders, Switches: d.orders,
		Hooks: webhook.New(hooks, hooks), Ends: d.ends, Bell: d.bell,
		Deposit: func(_ context.Context, user fleet.User, credentials []byte) error {
			d.kept[user] = string(credentials)
			return nil
		},
		Limit: func(context.Context, fleet.User, string) (time.Duration, error) { return d.limit, nil },
		Saw:   func(user fleet.User) { d.seen[user]++ },
		Audit: func(_ context.Context, e audit.Entry) { d.did = append(d.did, e) },
		Why:   func(context.Context) (string, error) { return "3 idle wanted", nil },
		Ready: func(context.Context) error { return nil },
	})
	d.api = checked(t, d.bare)
	return d
}

// ask sends a body with headers, NAME: value each.
func (d *desk) ask(method, path string, user fleet.User, body string, headers ...string) *httptest.ResponseRecorder {
	d.t.Helper()
	r := httptest.NewRequestWithContext(d.t.Context(), method, path, strings.NewReader(body))
	r.Header.Set("Content-Type", "application/json")
	if user != "" {
		r.Header.Set("Authorization", "Bearer "+d.tokens.Token(user, time.Now().Add(time.Minute)))
	}
	for _, header := range headers {
		name, value, _ := strings.Cut(header, ": ")
		r.Header.Set(name, value)
	}
	w := httptest.NewRecorder()
	d.api.ServeHTTP(w, r)
	return w
}

var one = decimal.NewFromInt(1)

const buying = `{"symbol":"AAPL","side":"buy","quantity":"2"}`

// field reads a text field of a JSON answer, however deep; the fields of these tests have one value each.
func field(w *httptest.ResponseRecorder, name string) string {
	_, rest, _ := strings.Cut(w.Body.String(), `"`+name+`":"`)
	value, _, _ := strings.Cut(rest, `"`)
	return value
}

// An order is accepted once for its key; another content under the key is refused; it is found, listed, and cancelled
// by its user alone.
func TestOrders(t *testing.T) {
	d := newDesk(t)
	first := d.ask("POST", "/v1/orders", "ann", buying, "Idempotency-Key: k1")
	require.Equal(t, http.StatusAccepted, first.Code, first.Body)
	id := field(first, "id")
	again := d.ask("POST", "/v1/orders", "ann", `{"quantity":2.0,"id":"k1","side":"BUY","symbol":"aapl","note":"x"}`)
	require.Equal(t, http.StatusOK, again.Code, again.Body)
	require.Equal(t, id, field(again, "id"))
	require.Equal(t, http.StatusUnprocessableEntity, d.ask("POST", "/v1/orders", "ann", strings.Replace(buying, "2", "3", 1), "Idempotency-Key: k1").Code)
	require.Equal(t, http.StatusAccepted, d.ask("POST", "/v1/orders", "bea", buying, "Idempotency-Key: k1").Code, "another user's key")

	require.Equal(t, http.StatusOK, d.ask("GET", "/v1/orders/"+id, "ann", "").Code)
	require.Equal(t, http.StatusNotFound, d.ask("GET", "/v1/orders/"+id, "bea", "").Code)
	require.Equal(t, http.StatusNotFound, d.ask("DELETE", "/v1/orders/"+id, "bea", "").Code)
	for n := range 4 {
		require.Equal(t, http.StatusAccepted, d.ask("POST", "/v1/orders", "ann", buying, fmt.Sprintf("Idempotency-Key: m%d", n)).Code)
	}
	page := d.ask("GET", "/v1/orders?limit=3", "ann", "").Body.String()
	require.Contains(t, page, `"next":3`)
	require.Equal(t, 3, strings.Count(page, `"symbol"`))
	page = d.ask("GET", "/v1/orders?limit=3&below=3", "ann", "").Body.String()
	require.Equal(t, 2, strings.Count(page, `"symbol"`))
	require.NotContains(t, page, `"next"`)
	cancelled := d.ask("DELETE", "/v1/orders/"+id, "ann", "")
	require.Equal(t, http.StatusOK, cancelled.Code)
	require.Equal(t, "cancelled", field(cancelled, "state"))
}

// The database's answer to a commit may be lost: the order is accepted once, and the answer says so.
func TestOrderWithoutTheCommitsAnswer(t *testing.T) {
	d := newDesk(t)
	d.unknown = errors.New("connection reset")
	w := d.ask("POST", "/v1/orders", "ann", buying, "Idempotency-Key: k1")
	require.Less(t, w.Code, 300, w.Body)
	list, err := d.orders.Orders(t.Context(), "ann", 0, 10)
	require.NoError(t, err)
	require.Len(t, list, 1)
}

// What is not allowed is refused with its reason, and nothing is kept of it.
func TestOrderRefusals(t *testing.T) {
	d := newDesk(t)
	for _, c := range []struct {
		body, header string
		status       int
		want         string
	}{
		{buying, "", 400, "Idempotency-Key: is missing"},
		{`{"symbol":"A","side":"hold","quantity":"1","id":"x"}`, "", 400, `side: \"hold\" is not allowed; allowed: buy, sell, reverse`},
		{`{"symbol":"","side":"buy","quantity":"-1","type":"limit","id":"x"}`, "", 400, "quantity: "},
		{`{"symbol":"A","side":"buy","quantity":"1e9","id":"x"}`, "", 400, "quantity: "},
		{`{"symbol":"A","symbol":"B","side":"buy","quantity":"1","id":"x"}`, "", 400, "stands twice"},
		{`{"symbol":"{{ticker}}","side":"buy","quantity":"1","id":"x"}`, "", 400, "was not filled in"},
		{`[]`, "Idempotency-Key: a", 400, "is no JSON object"},
		{`{"id":"b","symbol":"A","side":"buy","quantity":"1"}`, "Idempotency-Key: a", 400, "is not the body's id"},
		{`{"x":"` + strings.Repeat("y", 17<<10) + `"}`, "Idempotency-Key: a", 400, "at most 16384"},
		{`{"x":"` + strings.Repeat("y", 70<<10) + `"}`, "Idempotency-Key: a", 413, "more than"},
	} {
		headers := []string{}
		if c.header != "" {
			headers = append(headers, c.header)
		}
		w := d.ask("POST", "/v1/orders", "ann", c.body, headers...)
		require.Equal(t, c.status, w.Code, w.Body)
		require.Contains(t, w.Body.String(), c.want)
		require.Equal(t, "application/problem+json", w.Header().Get("Content-Type"))
	}
	require.Equal(t, http.StatusUnauthorized, d.ask("POST", "/v1/orders", "", buying, "Idempotency-Key: a").Code)
	require.Equal(t, http.StatusConflict, d.ask("POST", "/v1/orders", "poor", buying, "Idempotency-Key: a").Code)
	d.orders.Denied = func(user fleet.User) string { return map[fleet.User]string{"shut": "the account is closed"}[user] }
	shut := d.ask("POST", "/v1/orders", "shut", buying, "Idempotency-Key: a")
	require.Equal(t, http.StatusConflict, shut.Code)
	require.Contains(t, shut.Body.String(), "the account is closed; store others first")
	for _, path := range []string{"/v1/orders?limit=201", "/v1/orders?below=x", "/v1/events?after=-1"} {
		require.Equal(t, http.StatusBadRequest, d.ask("GET", path, "ann", "").Code, path)
	}
	list, err := d.orders.Orders(t.Context(), "ann", 0, 10)
	require.NoError(t, err)
	require.Empty(t, list)
}

// Rates, the day's limit and the switch refuse with the time to come back, where there is one.
func TestOrderLimits(t *testing.T) {
	d := newDesk(t)
	require.Equal(t, http.StatusNoContent, d.ask("PUT", "/v1/halt", "ann", "").Code)
	require.Equal(t, http.StatusConflict, d.ask("POST", "/v1/orders", "ann", buying, "Idempotency-Key: a").Code)
	require.Equal(t, http.StatusAccepted, d.ask("POST", "/v1/orders", "bea", buying, "Idempotency-Key: a").Code)
	require.Equal(t, http.StatusNoContent, d.ask("DELETE", "/v1/halt", "ann", "").Code)
	require.NoError(t, d.orders.Suspend(t.Context(), "ann", true, "hush"))
	require.Equal(t, http.StatusNoContent, d.ask("DELETE", "/v1/halt", "ann", "").Code)
	suspended := d.ask("POST", "/v1/orders", "ann", buying, "Idempotency-Key: a")
	require.Equal(t, http.StatusConflict, suspended.Code)
	require.Contains(t, suspended.Body.String(), "by an operator")
	require.NotContains(t, suspended.Body.String(), "hush", "an operator's reason is for operators")
	require.NoError(t, d.orders.Suspend(t.Context(), "ann", false, ""))
	for n := range 20 {
		require.Equal(t, http.StatusAccepted, d.ask("POST", "/v1/orders", "ann", buying, fmt.Sprint("Idempotency-Key: ", n)).Code)
	}
	beyond := d.ask("POST", "/v1/orders", "ann", buying, "Idempotency-Key: 21")
	require.Equal(t, http.StatusTooManyRequests, beyond.Code)
	require.NotEmpty(t, beyond.Header().Get("Retry-After"))
	require.Equal(t, http.StatusOK, d.ask("POST", "/v1/orders", "ann", buying, "Idempotency-Key: 3").Code, "a repeated request is no new order")
	d.limit = 1500 * time.Millisecond
	limited := d.ask("GET", "/v1/orders", "ann", "")
	require.Equal(t, http.StatusTooManyRequests, limited.Code)
	require.Equal(t, "2", limited.Header().Get("Retry-After"))
}

// What the worker has not begun is taken back by the request that switches orders off.
func TestHaltTakesBack(t *testing.T) {
	d := newDesk(t)
	d.serves = order.Session{Epoch: 7, Worker: "w1", Host: "h1", Life: 1}
	require.Equal(t, http.StatusAccepted, d.ask("POST", "/v1/orders", "ann", buying, "Idempotency-Key: a").Code)
	require.Equal(t, http.StatusNoContent, d.ask("PUT", "/v1/halt", "ann", "").Code)
	require.Equal(t, []fleet.MailKind{fleet.MailOrder, fleet.MailWithdraw}, d.host.kinds)
}

// Signals come to an address of their own, in both forms; a second delivery is the first one's order.
func TestWebhooks(t *testing.T) {
	d := newDesk(t)
	made := d.ask("POST", "/v1/webhooks", "ann", "")
	require.Equal(t, http.StatusCreated, made.Code, made.Body)
	path, secret, name := field(made, "path"), field(made, "secret"), field(made, "name")
	require.NotContains(t, d.ask("GET", "/v1/webhooks", "ann", "").Body.String(), secret)
	require.NotContains(t, d.ask("GET", "/v1/webhooks", "bea", "").Body.String(), name)

	now := strconv.FormatInt(time.Now().Unix(), 10)
	signature := "X-Signature: " + webhook.Sign([]byte(secret), now, []byte(buying))
	first := d.ask("POST", path, "", buying, "X-Timestamp: "+now, signature)
	require.Equal(t, http.StatusAccepted, first.Code, first.Body)
	require.Equal(t, http.StatusOK, d.ask("POST", path, "", buying, "X-Timestamp: "+now, signature).Code)
	require.Equal(t, http.StatusUnauthorized, d.ask("POST", path, "", strings.Replace(buying, "2", "3", 1), "X-Timestamp: "+now, signature).Code)
	require.Equal(t, http.StatusNotFound, d.ask("POST", path+"x", "", buying, "X-Timestamp: "+now, signature).Code)
	plain := fmt.Sprintf(`{"symbol":"A","side":"sell","quantity":1,"id":"s1","timestamp":%s,"secret":%q}`, now, secret)
	require.Equal(t, http.StatusAccepted, d.ask("POST", path, "", plain, "Content-Type: text/plain").Code)
	require.Equal(t, http.StatusOK, d.ask("POST", path, "", plain).Code)
	require.Equal(t, http.StatusUnauthorized, d.ask("POST", path, "", strings.Replace(plain, secret, "guess", 1)).Code)

	require.Equal(t, http.StatusNotFound, d.ask("DELETE", "/v1/webhooks/"+name, "bea", "").Code)
	require.Equal(t, http.StatusNoContent, d.ask("DELETE", "/v1/webhooks/"+name, "ann", "").Code)
	require.Equal(t, http.StatusNotFound, d.ask("POST", path, "", plain).Code)
	list, err := d.orders.Orders(t.Context(), "ann", 0, 10)
	require.NoError(t, err)
	require.Len(t, list, 2)
}

// Credentials are kept for their user, and never shown.
func TestCredentials(t *testing.T) {
	d := newDesk(t)
	require.Equal(t, http.StatusNoContent, d.ask("PUT", "/v1/credentials", "ann", `{"key":"k"}`).Code)
	require.Equal(t, `{"key":"k"}`, d.kept["ann"])
	require.Equal(t, http.StatusBadRequest, d.ask("PUT", "/v1/credentials", "ann", "").Code)
}

// Events come as they happen, in order, and go on from the last one that was seen; the process's end ends the stream.
func TestEvents(t *testing.T) {
	d := newDesk(t)
	bare := httptest.NewServer(httpapi.New(httpapi.Config{Identify: d.tokens.Identify, Reader: d.orders, Ends: d.ends, Bell: d.bell}))
	defer bare.Close()
	listen := func(last string) (*bufio.Scanner, func()) {
		r, err := http.NewRequestWithContext(t.Context(), "GET", bare.URL+"/v1/events", nil)
		require.NoError(t, err)
		r.Header.Set("Authorization", "Bearer "+d.tokens.Token("ann", time.Now().Add(time.Minute)))
		if last != "" {
			r.Header.Set("Last-Event-ID", last)
		}
		answer, err := http.DefaultClient.Do(r)
		require.NoError(t, err)
		require.Equal(t, http.StatusOK, answer.StatusCode)
		return bufio.NewScanner(answer.Body), func() { _ = answer.Body.Close() }
	}
	ids := func(lines *bufio.Scanner, n int) (found []string) {
		for len(found) < n && lines.Scan() {
			if id, ok := strings.CutPrefix(lines.Text(), "id: "); ok {
				found = append(found, id)
			}
		}
		return found
	}
	d.ask("POST", "/v1/orders", "ann", buying, "Idempotency-Key: a")
	lines, hangUp := listen("")
	require.Equal(t, []string{"1"}, ids(lines, 1))
	d.ask("POST", "/v1/orders", "ann", buying, "Idempotency-Key: b")
	d.ask("POST", "/v1/orders", "bea", buying, "Idempotency-Key: b")
	d.bell.Ring("ann")
	require.Equal(t, []string{"2"}, ids(lines, 1))
	hangUp()
	d.ask("POST", "/v1/orders", "ann", buying, "Idempotency-Key: c")
	lines, hangUp = listen("1")
	defer hangUp()
	require.Equal(t, []string{"2", "3"}, ids(lines, 2))
	close(d.ends)
	require.Empty(t, ids(lines, 1), "the stream has ended")
}

// Who asks for anything, is signalled for, or listens to events, is there; nobody else is.
func TestSaw(t *testing.T) {
	d := newDesk(t)
	d.ask("GET", "/v1/orders", "", "")
	require.Empty(t, d.seen)
	made := d.ask("POST", "/v1/webhooks", "ann", "")
	require.Equal(t, map[fleet.User]int{"ann": 1}, d.seen)
	path, now := field(made, "path"), strconv.FormatInt(time.Now().Unix(), 10)
	d.ask("POST", path, "", buying, "X-Timestamp: "+now, "X-Signature: v1=00")
	require.Equal(t, map[fleet.User]int{"ann": 1}, d.seen, "somebody who guesses keeps a session alive")
	d.ask("POST", path, "", buying, "X-Timestamp: "+now, "X-Signature: "+webhook.Sign([]byte(field(made, "secret")), now, []byte(buying)))
	require.Equal(t, map[fleet.User]int{"ann": 2}, d.seen)

	synctest.Test(t, func(t *testing.T) {
		times := 0
		api := httpapi.New(httpapi.Config{
			Identify: func(*http.Request) (fleet.User, error) { return "ann", nil }, Reader: order.NewMemory(nil, nil), Bell: httpapi.NewBell(),
			Saw: func(fleet.User) { times++ },
		})
		ctx, hangUp := context.WithTimeout(t.Context(), time.Minute)
		defer hangUp()
		api.ServeHTTP(httptest.NewRecorder(), httptest.NewRequestWithContext(ctx, "GET", "/v1/events", nil))
		require.Greater(t, times, 10)
	})
}

// What the load balancer says of the sender counts, and what the sender says before it does not.
func TestAddress(t *testing.T) {
	var seen string
	d := newBench(t)
	config := httpapi.Config{Identify: d.tokens.Identify, Limit: func(_ context.Context, _ fleet.User, address string) (time.Duration, error) {
		seen = address
		return time.Second, nil
	}}
	api := httpapi.New(config)
	r := httptest.NewRequestWithContext(t.Context(), "GET", "/v1/orders", nil)
	r.RemoteAddr = "10.0.0.1:4711"
	api.ServeHTTP(httptest.NewRecorder(), r)
	require.Equal(t, "10.0.0.1", seen)
	r.Header.Set("X-Forwarded-For", "1.1.1.1, 203.0.113.9")
	api.ServeHTTP(httptest.NewRecorder(), r)
	require.Equal(t, "203.0.113.9", seen)
	for header, want := range map[string]string{
		"203.0.113.9:4711": "203.0.113.9", "2001:DB8::1": "2001:db8::1", "::ffff:203.0.113.9": "203.0.113.9",
		"{pool}": "10.0.0.1", "1.1.1.1, x": "10.0.0.1", "fe80::1%{pool}": "10.0.0.1", "": "10.0.0.1",
	} {
		r.Header.Set("X-Forwarded-For", header)
		r.RemoteAddr = "10.0.0.1:4711"
		seen = ""
		httpapi.New(config).ServeHTTP(httptest.NewRecorder(), r)
		require.Equal(t, want, seen, header)
	}
}

// An address that names no user and has no turn left is refused before its token is checked and before its body is read,
// until it has one again; others are not.
func TestStrangers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		checked, wait := 0, time.Second
		api := httpapi.New(httpapi.Config{
			Identify: func(*http.Request) (fleet.User, error) { checked++; return "", httpapi.ErrUnauthorized },
			Limit:    func(context.Context, fleet.User, string) (time.Duration, error) { return wait, nil },
		})
		ask := func(method, path, address string, body io.Reader) int {
			r := httptest.NewRequestWithContext(t.Context(), method, path, body)
			r.RemoteAddr = address + ":4711"
			w := httptest.NewRecorder()
			api.ServeHTTP(w, r)
			return w.Code
		}
		for range 5 {
			require.Equal(t, http.StatusTooManyRequests, ask("GET", "/v1/orders", "10.0.0.1", nil))
		}
		require.Equal(t, 1, checked)
		wait = 0
		require.Equal(t, http.StatusUnauthorized, ask("GET", "/v1/orders", "10.0.0.2", nil))
		time.Sleep(time.Second)
		require.Equal(t, http.StatusUnauthorized, ask("GET", "/v1/orders", "10.0.0.1", nil))
		wait = time.Second
		require.Equal(t, http.StatusTooManyRequests, ask("POST", "/v1/webhooks/x", "10.0.0.3", iotest.ErrReader(errors.New("it is read"))))
	})
}

// What a user did to the account is kept, and not what failed; nothing of it is a secret.
func TestAudit(t *testing.T) {
	d := newDesk(t)
	d.idle("w1", 1)
	made := d.ask("POST", "/v1/webhooks", "ann", "")
	for _, c := range [][2]string{{"PUT", "/v1/halt"}, {"DELETE", "/v1/halt"}, {"POST", "/v1/sessions"}, {"DELETE", "/v1/sessions"}, {"DELETE", "/v1/webhooks/none"}} {
		d.ask(c[0], c[1], "ann", "")
	}
	d.ask("PUT", "/v1/credentials", "ann", `{"key":"hush"}`)
	d.ask("DELETE", "/v1/webhooks/"+field(made, "name"), "ann", "")
	var actions []audit.Action
	for _, e := range d.did {
		actions = append(actions, e.Action)
		require.Equal(t, fleet.User("ann"), e.User)
		require.NotEmpty(t, e.ID)
		require.NotContains(t, e.Detail, field(made, "secret"))
	}
	require.Equal(t, []audit.Action{
		audit.WebhookMade, audit.OrdersOff, audit.OrdersOn, audit.SessionBegun, audit.SessionEnded, audit.CredentialsKept, audit.WebhookRemoved,
	}, actions)
}

// Who waits is told what was decided about the pool.
func TestWhy(t *testing.T) {
	d := newDesk(t)
	w := d.ask("POST", "/v1/sessions", "ann", "")
	require.Equal(t, http.StatusAccepted, w.Code)
	require.Equal(t, "3 idle wanted", field(w, "reason"))
}
