package valkeytest

import (
	"io"
	"math/rand/v2"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// Line stands between clients and one server: it can be slow, and it can be cut.
type Line struct {
	// Port is where clients reach it.
	Port int

	to     string
	mu     sync.Mutex
	random *rand.Rand
	least  time.Duration
	most   time.Duration
	open   map[net.Conn]bool
	made   int
}

// NewLine makes a line to an address, at full speed. It ends with the test.
func NewLine(t testing.TB, to string) *Line {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	l := &Line{
		Port: listener.Addr().(*net.TCPAddr).Port, to: to, random: rand.New(rand.NewPCG(1, 2)), open: map[net.Conn]bool{},
	}
	t.Cleanup(func() { _ = listener.Close(); l.Cut() })
	go func() {
		for {
			from, err := listener.Accept()
			if err != nil {
				return
			}
			go l.carry(from)
		}
	}()
	return l
}

// Slow makes each word of a client take so long from here on.
func (l *Line) Slow(least, most time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.least, l.most = least, most
}

// Cut ends all connections at once, and says how many had been made until then. New ones are taken at once.
func (l *Line) Cut() (made int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for conn := range l.open {
		_ = conn.Close()
	}
	return l.made
}

func (l *Line) carry(client net.Conn) {
	defer client.Close()
	server, err := net.Dial("tcp", l.to)
	if err != nil {
		return
	}
	defer server.Close()
	l.note(client, true)
	defer l.note(client, false)
	go func() {
		_, _ = io.Copy(client, server)
		_ = client.Close()
	}()
	for words := make([]byte, 32<<10); ; {
		n, err := client.Read(words)
		if err != nil {
			return
		}
		time.Sleep(l.delay())
		if _, err := server.Write(words[:n]); err != nil {
			return
		}
	}
}

func (l *Line) note(conn net.Conn, open bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if open {
		l.open[conn] = true
		l.made++
	} else {
		delete(l.open, conn)
	}
}

func (l *Line) delay() time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.most <= l.least {
		return l.least
	}
	return l.least + time.Duration(l.random.Int64N(int64(l.most-l.least)))
}
