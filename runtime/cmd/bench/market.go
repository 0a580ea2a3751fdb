package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"strconv"
	"sync"
	"time"

	"workerfleet/runtime/fleet"
	"workerfleet/runtime/order"
	"workerfleet/runtime/paper"
	"workerfleet/runtime/signals"
	"workerfleet/runtime/webhook"
)

// market is a fleet whose users have sessions, webhooks and an exchange.
type market struct {
	*simulated
	exchange *paper.Exchange
	hooks    []webhook.Made // by user
	listener *httptest.Server
	client   *http.Client
	sent     int // orders so far: no two have one key
}

// openMarket brings each user to a worker that is logged in, and lets the dispatcher make its rounds with the
// connections that a keeper has.
func openMarket(ctx context.Context, f *simulated, exchange *paper.Exchange, users int) (*market, error) {
	path, err := f.connect(ctx, f.with(keeperShare))
	if err != nil {
		return nil, err
	}
	f.background(func(ctx context.Context) {
		_ = path.Orders("keeper", signals.Discard{}).Run(ctx, func(error) {}) // what a round could not do is lost in the figures, or late
	})
	m := &market{simulated: f, exchange: exchange, hooks: make([]webhook.Made, users)}
	come, errs := &measured{}, make([]error, users)
	each(users, func(i int) {
		m.come(ctx, user(i), time.Now(), come)
		m.hooks[i], errs[i] = f.path.Hooks.Make(ctx, user(i))
	})
	for _, err := range errs {
		if err != nil {
			return nil, err
		}
	}
	if come.errors > 0 {
		return nil, fmt.Errorf("%d of %d users got no session", come.errors, users)
	}
	if err := m.loggedIn(ctx, users); err != nil {
		return nil, err
	}
	m.listener = httptest.NewServer(f.api)
	// As a load balancer does, the users' side keeps its connections.
	m.client = &http.Client{Timeout: patience, Transport: &http.Transport{MaxIdleConnsPerHost: 1024}}
	return m, nil
}

// each does something for every number below n, sixteen at once.
func each(n int, do func(i int)) {
	places := make(chan struct{}, 16)
	var group sync.WaitGroup
	for i := range n {
		places <- struct{}{}
		group.Go(func() {
			defer func() { <-places }()
			do(i)
		})
	}
	group.Wait()
}

// loggedIn waits until all workers are logged in at the exchange: until then orders would wait for that.
func (m *market) loggedIn(ctx context.Context, users int) error {
	for began := time.Now(); ; time.Sleep(50 * time.Millisecond) {
		logins := 0
		for _, s := range m.exchange.Seen() {
			if s.Call == paper.Login && s.Effect {
				logins++
			}
		}
		switch {
		case logins >= users:
			return nil
		case time.Since(began) > time.Minute || ctx.Err() != nil:
			return fmt.Errorf("%d of %d workers are logged in after %s", logins, users, time.Since(began).Round(time.Second))
		}
	}
}

func (m *market) close() {
	m.client.CloseIdleConnections()
	m.listener.Close()
}

// sending is one order's way: when it was to be sent, and what was answered when.
type sending struct {
	user     int
	due      time.Time
	answered time.Duration
	id       fleet.OrderID // "" without 202
}

// send lets orders come at the times of a Poisson process, each of a user drawn at random, and returns when all are answered.
func (m *market) send(ctx context.Context, o orderOptions) []sending {
	random := rand.New(rand.NewPCG(o.seed, 1))
	var all []sending
	for at := time.Duration(0); ; {
		at += time.Duration(random.ExpFloat64() / o.rate * float64(time.Second))
		if at > o.long {
			break
		}
		all = append(all, sending{user: random.IntN(o.users), answered: at})
	}
	var group sync.WaitGroup
	began := time.Now()
	for i := range all {
		s := &all[i]
		s.due = began.Add(s.answered)
		if time.Sleep(time.Until(s.due)); ctx.Err() != nil {
			break
		}
		m.sent++
		key := m.sent
		group.Go(func() {
			s.id = m.post(ctx, s.user, key)
			s.answered = time.Since(s.due)
		})
	}
	group.Wait()
	return all
}

// symbols are what is bought.
var symbols = [...]string{"AAPL", "MSFT", "NVDA", "SPY"}

// post sends one signed order, once, and returns the id under which it was accepted.
func (m *market) post(ctx context.Context, who, key int) (id fleet.OrderID) {
	body := fmt.Appendf(nil, `{"symbol":%q,"side":"buy","quantity":"1","type":"market","timeInForce":"day","id":"order-%d"}`, symbols[key%len(symbols)], key)
	hook, timestamp := m.hooks[who], strconv.FormatInt(time.Now().Unix(), 10)
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, m.listener.URL+"/v1/webhooks/"+hook.Token, bytes.NewReader(body))
	if err != nil {
		return ""
	}
	request.Header.Set("X-Timestamp", timestamp)
	request.Header.Set("X-Signature", webhook.Sign([]byte(hook.Secret), timestamp, body))
	answer, err := m.client.Do(request)
	if err != nil {
		return ""
	}
	defer func() { _ = answer.Body.Close() }()
	text, err := io.ReadAll(answer.Body)
	var accepted struct{ ID fleet.OrderID }
	if err != nil || answer.StatusCode != http.StatusAccepted || json.Unmarshal(text, &accepted) != nil {
		return ""
	}
	return accepted.ID
}

// records reads the users' orders from the ledger, the latest first.
func (m *market) records(ctx context.Context, who fleet.User, take func(order.Record)) error {
	const page = 200
	for below := uint64(0); ; {
		found, err := m.path.Reader.Orders(ctx, who, below, page)
		if err != nil {
			return err
		}
		for _, r := range found {
			take(r)
			below = r.Sequence
		}
		if len(found) < page {
			return nil
		}
	}
}
