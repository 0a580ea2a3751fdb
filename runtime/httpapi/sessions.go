package httpapi

import (
	"context"
	"crypto/rand"
	_ "embed"
	"fmt"
	"log/slog"
	"net/http"
	"time"

	"workerfleet/runtime/audit"
	"workerfleet/runtime/claim"
	"workerfleet/runtime/dispatch"
	"workerfleet/runtime/fleet"
	"workerfleet/runtime/hostlink"
	"workerfleet/runtime/order"
	"workerfleet/runtime/session"
	"workerfleet/runtime/signals"
	"workerfleet/runtime/webhook"
)

// Config is what the interface is made of. All fields but Why, Audit, Limit, Saw, Ends, Claims and the durations must be set.
type Config struct {
	Sessions *session.Sessions
	Desk     *session.Desk
	Orders   *dispatch.Dispatcher
	// Reader looks orders up; it may lag behind.
	Reader   order.Reader
	Switches order.Switches
	Hooks    *webhook.Hooks
	// Bell is rung when a user has new events.
	Bell *Bell
	// Deposit keeps a user's broker credentials.
	Deposit func(ctx context.Context, user fleet.User, credentials []byte) error
	// Why says in words why users wait: what was decided last about the pool; nil says nothing.
	Why func(ctx context.Context) (string, error)
	// Audit keeps what a user did; it tells nobody if it cannot.
	Audit func(ctx context.Context, e audit.Entry)
	// Limit takes a turn of what the user and the address may do, "" of which is left out, or says how long there is none;
	// nil is no limit.
	Limit func(ctx context.Context, user fleet.User, address string) (time.Duration, error)
	// Saw hears of each user who is there, and returns at once; nil is nobody.
	Saw func(user fleet.User)
	// Ends is closed when the process ends, for answers that have no end of their own.
	Ends <-chan struct{}
	// Name is this process's, under which its desk is told.
	Name string
	// Identify says which user a request is from, or [ErrUnauthorized].
	Identify func(*http.Request) (fleet.User, error)
	// Ready says why the process cannot serve, or nil.
	Ready    func(context.Context) error
	Recorder signals.Recorder
	// Patience is how long a request waits for its worker before it answers 202; 0 means two seconds.
	Patience time.Duration
	// Claims is how many are brought to the servers at once; 0 means 64. The others wait in line.
	Claims int
}

// defaultClaims is several times what a process has connections to the database: a claim waits for the key service too.
const defaultClaims = 64

// Durations of a wait.
const (
	defaultPatience = 2 * time.Second
	// again is after how long a request asks the index itself, should the word be lost on its way.
	again = 250 * time.Millisecond
	// soon is after how long it asks again while the user's last worker is on its way out: most are gone by then. Each
	// further time takes twice as long, up to again: a claim that is refused costs a call of the key service.
	soon = 25 * time.Millisecond
)

// api serves the routes.
type api struct {
	Config
	strangers *refusals
	line      *line
}

// New returns the interface as one handler.
func New(c Config) http.Handler {
	if c.Patience == 0 {
		c.Patience = defaultPatience
	}
	if c.Claims == 0 {
		c.Claims = defaultClaims
	}
	a := &api{c, newRefusals(), newLine(c.Claims)}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /v1/sessions", a.forUser(a.claim))
	mux.HandleFunc("GET /v1/sessions", a.forUser(a.show))
	mux.HandleFunc("DELETE /v1/sessions", a.forUser(a.end))
	mux.HandleFunc("POST /v1/orders", a.forUser(a.place))
	mux.HandleFunc("GET /v1/orders", a.forUser(a.listOrders))
	mux.HandleFunc("GET /v1/orders/{id}", a.forUser(a.showOrder))
	mux.HandleFunc("DELETE /v1/orders/{id}", a.forUser(a.cancelOrder))
	mux.HandleFunc("GET /v1/events", a.forUser(a.events))
	mux.HandleFunc("PUT /v1/halt", a.forUser(a.halt))
	mux.HandleFunc("DELETE /v1/halt", a.forUser(a.unhalt))
	mux.HandleFunc("PUT /v1/credentials", a.forUser(a.store))
	mux.HandleFunc("POST /v1/webhooks", a.forUser(a.makeHook))
	mux.HandleFunc("GET /v1/webhooks", a.forUser(a.listHooks))
	mux.HandleFunc("DELETE "+webhookPath+"{name}", a.forUser(a.removeHook))
	mux.HandleFunc("POST "+webhookPath+"{token}", a.signal)
	mux.HandleFunc("GET /openapi.yaml", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/yaml")
		_, _ = w.Write(openapi)
	})
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusOK) })
	mux.HandleFunc("GET /readyz", a.ready)
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		write(w, http.StatusNotFound, "application/problem+json", Problem{"Not found", http.StatusNotFound, r.Method + " " + r.URL.Path + " is no part of this interface"})
	})
	return mux
}

// bodyLimit is the most that a body may have: credentials are the largest.
const bodyLimit = hostlink.MaxCredentials

//go:embed openapi.yaml
var openapi []byte

// forUser runs a handler for the user that the request is from.
func (a *api) forUser(handle func(http.ResponseWriter, *http.Request, fleet.User) error) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		address := addressOf(r)
		if limited := a.strangers.refuses(address); limited != nil { // before a signature is checked for who has been refused
			fail(w, r, limited)
			return
		}
		user, err := a.Identify(r)
		limited := a.limit(r, user, address)
		switch {
		case limited != nil:
			err = limited
			if user == "" {
				a.strangers.refused(address, limited)
			}
		case err == nil:
			a.saw(user)
			r.Body = http.MaxBytesReader(w, r.Body, bodyLimit)
			err = handle(w, r, user)
		}
		if err != nil {
			fail(w, r, err)
		}
	}
}

// saw tells that the user is there: whose session is not used ends.
func (a *api) saw(user fleet.User) {
	if a.Saw != nil {
		a.Saw(user)
	}
}

// note keeps what a user has done. The user's request is done by then, whatever becomes of the entry.
func (a *api) note(r *http.Request, user fleet.User, action audit.Action, detail string) {
	if a.Audit != nil {
		a.Audit(context.WithoutCancel(r.Context()), audit.Entry{ID: rand.Text(), User: user, Action: action, Detail: detail, At: time.Now()})
	}
}

// opened is a session as its user sees it.
type opened struct {
	SessionID string       `json:"sessionId"`
	Epoch     fleet.Epoch  `json:"epoch"`
	WorkerID  fleet.Worker `json:"workerId"`
	// ReadyMs is how long this request took until the worker was ready; 0 for one that only asks.
	ReadyMs float64 `json:"readyMs"`
}

// queued is a place in the queue.
type queued struct {
	Rank            int `json:"rank"`
	EstimateSeconds int `json:"estimateSeconds"`
	// Reason is what was decided last about the pool, in words.
	Reason string `json:"reason,omitempty"`
}

func (a *api) claim(w http.ResponseWriter, r *http.Request, user fleet.User) error {
	began := time.Now()
	progress, err := a.await(r.Context(), user)
	if err != nil {
		a.Recorder.Add(signals.Claims, 1, "failed")
		return err
	}
	if !progress.Ready() {
		a.Recorder.Add(signals.Claims, 1, "waiting")
		write(w, http.StatusAccepted, "application/json", queued{progress.Rank, estimate(progress), a.why(r.Context())})
		return nil
	}
	took := time.Since(began)
	a.note(r, user, audit.SessionBegun, progress.Bound.Epoch.String())
	a.Recorder.Add(signals.Claims, 1, "ready")
	a.Recorder.Observe(signals.ClaimReady, took.Seconds())
	write(w, http.StatusOK, "application/json", show(*progress.Bound, took))
	return nil
}

// await claims and waits for the worker until it is ready, the user must queue, or patience ends, which begins with the
// user's turn in the line.
func (a *api) await(ctx context.Context, user fleet.User) (step, error) {
	progress, err := a.enter(ctx, user)
	ctx, cancel := context.WithTimeout(ctx, a.Patience)
	defer cancel()
	for pause := soon; ; {
		switch {
		case progress.inLine:
			return progress, nil
		case err == nil && progress.Wait > 0:
			select {
			case <-time.After(pause):
				pause = min(2*pause, again)
				progress.Progress, err = a.Sessions.Claim(ctx, claim.Request{User: user}, a.Name)
				continue
			case <-ctx.Done():
				return progress, nil
			}
		case err != nil || progress.Bound == nil || progress.Ready():
			return progress, err
		}
		if ctx.Err() != nil {
			return progress, nil
		}
		progress.Progress, err = a.Sessions.Claim(ctx, claim.Request{User: user}, a.Name)
		if err == nil && progress.Bound != nil && !progress.Ready() {
			a.hear(ctx, &progress.Progress)
		}
	}
}

// why is a word to those who wait. That nobody knows it is no reason to tell them nothing.
func (a *api) why(ctx context.Context) string {
	if a.Why == nil {
		return ""
	}
	reason, err := a.Why(ctx)
	if err != nil {
		slog.WarnContext(ctx, "no word of the pool", "error", err)
	}
	return reason
}

// Throughput of launches, for estimates: the published start of one task, and ten tasks a call at 40 calls a second.
const (
	launchSeconds     = 3.6
	launchesPerSecond = 400
)

// estimate says in how many seconds a waiting user may hope for a worker.
func estimate(p step) int {
	if p.inLine {
		return int(p.Wait.Seconds()) + 1
	}
	seconds := launchSeconds + float64(p.Rank+1)/launchesPerSecond
	return int(max(seconds, p.Wait.Seconds())) + 1
}

func show(b claim.Binding, took time.Duration) opened {
	return opened{
		SessionID: "s-" + b.Epoch.String(), Epoch: b.Epoch, WorkerID: b.Worker, ReadyMs: float64(took.Microseconds()) / 1000,
	}
}

func (a *api) show(w http.ResponseWriter, r *http.Request, user fleet.User) error {
	current, open, err := a.Sessions.Authority.Current(r.Context(), user)
	switch {
	case err != nil:
		return fmt.Errorf("find the session of %s: %w", user, err)
	case !open:
		write(w, http.StatusNotFound, "application/problem+json", Problem{"No session", http.StatusNotFound, "the user has no session; POST begins one"})
		return nil
	}
	write(w, http.StatusOK, "application/json", show(claim.Binding{Epoch: current.Epoch, Worker: current.Worker}, 0))
	return nil
}

func (a *api) end(w http.ResponseWriter, r *http.Request, user fleet.User) error {
	if err := a.Sessions.End(r.Context(), user); err != nil {
		return err
	}
	a.note(r, user, audit.SessionEnded, "")
	w.WriteHeader(http.StatusNoContent)
	return nil
}

func (a *api) ready(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := context.WithTimeout(r.Context(), time.Second)
	defer cancel()
	if err := a.Ready(ctx); err != nil {
		write(w, http.StatusServiceUnavailable, "application/problem+json", Problem{"Not ready", http.StatusServiceUnavailable, err.Error()})
		return
	}
	w.WriteHeader(http.StatusOK)
}
