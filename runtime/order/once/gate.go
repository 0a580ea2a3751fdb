package once

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"sync"
	"time"

	"workerfleet/runtime/order"
)

// Why a gate was shut.
var (
	errLate   = errors.New("the deadline has passed")
	errOver   = errors.New("the call has ended")
	errReplay = errors.New("the request has left on another connection")
)

// attempt is one call's leave to write.
type attempt struct {
	ctx context.Context

	mu   sync.Mutex
	on   *gate // the connection that was written to; nil is none
	over bool
}

// admit is asked before every write. The clock is read last of all: the process may have been stopped on the way here,
// and a context learns of its deadline by a timer that fires some time after it.
func (a *attempt) admit(g *gate) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	switch {
	case a.over:
		return errOver
	case a.on != nil && a.on != g:
		return errReplay
	case a.ctx.Err() != nil || a.on == nil && order.Late(a.ctx) || late(a.ctx):
		a.over = true
		return errLate
	}
	a.on = g
	return nil
}

// end shuts the gate for good and tells whether anything was written.
func (a *attempt) end() (written bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.over = true
	return a.on != nil
}

// late reads the clock rather than the context's own timer.
func late(ctx context.Context) bool {
	deadline, limited := ctx.Deadline()
	return limited && !time.Now().Before(deadline)
}

// gate is a connection that writes for the call it was given to. Before the first one, during the TLS handshake, it is open.
type gate struct {
	net.Conn
	mu  sync.Mutex
	who *attempt
}

func (g *gate) give(a *attempt) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.who = a
}

// Write writes, or says why it must not.
func (g *gate) Write(p []byte) (int, error) {
	g.mu.Lock()
	who := g.who
	g.mu.Unlock()
	if who != nil {
		if err := who.admit(g); err != nil {
			return 0, err
		}
	}
	return g.Conn.Write(p)
}

// gateOf finds the gate below a connection that the transport hands out.
func gateOf(c net.Conn) *gate {
	if secure, ok := c.(*tls.Conn); ok {
		c = secure.NetConn()
	}
	g, _ := c.(*gate)
	return g
}
