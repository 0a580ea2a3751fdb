package httpapi_test

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"workerfleet/runtime/claim"
	"workerfleet/runtime/fleet"
	"workerfleet/runtime/httpapi"
	"workerfleet/runtime/seal"
	"workerfleet/runtime/session"
	"workerfleet/runtime/signals"
)

type vault struct{}

func (vault) Credentials(_ context.Context, user fleet.User) ([]byte, error) {
	if user == "poor" {
		return nil, session.ErrNoCredentials
	}
	if user == "shut" {
		return nil, &session.Refused{Reason: "the account is closed", Since: time.Now()}
	}
	return []byte("secret"), nil
}

// host is a mailbox whose worker confirms each assignment at once; while deaf it confirms nothing.
type host struct {
	store *claim.Memory
	desk  *session.Desk
	deaf  bool
	mute  bool          // confirms, but tells no desk
	gate  chan struct{} // if not nil, it is waited for before anything is posted
	mu    sync.Mutex
	kinds []fleet.MailKind
}

func (h *host) Post(ctx context.Context, _ fleet.Host, m fleet.Mail) error {
	if h.gate != nil {
		<-h.gate
	}
	h.mu.Lock()
	h.kinds = append(h.kinds, m.Kind)
	h.mu.Unlock()
	if m.Kind != fleet.MailAssign || h.deaf {
		return nil
	}
	err := h.store.Confirm(ctx, m.Worker, m.Life, m.Epoch)
	if errors.Is(err, claim.ErrPending) { // it came late, and the database agrees
		err = h.store.Agree(ctx, m.Worker, m.Life, m.Epoch)
	}
	if err != nil {
		return err
	}
	if !h.mute {
		h.desk.Tell(fleet.Ready{Worker: m.Worker, User: m.User, Epoch: m.Epoch})
	}
	return nil
}

type bench struct {
	t      *testing.T
	api    http.Handler
	store  *claim.Memory
	host   *host
	tokens httpapi.Development
	ready  error
}

func newBench(t *testing.T) *bench { return newBenchOf(t, 0) }

// newBenchOf lets so many claims be under way at once; 0 is the usual number.
func newBenchOf(t *testing.T, claims int) *bench {
	t.Helper()
	b := &bench{t: t, store: claim.NewMemory(), tokens: httpapi.Development{Secret: []byte("test")}}
	_, err := b.store.Open(t.Context(), "test")
	require.NoError(t, err)
	b.host = &host{store: b.store, desk: session.NewDesk()}
	b.api = httpapi.New(httpapi.Config{
		Sessions: session.New(session.Config{
			Claims: b.store, Directory: b.store, Authority: session.NewMemory(), Vault: vault{}, Mailbox: b.host, Terms: claim.DefaultTerms(),
		}),
		Desk: b.host.desk, Name: "api-1", Identify: b.tokens.Identify, Recorder: signals.Discard{},
		Ready: func(context.Context) error { return b.ready }, Patience: 300 * time.Millisecond, Claims: claims,
	})
	return b
}

func (b *bench) idle(worker fleet.Worker, life fleet.Life) {
	b.t.Helper()
	key, err := seal.NewKey()
	require.NoError(b.t, err)
	_, err = b.store.Register(b.t.Context(), claim.Registration{Worker: worker, Host: "h1", Life: life, Key: key.Public()}, claim.DefaultTerms())
	require.NoError(b.t, err)
}

// do sends a request of a user and returns the status and the JSON answer.
func (b *bench) do(method, path string, user fleet.User) (int, map[string]any) {
	b.t.Helper()
	r := httptest.NewRequestWithContext(b.t.Context(), method, path, strings.NewReader("{}"))
	if user != "" {
		r.Header.Set("Authorization", "Bearer "+b.tokens.Token(user, time.Now().Add(time.Minute)))
	}
	w := httptest.NewRecorder()
	b.api.ServeHTTP(w, r)
	var body map[string]any
	if w.Body.Len() > 0 {
		require.NoError(b.t, json.Unmarshal(w.Body.Bytes(), &body), w.Body)
	}
	return w.Code, body
}

// A user gets a worker, the same one when asking again, and none after the end.
func TestSession(t *testing.T) {
	b := newBench(t)
	b.idle("w1", 1)
	status, first := b.do("POST", "/v1/sessions", "ann")
	require.Equal(t, http.StatusOK, status, first)
	require.Equal(t, "w1", first["workerId"])
	require.IsType(t, "", first["epoch"], "an epoch must not pass through a JSON number")
	require.Greater(t, first["readyMs"], 0.0)

	status, second := b.do("POST", "/v1/sessions", "ann")
	require.Equal(t, http.StatusOK, status)
	require.Equal(t, first["sessionId"], second["sessionId"])
	status, shown := b.do("GET", "/v1/sessions", "ann")
	require.Equal(t, http.StatusOK, status)
	require.Equal(t, first["sessionId"], shown["sessionId"])

	status, _ = b.do("DELETE", "/v1/sessions", "ann")
	require.Equal(t, http.StatusNoContent, status)
	status, _ = b.do("GET", "/v1/sessions", "ann")
	require.Equal(t, http.StatusNotFound, status, "a session that has ended is shown")
	status, other := b.do("GET", "/v1/sessions", "bea")
	require.Equal(t, http.StatusNotFound, status, "another user's session was shown")
	require.Equal(t, "No session", other["title"])
}

// Without a free worker the answer is a place in the queue, and so is it while the worker does not answer.
func TestWaiting(t *testing.T) {
	b := newBench(t)
	status, body := b.do("POST", "/v1/sessions", "ann")
	require.Equal(t, http.StatusAccepted, status)
	require.Equal(t, map[string]any{"rank": 0.0, "estimateSeconds": 4.0}, body)
	status, body = b.do("POST", "/v1/sessions", "bea")
	require.Equal(t, http.StatusAccepted, status)
	require.Equal(t, 1.0, body["rank"])

	b.host.deaf = true
	b.idle("w1", 1)
	status, _ = b.do("POST", "/v1/sessions", "ann")
	require.Equal(t, http.StatusAccepted, status)
}

// A word that is lost on its way costs a quarter of a second, not the session.
func TestLostWord(t *testing.T) {
	b := newBench(t)
	b.host.mute = true
	b.idle("w1", 1)
	status, _ := b.do("POST", "/v1/sessions", "ann")
	require.Equal(t, http.StatusOK, status)
}

// Errors are problems with a status that a client can act on, and tell nothing of the inside.
func TestProblems(t *testing.T) {
	b := newBench(t)
	b.idle("w1", 1)
	status, body := b.do("POST", "/v1/sessions", "")
	require.Equal(t, http.StatusUnauthorized, status)
	require.Equal(t, 401.0, body["status"])
	status, _ = b.do("POST", "/v1/sessions", "poor")
	require.Equal(t, http.StatusConflict, status)
	status, body = b.do("POST", "/v1/sessions", "shut")
	require.Equal(t, http.StatusConflict, status)
	require.Equal(t, "The broker refuses the credentials", body["title"])
	require.Contains(t, body["detail"], "the account is closed; store others first")
	status, _ = b.do("GET", "/v1/nothing", "ann")
	require.Equal(t, http.StatusNotFound, status)
}

// Only whole, unchanged tokens of this secret that have not ended name a user.
func TestDevelopmentTokens(t *testing.T) {
	tokens := httpapi.Development{Secret: []byte("one")}
	good := tokens.Token("ann", time.Now().Add(time.Minute))
	identify := func(header string) (fleet.User, error) {
		r := httptest.NewRequestWithContext(t.Context(), "GET", "/", nil)
		r.Header.Set("Authorization", header)
		return tokens.Identify(r)
	}
	user, err := identify("Bearer " + good)
	require.NoError(t, err)
	require.Equal(t, fleet.User("ann"), user)
	parts := strings.Split(good, ".")
	for name, header := range map[string]string{
		"none": "", "no scheme": good, "another secret": "Bearer " + httpapi.Development{Secret: []byte("two")}.Token("ann", time.Now().Add(time.Minute)),
		"another user": "Bearer " + "YmVh." + parts[1] + "." + parts[2], "longer": "Bearer " + parts[0] + ".9999999999." + parts[2],
		"ended": "Bearer " + tokens.Token("ann", time.Now()), "garbage": "Bearer a.b.c",
	} {
		_, err := identify(header)
		require.ErrorIs(t, err, httpapi.ErrUnauthorized, name)
	}
}

// A process that cannot serve says why, and lives all the same.
func TestHealth(t *testing.T) {
	b := newBench(t)
	for path, want := range map[string]int{"/healthz": 200, "/readyz": 200} {
		status, _ := b.do("GET", path, "")
		require.Equal(t, want, status, path)
	}
	b.ready = errors.New("the store is away")
	status, body := b.do("GET", "/readyz", "")
	require.Equal(t, http.StatusServiceUnavailable, status)
	require.Equal(t, "the store is away", body["detail"])
	status, _ = b.do("GET", "/healthz", "")
	require.Equal(t, http.StatusOK, status)
}
