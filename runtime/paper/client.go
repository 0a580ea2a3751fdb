package paper

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync/atomic"
	"time"

	"github.com/shopspring/decimal"

	"workerfleet/runtime/order"
	"workerfleet/runtime/order/once"
)

// Config says where an exchange is served.
type Config struct {
	// URL is where [Handler] answers, like http://127.0.0.1:8700.
	URL string
	// Once is how calls are made; its zero value works.
	Once once.Config
}

// Broker trades on an exchange over HTTP.
type Broker struct {
	url    string
	caller *once.Caller
	traits atomic.Pointer[order.Traits]
}

// Cautious is what is assumed of an exchange that nobody has logged in to yet.
var Cautious = order.Traits{Lag: time.Minute}

// New makes a broker and calls nobody. An error names the field.
func New(c Config) (*Broker, error) {
	u, err := url.Parse(c.URL)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
		return nil, errors.New("url: is no address of an exchange; allowed: http://HOST:PORT")
	}
	return &Broker{url: strings.TrimSuffix(c.URL, "/"), caller: once.New(c.Once)}, nil
}

// Traits are what the exchange said at the last login, and [Cautious] before the first one.
func (b *Broker) Traits() order.Traits {
	if t := b.traits.Load(); t != nil {
		return *t
	}
	return Cautious
}

// Login opens a session.
func (b *Broker) Login(ctx context.Context, h order.Holder, credentials []byte) (order.Account, error) {
	var opened loginAnswer
	if err := b.call(ctx, request{path: Login, body: loginRequest{Holder(h), credentials}, answer: &opened}); err != nil {
		return nil, fmt.Errorf("log in: %w", err)
	}
	b.traits.Store(&order.Traits{RefusesRepeats: opened.RefusesRepeats, Lag: opened.Lag})
	a := &remote{b: b, token: opened.Session}
	a.reader = newReader(a.fetch)
	return a, nil
}

// request is one call: where it goes, what it says, and where the answer is put.
type request struct {
	path   Call
	token  string
	body   any
	answer any
}

// call makes a call, once. Its errors are those of [order.Trading]; any other is unknown.
func (b *Broker) call(ctx context.Context, q request) error {
	body, err := json.Marshal(q.body)
	if err != nil {
		return fmt.Errorf("%w: %w", order.ErrUnsent, err)
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, b.url+"/v1/"+string(q.path), bytes.NewReader(body))
	if err != nil {
		return fmt.Errorf("%w: %w", order.ErrUnsent, err)
	}
	r.Header.Set("Authorization", "Bearer "+q.token)
	response, err := b.caller.Do(r)
	if err != nil {
		return err
	}
	defer func() { _ = response.Body.Close() }()
	said, err := io.ReadAll(io.LimitReader(response.Body, 16<<20))
	if err != nil {
		return fmt.Errorf("read the answer: %w", err)
	}
	if response.StatusCode == http.StatusOK {
		if err := json.Unmarshal(said, q.answer); err != nil {
			return fmt.Errorf("read the answer: %w", err)
		}
		return nil
	}
	var f failure
	if json.Unmarshal(said, &f) == nil {
		if err := meant(f); err != nil {
			return err
		}
	}
	return fmt.Errorf("the exchange answered %s", response.Status)
}

// remote is an account over HTTP.
type remote struct {
	b      *Broker
	token  string
	reader *reader
}

func (a *remote) call(ctx context.Context, path Call, body, answer any) error {
	return a.b.call(ctx, request{path, a.token, body, answer})
}

func (a *remote) Place(ctx context.Context, t order.Ticket) (order.Report, error) {
	var r order.Report
	err := a.call(ctx, Place, t, &r)
	return r, err
}

func (a *remote) Cancel(ctx context.Context, clientID string) error {
	return a.call(ctx, Cancel, orderRequest{clientID}, &struct{}{})
}

func (a *remote) Find(ctx context.Context, clientID string) (order.Report, error) {
	var r order.Report
	err := a.call(ctx, Find, orderRequest{clientID}, &r)
	return r, err
}

func (a *remote) Position(ctx context.Context, symbol string) (decimal.Decimal, error) {
	var p positionAnswer
	err := a.call(ctx, Position, symbolRequest{symbol}, &p)
	return p.Quantity, err
}

func (a *remote) Logout(ctx context.Context) error {
	defer a.b.caller.Close()
	return a.call(ctx, Logout, struct{}{}, &struct{}{})
}

func (a *remote) Next(ctx context.Context) (order.Report, error) { return a.reader.next(ctx) }

// fetch asks for news until there is an answer, whatever it is.
func (a *remote) fetch(ctx context.Context, after uint64) ([]order.Report, uint64, error) {
	var n newsAnswer
	err := a.call(ctx, News, newsRequest{after}, &n)
	return n.Reports, n.UpTo, err
}
