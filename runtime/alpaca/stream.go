package alpaca

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/coder/websocket"

	"workerfleet/runtime/order"
)

const (
	// unread is how many updates wait for a reader; one who leaves more begins anew.
	unread = 1024
	// greeting is how long the stream may take until it listens.
	greeting = 10 * time.Second
	// A fill that is told of before it is listed is looked for this often, in this distance.
	tries = 10
	pause = 300 * time.Millisecond
)

// message is what goes over the stream both ways, in binary frames (https://docs.alpaca.markets/docs/websocket-streaming).
type message struct {
	Stream string `json:"stream"`
	Data   struct {
		Status  string   `json:"status"`
		Streams []string `json:"streams"`
		Order   placed   `json:"order"`
	} `json:"data"`
}

// stream is one connection, which a goroutine reads until it breaks.
type stream struct {
	updates chan placed
	err     error // of its end; read after updates is closed
}

// listen connects, and has the account's updates sent.
func (a *account) listen(ctx context.Context) (*stream, error) {
	ctx, cancel := context.WithTimeout(ctx, greeting)
	defer cancel()
	conn, _, err := websocket.Dial(ctx, a.url+"/stream", &websocket.DialOptions{HTTPClient: a.b.sockets})
	if err != nil {
		return nil, fmt.Errorf("open the stream: %w", err)
	}
	conn.SetReadLimit(longest)
	if err := a.greet(ctx, conn); err != nil {
		_ = conn.CloseNow()
		return nil, fmt.Errorf("open the stream: %w", err)
	}
	s := &stream{updates: make(chan placed, unread)}
	go s.read(a.open, conn)
	return s, nil
}

// greet signs in and waits until the stream listens.
func (a *account) greet(ctx context.Context, conn *websocket.Conn) error {
	for _, say := range []any{
		map[string]string{"action": "auth", "key": a.keys.id, "secret": a.keys.secret},
		map[string]any{"action": "listen", "data": map[string]any{"streams": []string{"trade_updates"}}},
	} {
		encoded, err := json.Marshal(say)
		if err != nil {
			return err
		}
		if err := conn.Write(ctx, websocket.MessageText, encoded); err != nil {
			return err
		}
		heard, err := receive(ctx, conn)
		switch {
		case err != nil:
			return err
		case heard.Stream == "authorization" && heard.Data.Status == "authorized":
		case heard.Stream == "authorization":
			return order.ErrCredentials
		case heard.Stream == "listening" && len(heard.Data.Streams) == 1:
		default:
			return errors.New("the broker does not offer the account's updates")
		}
	}
	return nil
}

func receive(ctx context.Context, conn *websocket.Conn) (m message, err error) {
	_, said, err := conn.Read(ctx)
	if err == nil {
		err = json.Unmarshal(said, &m)
	}
	return m, err
}

// read passes updates on until the account is logged out or the connection breaks.
func (s *stream) read(open context.Context, conn *websocket.Conn) {
	defer close(s.updates)
	defer func() { _ = conn.CloseNow() }()
	for {
		m, err := receive(open, conn)
		if err != nil {
			s.err = fmt.Errorf("the stream broke: %w", err)
			return
		}
		if m.Stream != "trade_updates" {
			continue
		}
		select {
		case s.updates <- m.Data.Order:
		default:
			s.err = errors.New("the stream was not read")
			return
		}
	}
}

// Next waits for an update, and opens the stream if there is none. The stream stays open between calls.
func (a *account) Next(ctx context.Context) (order.Report, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	defer context.AfterFunc(a.open, func() { cancel(errEnded) })()
	select {
	case a.turn <- struct{}{}:
		defer func() { <-a.turn }()
	case <-ctx.Done():
		return order.Report{}, context.Cause(ctx)
	}
	if err := a.update(ctx); err != nil {
		return order.Report{}, err
	}
	report, err := a.told(ctx, *a.pending)
	if ctx.Err() == nil {
		a.pending = nil // else the next call goes on with it
	}
	return report, err
}

// update has an order pending that there is something to tell of.
func (a *account) update(ctx context.Context) (err error) {
	if a.pending != nil {
		return nil
	}
	if a.open.Err() != nil {
		return errEnded
	}
	if a.stream == nil {
		if a.stream, err = a.listen(ctx); err != nil {
			return err
		}
	}
	select {
	case p, more := <-a.stream.updates:
		if !more {
			err, a.stream = a.stream.err, nil
			return err
		}
		a.pending = &p
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// told turns an update into a report. What was filled is looked up.
func (a *account) told(ctx context.Context, p placed) (order.Report, error) {
	if p.FilledQty.IsZero() {
		return p.report()
	}
	for try := 1; ; try++ {
		report, err := a.Find(ctx, p.ClientOrderID)
		if !errors.Is(err, errBehind) || try == tries {
			return report, err
		}
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			return order.Report{}, context.Cause(ctx)
		}
	}
}
