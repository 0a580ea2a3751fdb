// Package relay stands between clients and a server: what passes can be slow, held, cut, or led to another server. Tests
// and measurements play a network's faults with it.
package relay

import (
	"fmt"
	"math/rand/v2"
	"net"
	"sync"
	"time"
)

// End is an address as package net knows it.
type End struct{ Network, Address string }

// Pace is how long each word takes on its way in one direction: anything from Least to below Most.
type Pace struct{ Least, Most time.Duration }

// Relay carries connections to a server. All of its methods may be called at any time.
type Relay struct {
	listener net.Listener

	mu          sync.Mutex
	to          End
	random      *rand.Rand
	there, back Pace
	open        map[net.Conn]bool
	made        int
	free        chan struct{} // closed while words pass
	held        bool
	closed      bool
	group       sync.WaitGroup
}

// Start takes connections at one end and leads them to another, at full speed.
func Start(at, to End) (*Relay, error) {
	listener, err := net.Listen(at.Network, at.Address)
	if err != nil {
		return nil, fmt.Errorf("start a relay: %w", err)
	}
	r := &Relay{listener: listener, to: to, random: rand.New(rand.NewPCG(1, 2)), open: map[net.Conn]bool{}, free: make(chan struct{})}
	close(r.free)
	r.group.Go(func() {
		for {
			client, err := listener.Accept()
			if err != nil {
				return
			}
			r.group.Go(func() { r.carry(client) })
		}
	})
	return r, nil
}

// Port is where clients reach a relay on TCP.
func (r *Relay) Port() int { return r.listener.Addr().(*net.TCPAddr).Port }

// Close ends all connections and takes no more.
func (r *Relay) Close() {
	_ = r.listener.Close()
	r.mu.Lock()
	r.closed = true
	r.mu.Unlock()
	r.Hold(false)
	r.Cut()
	r.group.Wait()
}

// Slow makes each word take so long from here on, to the server and back.
func (r *Relay) Slow(there, back Pace) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.there, r.back = there, back
}

// Cut ends all connections at once, and says how many had been made until then. New ones are taken at once.
func (r *Relay) Cut() (made int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for conn := range r.open {
		_ = conn.Close()
	}
	return r.made
}

// Hold keeps every word where it is, or lets all go on: connections seem to stand, and nobody answers.
func (r *Relay) Hold(held bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	switch {
	case held && !r.held:
		r.free = make(chan struct{})
	case !held && r.held:
		close(r.free)
	}
	r.held = held
}

// Lead takes connections to another server from here on. Those that are open stay where they are.
func (r *Relay) Lead(to End) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.to = to
}

func (r *Relay) carry(client net.Conn) {
	defer client.Close()
	r.mu.Lock()
	to := r.to
	r.mu.Unlock()
	server, err := net.Dial(to.Network, to.Address)
	if err != nil {
		return
	}
	defer server.Close()
	if !r.note(client) {
		return
	}
	defer r.forget(client)
	var answers sync.WaitGroup
	answers.Go(func() {
		r.copy(client, server, &r.back)
		_ = client.Close()
	})
	r.copy(server, client, &r.there)
	_ = server.Close()
	answers.Wait()
}

// word is the most that passes at once.
const word = 32 << 10

func (r *Relay) copy(to, from net.Conn, pace *Pace) {
	for words := make([]byte, word); ; {
		n, err := from.Read(words)
		if err != nil {
			return
		}
		free, delay := r.delay(pace)
		<-free
		if delay > 0 {
			time.Sleep(delay)
		}
		if _, err := to.Write(words[:n]); err != nil {
			return
		}
	}
}

// note counts a connection, unless the relay has closed meanwhile.
func (r *Relay) note(conn net.Conn) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed {
		return false
	}
	r.open[conn] = true
	r.made++
	return true
}

func (r *Relay) forget(conn net.Conn) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.open, conn)
}

// delay is how long a word takes, and what it waits for before.
func (r *Relay) delay(pace *Pace) (free chan struct{}, delay time.Duration) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if pace.Most <= pace.Least {
		return r.free, pace.Least
	}
	return r.free, pace.Least + time.Duration(r.random.Int64N(int64(pace.Most-pace.Least)))
}
