package once

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"workerfleet/runtime/order"
)

func post(t *testing.T, ctx context.Context, c *Caller, url string) error {
	t.Helper()
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, url, strings.NewReader("{}"))
	require.NoError(t, err)
	r.Header.Set("Idempotency-Key", "1") // which would allow the transport to repeat it
	response, err := c.Do(r)
	if err == nil {
		_, _ = io.Copy(io.Discard, response.Body)
		require.NoError(t, response.Body.Close())
	}
	return err
}

// counting serves and counts what arrives, over TLS and without: the gate lies below both.
func counting(t *testing.T, serve http.HandlerFunc) (plain, secure *httptest.Server, arrived *atomic.Int32) {
	arrived = new(atomic.Int32)
	handler := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		arrived.Add(1)
		serve(w, r)
	})
	plain, secure = httptest.NewServer(handler), httptest.NewTLSServer(handler)
	t.Cleanup(plain.Close)
	t.Cleanup(secure.Close)
	return plain, secure, arrived
}

// A call whose deadline passes before it is written is not written, whatever the context's timer has noticed: here the
// connection is handed out late, as to a process that was stopped. With a kept connection as with a new one.
func TestNothingLeavesLate(t *testing.T) {
	plain, secure, arrived := counting(t, func(http.ResponseWriter, *http.Request) {})
	for _, server := range []*httptest.Server{plain, secure} {
		transport := server.Client().Transport.(*http.Transport)
		c := New(Config{TLS: transport.TLSClientConfig})
		require.NoError(t, post(t, t.Context(), c, server.URL), "the connection is kept")
		before := arrived.Load()
		ctx := deadline{t.Context(), time.Now().Add(-time.Nanosecond)}
		require.ErrorIs(t, post(t, ctx, c, server.URL), order.ErrUnsent)
		c.Close()
		require.ErrorIs(t, post(t, ctx, c, server.URL), order.ErrUnsent)
		require.Equal(t, before, arrived.Load())
		require.NoError(t, post(t, t.Context(), c, server.URL))
	}
}

// A call that has to leave by a moment does not leave after it, though its answer could be waited for.
func TestNothingStartsLate(t *testing.T) {
	plain, secure, arrived := counting(t, func(http.ResponseWriter, *http.Request) { time.Sleep(600 * time.Millisecond) })
	for _, server := range []*httptest.Server{plain, secure} {
		c := New(Config{TLS: server.Client().Transport.(*http.Transport).TLSClientConfig})
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		require.NoError(t, post(t, ctx, c, server.URL), "the connection is kept")
		before := arrived.Load()
		require.ErrorIs(t, post(t, order.StartBy(ctx, time.Now()), c, server.URL), order.ErrUnsent)
		require.Equal(t, before, arrived.Load())
		require.NoError(t, post(t, order.StartBy(ctx, time.Now().Add(500*time.Millisecond)), c, server.URL), "its answer may come later")
		cancel()
	}
}

// deadline is a context whose timer has not noticed yet that its deadline has passed.
type deadline struct {
	context.Context
	at time.Time
}

func (d deadline) Deadline() (time.Time, bool) { return d.at, true }

// A server that hangs up on a connection that was kept is not asked a second time, even for what the transport holds to
// be repeatable; the caller learns that it does not know.
func TestNothingIsRepeated(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer func() { _ = listener.Close() }()
	var asked atomic.Int32
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			go func() {
				defer func() { _ = conn.Close() }()
				for reader, first := bufio.NewReader(conn), true; ; first = false {
					r, err := http.ReadRequest(reader)
					if err != nil {
						return
					}
					_, _ = io.Copy(io.Discard, r.Body)
					asked.Add(1)
					if !first {
						return // the second request of a connection is taken and not answered
					}
					_, _ = io.WriteString(conn, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
				}
			}()
		}
	}()
	c := New(Config{})
	for _, method := range []string{http.MethodPost, http.MethodGet, http.MethodDelete} {
		c.Close()
		asked.Store(0)
		for i := range 2 {
			r, err := http.NewRequestWithContext(t.Context(), method, "http://"+listener.Addr().String(), nil)
			require.NoError(t, err)
			r.Header.Set("Idempotency-Key", "1")
			response, err := c.Do(r)
			if i == 0 {
				require.NoError(t, err)
				require.NoError(t, response.Body.Close())
				continue
			}
			require.Error(t, err)
			require.False(t, errors.Is(err, order.ErrUnsent), "%s may have had its effect", method)
		}
		require.EqualValues(t, 2, asked.Load(), "%s was repeated", method)
	}
}

// What cannot be reached was sent nothing. A call that is cancelled before its connection stands leaves nothing behind
// that is written later.
func TestUnsent(t *testing.T) {
	plain, _, _ := counting(t, func(http.ResponseWriter, *http.Request) {})
	plain.Close()
	require.ErrorIs(t, post(t, t.Context(), New(Config{}), plain.URL), order.ErrUnsent)

	live, _, arrived := counting(t, func(http.ResponseWriter, *http.Request) {})
	ready := make(chan struct{})
	c := New(Config{Dial: func(_ context.Context, network, address string) (net.Conn, error) {
		<-ready
		return net.Dial(network, address)
	}})
	ctx, cancel := context.WithCancel(t.Context())
	time.AfterFunc(10*time.Millisecond, cancel)
	require.ErrorIs(t, post(t, ctx, c, live.URL), order.ErrUnsent)
	close(ready)
	require.NoError(t, post(t, t.Context(), c, live.URL))
	require.EqualValues(t, 1, arrived.Load())
}

// A call that was written and not answered is unknown, and redirections are answers.
func TestWrittenIsUnknown(t *testing.T) {
	plain, _, arrived := counting(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/away" {
			http.Redirect(w, r, "/", http.StatusSeeOther) // which any client may follow
			return
		}
		panic(http.ErrAbortHandler)
	})
	c := New(Config{})
	err := post(t, t.Context(), c, plain.URL)
	require.Error(t, err)
	require.False(t, errors.Is(err, order.ErrUnsent))
	require.NoError(t, post(t, t.Context(), c, plain.URL+"/away"))
	require.EqualValues(t, 2, arrived.Load())
}

// A gate that was shut stays shut: the transport's writer may come after its call has returned.
func TestEndedCallsDoNotWrite(t *testing.T) {
	mine, other := net.Pipe()
	defer func() { _, _ = mine.Close(), other.Close() }()
	require.NoError(t, mine.SetDeadline(time.Now().Add(time.Second))) // nobody reads what must not be written
	g := &gate{Conn: mine}
	a := &attempt{ctx: t.Context()}
	g.give(a)
	require.False(t, a.end())
	_, err := g.Write([]byte("x"))
	require.ErrorIs(t, err, errOver)

	a = &attempt{ctx: t.Context(), on: &gate{}}
	g.give(a)
	_, err = g.Write([]byte("x"))
	require.ErrorIs(t, err, errReplay)
}
