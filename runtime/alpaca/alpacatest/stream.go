package alpacatest

import (
	"context"
	"encoding/json"
	"net/http"
	"time"

	"github.com/coder/websocket"
)

// tell sends an update to whoever listens; the server is locked.
func (s *Server) tell(event string, o *order, f *fill) {
	data := map[string]any{"event": event, "order": *o, "timestamp": time.Now().UTC(), "event_id": "01HCMKX9GFQZV4G0Y8Q2Z7YK1V"}
	if f != nil {
		data["price"], data["qty"], data["position_qty"] = f.Price, f.Qty, s.positions[f.Symbol]
		data["execution_id"] = "an-execution-of-another-name-than-the-activity"
	}
	for listener := range s.streams {
		listener <- map[string]any{"stream": "trade_updates", "data": data}
	}
}

// Hangup breaks every stream.
func (s *Server) Hangup() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for listener := range s.streams {
		close(listener)
		delete(s.streams, listener)
	}
}

func (s *Server) stream(w http.ResponseWriter, r *http.Request) {
	conn, err := websocket.Accept(w, r, nil)
	if err != nil {
		return
	}
	defer func() { _ = conn.CloseNow() }()
	ctx, cancel := context.WithCancel(r.Context())
	defer cancel()
	if !s.greet(ctx, conn) {
		return
	}
	updates := make(chan map[string]any, 4096)
	s.mu.Lock()
	s.streams[updates] = struct{}{}
	s.mu.Unlock()
	defer func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		delete(s.streams, updates)
	}()
	if !say(ctx, conn, map[string]any{"stream": "listening", "data": map[string]any{"streams": []string{"trade_updates"}}}) {
		return
	}
	gone := conn.CloseRead(ctx)
	for {
		select {
		case update, more := <-updates:
			if !more || !say(ctx, conn, update) {
				return
			}
		case <-gone.Done():
			return
		case <-s.closing:
			return
		}
	}
}

// greet waits for the keys and for the wish to listen.
func (s *Server) greet(ctx context.Context, conn *websocket.Conn) bool {
	var heard struct {
		Action, Key, Secret string
		Data                struct{ Streams []string }
	}
	if _, said, err := conn.Read(ctx); err != nil || json.Unmarshal(said, &heard) != nil {
		return false
	}
	status := "unauthorized"
	if heard.Action == "auth" && heard.Key == Key && heard.Secret == Secret {
		status = "authorized"
	}
	if !say(ctx, conn, map[string]any{"stream": "authorization", "data": map[string]any{"status": status, "action": "authenticate"}}) || status == "unauthorized" {
		return false
	}
	_, said, err := conn.Read(ctx)
	return err == nil && json.Unmarshal(said, &heard) == nil && heard.Action == "listen" && len(heard.Data.Streams) == 1 &&
		heard.Data.Streams[0] == "trade_updates"
}

// say writes a binary frame, as Alpaca does.
func say(ctx context.Context, conn *websocket.Conn, value any) bool {
	encoded, err := json.Marshal(value)
	return err == nil && conn.Write(ctx, websocket.MessageBinary, encoded) == nil
}
