package alpaca

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"workerfleet/runtime/order"
	"workerfleet/runtime/order/once"
)

// Where the API is (https://docs.alpaca.markets/docs/paper-trading).
const (
	liveURL  = "https://api.alpaca.markets"
	paperURL = "https://paper-api.alpaca.markets"
)

// Lag is a guess, and a long one: Alpaca says of no time after which a look-up finds an order. It answers an order's
// call from where it keeps orders, so that seconds are the exception.
const Lag = 10 * time.Second

// Config says where the API is. Its zero value is Alpaca's own.
type Config struct {
	Live, Paper string
	Once        once.Config
}

// Broker is Alpaca.
type Broker struct {
	live, paper string
	caller      *once.Caller
	sockets     *http.Client
}

// New makes a broker and calls nobody. Errors name the field.
func New(c Config) (*Broker, error) {
	if c.Live == "" {
		c.Live = liveURL
	}
	if c.Paper == "" {
		c.Paper = paperURL
	}
	for _, f := range []struct{ name, url string }{{"live", c.Live}, {"paper", c.Paper}} {
		u, err := url.Parse(f.url)
		if err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Host == "" {
			return nil, fmt.Errorf("%s: is no address; allowed: https://HOST", f.name)
		}
	}
	dial := c.Once.Dial
	if dial == nil {
		dial = once.Dial
	}
	return &Broker{
		strings.TrimSuffix(c.Live, "/"), strings.TrimSuffix(c.Paper, "/"), once.New(c.Once),
		&http.Client{
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }, // the keys go with the first message
			Transport:     &http.Transport{DialContext: dial, TLSClientConfig: c.Once.TLS, TLSHandshakeTimeout: 5 * time.Second},
		},
	}, nil
}

// Traits: a client order id is refused for as long as the account exists
// (https://docs.alpaca.markets/docs/orders-at-alpaca#order-id).
func (b *Broker) Traits() order.Traits { return order.Traits{RefusesRepeats: true, Lag: Lag} }

// Login asks for the account, which nobody sees without its keys. Alpaca has no sessions: nothing is opened.
func (b *Broker) Login(ctx context.Context, _ order.Holder, credentials []byte) (order.Account, error) {
	k, err := parse(credentials)
	if err != nil {
		return nil, err
	}
	a := &account{b: b, keys: k, url: b.live, turn: make(chan struct{}, 1)}
	if k.paper {
		a.url = b.paper
	}
	a.open, a.end = context.WithCancel(context.Background())
	var of struct {
		ID string `json:"id"`
	}
	err = a.call(ctx, request{method: http.MethodGet, path: "/v2/account", answer: &of})
	if err == nil && of.ID == "" {
		err = errors.New("what answered is no account")
	}
	if err != nil {
		a.end()
		return nil, fmt.Errorf("log in: %w", verdict(err))
	}
	return a, nil
}
