package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"sync/atomic"
	"time"

	"workerfleet/runtime/agent"
	"workerfleet/runtime/fleet"
	"workerfleet/runtime/hostlink"
	"workerfleet/runtime/seal"
)

// host is one host's simulated workers.
type host struct {
	door    *door
	name    string
	workers []*puppet
}

// lastPID tells simulated processes apart.
var lastPID atomic.Int64

// sign is how often a simulated worker shows that its own loop runs, by its lease: 6 s at the published one. Real ones do with
// every beat, at the cost of their own processor; their agent asks for one within a lease.
func sign(lease time.Duration) time.Duration { return lease * 2 / 5 }

// fill starts workers and keeps them audible.
func (h *host) fill(f *simulated, count int) error {
	for i := range count {
		key, err := seal.NewKey()
		if err != nil {
			return err
		}
		w := &puppet{name: fleet.Worker(fmt.Sprintf("worker-%s-%d", h.name, i)), key: key}
		h.workers = append(h.workers, w)
		f.background(func(ctx context.Context) {
			w.live(ctx, h.door)
			f.ended.Add(1)
		})
	}
	f.background(func(ctx context.Context) { h.breathe(ctx, sign(f.path.Terms.TTL)) })
	return nil
}

// breathe lets the host's workers speak, one after the other, each once in the time of a sign.
func (h *host) breathe(ctx context.Context, every time.Duration) {
	if len(h.workers) == 0 {
		return
	}
	ticker := time.NewTicker(every / time.Duration(len(h.workers)))
	defer ticker.Stop()
	for i := 0; ; i++ {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
			h.workers[i%len(h.workers)].say(hostlink.Message{Kind: hostlink.Alive})
		}
	}
}

// puppet is one simulated worker: it has one life, takes one session, and opens its credentials as a real one does.
type puppet struct {
	name fleet.Worker
	key  seal.Key
	conn atomic.Pointer[hostlink.Conn]
}

const life fleet.Life = 1

// say speaks to the agent, once the worker has called. A connection that has ended ends the worker too.
func (w *puppet) say(m hostlink.Message) {
	if conn := w.conn.Load(); conn != nil {
		_ = conn.Send(m)
	}
}

// assignment is what an assignment's frame holds; of all others a simulated worker reads nothing.
var assignment = []byte(`"kind":"assign"`)

// header is the length before a frame's content, in bytes.
const header = 4

// live calls the agent and answers it until ctx ends.
func (w *puppet) live(ctx context.Context, d *door) {
	mine, theirs := newWire()
	defer context.AfterFunc(ctx, func() { _ = mine.Close() })()
	defer mine.Close()
	select {
	case d.calls <- agent.Call{Stream: theirs, PID: int(lastPID.Add(1)), Exited: make(chan struct{})}:
	case <-ctx.Done():
		return
	}
	conn := hostlink.NewConn(mine)
	if conn.Send(hostlink.Message{Kind: hostlink.Hello, Worker: w.name, Life: life, Revision: 1, Key: w.key.Public()}) != nil {
		return
	}
	w.conn.Store(conn)
	for {
		frame, err := mine.frame()
		if err != nil {
			return
		}
		var m hostlink.Message
		if bytes.Contains(frame, assignment) && json.Unmarshal(frame[header:], &m) == nil {
			w.take(m)
		}
	}
}

// take opens the credentials and accepts, or says why not.
func (w *puppet) take(m hostlink.Message) {
	_, err := w.key.Open(seal.Context{User: m.User, Worker: w.name, Life: m.Life, Epoch: m.Epoch}, m.Sealed)
	if err != nil {
		w.say(hostlink.Message{Kind: hostlink.Refused, Epoch: m.Epoch, Reason: err.Error()})
		return
	}
	w.say(hostlink.Message{Kind: hostlink.Accepted, User: m.User, Epoch: m.Epoch})
}
