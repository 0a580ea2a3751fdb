package main

import (
	"net"
	"sync"
	"time"
)

// wire is one end of a connection within this process. Unlike [net.Pipe] it hands frames over without waiting for the
// reader and keeps no deadlines: what 35,000 connections of that kind cost would be measured along.
type wire struct {
	in, out chan []byte
	rest    []byte
	ends    *ending
}

// ending closes both ends once.
type ending struct {
	once   sync.Once
	closed chan struct{}
}

// frames is how many writes may wait for the reader: an agent gives a worker up when 32 do, so none waits here.
const frames = 64

func newWire() (mine, theirs *wire) {
	up, down, ends := make(chan []byte, frames), make(chan []byte, frames), &ending{closed: make(chan struct{})}
	return &wire{in: down, out: up, ends: ends}, &wire{in: up, out: down, ends: ends}
}

// frame waits for the next write of the other end.
func (w *wire) frame() ([]byte, error) {
	select {
	case f := <-w.in:
		return f, nil
	case <-w.ends.closed:
		return nil, net.ErrClosed
	}
}

func (w *wire) Read(p []byte) (int, error) {
	if len(w.rest) == 0 {
		f, err := w.frame()
		if err != nil {
			return 0, err
		}
		w.rest = f
	}
	n := copy(p, w.rest)
	w.rest = w.rest[n:]
	return n, nil
}

// Write keeps what it is given: the protocol makes a new frame for each message.
func (w *wire) Write(p []byte) (int, error) {
	select {
	case w.out <- p:
		return len(p), nil
	case <-w.ends.closed:
		return 0, net.ErrClosed
	}
}

func (w *wire) Close() error {
	w.ends.once.Do(func() { close(w.ends.closed) })
	return nil
}

func (w *wire) LocalAddr() net.Addr              { return &net.UnixAddr{Name: "bench", Net: "unix"} }
func (w *wire) RemoteAddr() net.Addr             { return w.LocalAddr() }
func (w *wire) SetDeadline(time.Time) error      { return nil }
func (w *wire) SetReadDeadline(time.Time) error  { return nil }
func (w *wire) SetWriteDeadline(time.Time) error { return nil }
