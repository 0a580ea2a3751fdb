package postgres_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"path/filepath"
	"regexp"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/jackc/pgx/v5/pgproto3"
	"github.com/stretchr/testify/require"
)

// wire stands between a client and the server as a connection proxy does, and reads along.
type wire struct {
	URL    string
	server string // the server's socket
	// pinned are statements for which a proxy that shares connections would keep one for the client alone.
	mu     sync.Mutex
	pinned []string
	// cut, if set, decides once whether a connection is cut at a commit: before it reaches the server, or after the server
	// did it and before its answer reaches the client.
	cut atomic.Pointer[string]
}

const (
	beforeCommit = "before the commit"
	afterCommit  = "after the commit"
)

// proxied starts a wire to the server of the URL.
func proxied(t testing.TB, serverURL string) *wire {
	t.Helper()
	u, err := url.Parse(serverURL)
	require.NoError(t, err)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	w := &wire{
		URL:    fmt.Sprintf("postgres://fleet@%s/postgres?sslmode=disable", listener.Addr()),
		server: filepath.Join(u.Query().Get("host"), ".s.PGSQL.5432"),
	}
	ctx, end := context.WithCancel(context.Background())
	var all sync.WaitGroup
	all.Go(func() {
		for {
			client, err := listener.Accept()
			if err != nil {
				return
			}
			all.Go(func() { w.serve(ctx, client) })
		}
	})
	t.Cleanup(func() {
		end()
		_ = listener.Close()
		all.Wait()
	})
	return w
}

// serve carries one connection until either side, or the test, ends it.
func (w *wire) serve(ctx context.Context, client net.Conn) {
	server, err := net.Dial("unix", w.server)
	if err != nil {
		_ = client.Close()
		return
	}
	hangUp := func() { _, _ = client.Close(), server.Close() }
	defer context.AfterFunc(ctx, hangUp)()
	var swallow atomic.Bool
	var answers sync.WaitGroup
	answers.Go(func() {
		defer hangUp()
		_ = answer(client, server, &swallow)
	})
	_ = w.ask(client, server, &swallow)
	hangUp()
	answers.Wait()
}

// ask carries the client's messages to the server, and judges them.
func (w *wire) ask(client, server net.Conn, swallow *atomic.Bool) error {
	reader := pgproto3.NewBackend(client, client)
	message, err := reader.ReceiveStartupMessage()
	for err == nil {
		var text string
		switch m := message.(type) {
		case *pgproto3.Parse:
			if text = m.Query; m.Name != "" {
				return w.refuse("a named statement: " + m.Query)
			}
		case *pgproto3.Query:
			text = m.String
		}
		if pins.MatchString(text) || len(text) > longestText {
			return w.refuse(text)
		}
		if at := w.cut.Load(); at != nil && text == "COMMIT" && w.cut.CompareAndSwap(at, nil) {
			if *at == beforeCommit {
				return errors.New("cut")
			}
			swallow.Store(true)
		}
		raw, bad := message.Encode(nil)
		if bad != nil {
			return bad
		}
		if _, err = server.Write(raw); err == nil {
			message, err = reader.Receive()
		}
	}
	return err
}

// pins matches what makes RDS Proxy keep a connection for one client; so does a text of more than longestText bytes.
var pins = regexp.MustCompile(`(?i)(^|;)\s*(SET|RESET|LISTEN|UNLISTEN|NOTIFY|PREPARE|EXECUTE|DEALLOCATE|DISCARD|DECLARE|LOAD|LOCK)\b` +
	`|\b(nextval|currval|setval|lastval|set_config|\w*advisory\w*|pg_temp|temp|temporary)\b`)

const longestText = 16 << 10

func (w *wire) refuse(text string) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.pinned = append(w.pinned, text)
	return errors.New("refused")
}

func (w *wire) refused() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.pinned
}

// answer carries the server's messages to the client, unless they are swallowed: then until the commit is done.
func answer(client, server net.Conn, swallow *atomic.Bool) error {
	reader := pgproto3.NewFrontend(server, server)
	for {
		message, err := reader.Receive()
		if err != nil {
			return err
		}
		if done, ok := message.(*pgproto3.CommandComplete); ok && swallow.Load() && string(done.CommandTag) == "COMMIT" {
			return io.EOF
		}
		if swallow.Load() {
			continue
		}
		raw, err := message.Encode(nil)
		if err != nil {
			return err
		}
		if _, err := client.Write(raw); err != nil {
			return err
		}
	}
}
