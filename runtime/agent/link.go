package agent

import (
	"context"
	"time"

	"workerfleet/runtime/fleet"
	"workerfleet/runtime/hostlink"
)

// link is one connection of a worker. The roster knows it as the place to speak to.
type link struct {
	process *process
	worker  fleet.Worker // the roster's, from the hello on
	out     chan hostlink.Message
	// cut ends the connection.
	cut context.CancelFunc
}

const (
	// linkQueue is how many messages may wait for a worker that does not read; the kernel's buffer holds hundreds more.
	linkQueue = 32
	// helloLimit is how long a connection may stay silent before its hello.
	helloLimit = 5 * time.Second
)

// say never waits: a worker that takes nothing loses its connection, and says hello when it can again.
func (l *link) say(m hostlink.Message) {
	select {
	case l.out <- m:
	default:
		l.cut()
	}
}

// converse carries one connection until it ends. Its process is known before its hello is heard.
func (a *Agent) converse(conn *hostlink.Conn, p *process) {
	ctx, cut := context.WithCancel(a.work)
	defer cut()
	defer context.AfterFunc(ctx, func() { _ = conn.Close() })()
	defer conn.Close()
	l := &link{process: p, out: make(chan hostlink.Message, linkQueue), cut: cut}
	a.group.Go(func() { write(ctx, conn, l) })
	hello, err := conn.Receive(helloLimit)
	if err == nil && hello.Kind != hostlink.Hello {
		err = hostlink.ErrFrame
	}
	for said := hello; err == nil; said, err = conn.Receive(0) {
		a.turn(func(r *roster, now time.Time) []effect {
			if said.Kind == hostlink.Hello {
				return r.hello(now, l, said)
			}
			return r.heardFrom(now, l, said)
		})
	}
	a.Log.Debug("connection ends", "pid", p.pid, "error", err)
	a.turn(func(r *roster, _ time.Time) []effect {
		r.closed(l)
		return nil
	})
}

func write(ctx context.Context, conn *hostlink.Conn, l *link) {
	defer l.cut()
	for {
		select {
		case m := <-l.out:
			if err := conn.Send(m); err != nil {
				return
			}
		case <-ctx.Done():
			return
		}
	}
}
