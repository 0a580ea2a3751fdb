package once

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"net/http"
	"net/http/httptrace"
	"time"

	"workerfleet/runtime/order"
)

// Config is what a caller is made of. Its zero value works.
type Config struct {
	// Dial opens connections; nil is [Dial].
	Dial func(ctx context.Context, network, address string) (net.Conn, error)
	// TLS is nil for the machine's roots.
	TLS *tls.Config
	// Idle is how long an unused connection is kept; 0 is 20 s. Most servers and gateways keep theirs for a minute, and
	// a connection that they close just then leaves a call in doubt.
	Idle time.Duration
}

// Dial opens a TCP connection, with probes that find a dead peer within half a minute.
func Dial(ctx context.Context, network, address string) (net.Conn, error) {
	d := net.Dialer{Timeout: 3 * time.Second, KeepAliveConfig: net.KeepAliveConfig{
		Enable: true, Idle: 15 * time.Second, Interval: 5 * time.Second, Count: 3}}
	return d.DialContext(ctx, network, address)
}

// Caller makes calls. It is safe for concurrent use.
type Caller struct{ client http.Client }

// New makes a caller. It follows no redirections, asks no proxy, and speaks HTTP/1.1, where a connection is one call's at a time.
func New(c Config) *Caller {
	if c.Dial == nil {
		c.Dial = Dial
	}
	if c.Idle == 0 {
		c.Idle = 20 * time.Second
	}
	protocols := new(http.Protocols)
	protocols.SetHTTP1(true)
	return &Caller{http.Client{
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Transport: &http.Transport{
			DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
				conn, err := c.Dial(ctx, network, address)
				if err != nil {
					return nil, err
				}
				return &gate{Conn: conn}, nil
			},
			TLSClientConfig: c.TLS, TLSHandshakeTimeout: 5 * time.Second, IdleConnTimeout: c.Idle,
			Protocols: protocols, DisableCompression: true, MaxIdleConnsPerHost: 64,
		},
	}}
}

// Do makes one call. Its error is [order.ErrUnsent] if no byte of it has left and none will; any other leaves open
// whether the call had its effect. A body should be in memory, as a bytes.Reader: of any other the transport sends the
// head first and learns of the rest later. The response's body is the caller's to close.
func (c *Caller) Do(r *http.Request) (*http.Response, error) {
	a := &attempt{ctx: r.Context()}
	// A request without GetBody cannot be sent again by the transport; the gate would not let it pass either.
	r.GetBody = nil
	r = r.WithContext(httptrace.WithClientTrace(r.Context(), &httptrace.ClientTrace{
		GotConn: func(i httptrace.GotConnInfo) {
			if g := gateOf(i.Conn); g != nil {
				g.give(a)
			}
		},
	}))
	response, err := c.client.Do(r)
	if err == nil {
		return response, nil
	}
	if !a.end() {
		return nil, fmt.Errorf("%w: %w", order.ErrUnsent, err)
	}
	return nil, err
}

// Close gives unused connections up.
func (c *Caller) Close() { c.client.CloseIdleConnections() }
