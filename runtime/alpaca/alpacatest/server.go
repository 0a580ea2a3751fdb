package alpacatest

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"github.com/shopspring/decimal"
)

// Keys that the server lets in.
const (
	Key    = "PKTESTTESTTESTTEST00"
	Secret = "test-secret-test-secret-test-secret-0000"
)

// Price is what a share costs.
var Price = decimal.New(12_345, -2)

// Server is one account at Alpaca.
type Server struct {
	*httptest.Server
	// Parts is how many executions an order is filled in; 0 is 2.
	Parts int
	// Behind is how long executions are missing from the list after their orders told of them.
	Behind time.Duration

	mu        sync.Mutex
	orders    []*order
	fills     []fill
	positions map[string]decimal.Decimal
	streams   map[chan map[string]any]struct{}
	arrived   int
	next      []Instead
	calls     []string
	closing   chan struct{}
}

// Instead is what the next placement is answered with.
type Instead struct {
	// Effect says whether the order is taken.
	Effect bool
	// Status and Body are the answer; status 0 breaks the connection, and -1 never answers.
	Status int
	Body   string
}

// order is one order, in Alpaca's words.
type order struct {
	ID            string           `json:"id"`
	ClientOrderID string           `json:"client_order_id"`
	CreatedAt     time.Time        `json:"created_at"`
	SubmittedAt   time.Time        `json:"submitted_at"`
	Symbol        string           `json:"symbol"`
	Qty           decimal.Decimal  `json:"qty"`
	FilledQty     decimal.Decimal  `json:"filled_qty"`
	FilledAvg     *decimal.Decimal `json:"filled_avg_price"`
	Type          string           `json:"type"`
	Side          string           `json:"side"`
	TimeInForce   string           `json:"time_in_force"`
	LimitPrice    *decimal.Decimal `json:"limit_price"`
	Status        string           `json:"status"`
	parts         int
}

// fill is one execution, in Alpaca's words.
type fill struct {
	ActivityType string          `json:"activity_type"`
	ID           string          `json:"id"`
	CumQty       decimal.Decimal `json:"cum_qty"`
	LeavesQty    decimal.Decimal `json:"leaves_qty"`
	Price        decimal.Decimal `json:"price"`
	Qty          decimal.Decimal `json:"qty"`
	Side         string          `json:"side"`
	Symbol       string          `json:"symbol"`
	At           time.Time       `json:"transaction_time"`
	OrderID      string          `json:"order_id"`
	Type         string          `json:"type"`
	listed       time.Time
}

// New serves an account that has no orders.
func New(t testing.TB) *Server {
	s := &Server{positions: map[string]decimal.Decimal{}, streams: map[chan map[string]any]struct{}{}, closing: make(chan struct{})}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /v2/account", func(w http.ResponseWriter, _ *http.Request) {
		write(w, http.StatusOK, map[string]any{"id": "e6fe16f3-64a4-4921-8928-cadf02f92f98", "status": "ACTIVE", "currency": "USD"})
	})
	mux.HandleFunc("POST /v2/orders", s.place)
	mux.HandleFunc("GET /v2/orders:by_client_order_id", s.find)
	mux.HandleFunc("DELETE /v2/orders/{id}", s.cancel)
	mux.HandleFunc("GET /v2/positions/{symbol}", s.position)
	mux.HandleFunc("GET /v2/account/activities/FILL", s.activities)
	guarded := http.NewServeMux()
	guarded.HandleFunc("GET /stream", s.stream) // it signs in by its first message
	guarded.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		s.note(r.Method + " " + r.URL.Path)
		if r.Header.Get("APCA-API-KEY-ID") != Key || r.Header.Get("APCA-API-SECRET-KEY") != Secret {
			refuse(w, http.StatusUnauthorized, 40110000, "request is not authorized: %s", r.Header.Get("APCA-API-KEY-ID"))
			return
		}
		mux.ServeHTTP(w, r)
	})
	s.Server = httptest.NewServer(guarded)
	t.Cleanup(func() {
		close(s.closing)
		s.CloseClientConnections()
		s.Close()
	})
	return s
}

// Arrived is how many placements came in.
func (s *Server) Arrived() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.arrived
}

// Calls lists the REST calls that came in.
func (s *Server) Calls() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]string(nil), s.calls...)
}

// Answer has the next placements answered otherwise, one each.
func (s *Server) Answer(next ...Instead) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.next = append(s.next, next...)
}

func (s *Server) note(call string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.calls = append(s.calls, call)
}

func write(w http.ResponseWriter, status int, value any) {
	w.Header().Set("Content-Type", "application/json; charset=UTF-8")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(value)
}

func refuse(w http.ResponseWriter, status, code int, format string, of ...any) {
	write(w, status, map[string]any{"code": code, "message": fmt.Sprintf(format, of...)})
}
