package alpacatest

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"github.com/shopspring/decimal"
)

// tick is the time until an order's next execution.
const tick = 5 * time.Millisecond

func (s *Server) place(w http.ResponseWriter, r *http.Request) {
	var o order
	if err := json.NewDecoder(r.Body).Decode(&o); err != nil {
		refuse(w, http.StatusBadRequest, 40010000, "request body format is invalid")
		return
	}
	s.mu.Lock()
	s.arrived++
	instead := Instead{Effect: true}
	scripted := len(s.next) > 0
	if scripted {
		instead, s.next = s.next[0], s.next[1:]
	}
	status, code, message := 0, 0, ""
	if instead.Effect {
		status, code, message = s.take(&o)
	}
	answer := o
	s.mu.Unlock()
	switch {
	case scripted && instead.Status == 0:
		panic(http.ErrAbortHandler)
	case scripted && instead.Status < 0:
		select {
		case <-r.Context().Done():
		case <-s.closing:
		}
		panic(http.ErrAbortHandler)
	case scripted:
		w.WriteHeader(instead.Status)
		_, _ = w.Write([]byte(instead.Body))
	case status != 0:
		refuse(w, status, code, "%s", message)
	default:
		write(w, http.StatusOK, answer)
	}
}

// take takes an order, or says with which status, code and words it is refused.
func (s *Server) take(o *order) (status, code int, message string) {
	for _, other := range s.orders {
		if other.ClientOrderID == o.ClientOrderID {
			return http.StatusUnprocessableEntity, 40010001, "client_order_id must be unique"
		}
	}
	switch {
	case o.Qty.Mul(Price).GreaterThan(decimal.NewFromInt(1_000_000_000)):
		return http.StatusForbidden, 40310000, "insufficient buying power"
	case o.Type == "limit" && o.LimitPrice == nil:
		return http.StatusUnprocessableEntity, 42210000, "limit orders require a limit price"
	case o.Type == "market" && o.LimitPrice != nil:
		return http.StatusUnprocessableEntity, 40010001, "market orders require no stop or limit price"
	}
	o.ID, o.Status = fmt.Sprintf("904837e3-3b76-47ec-b432-%012d", len(s.orders)+1), "pending_new"
	o.CreatedAt, o.SubmittedAt = time.Now().UTC(), time.Now().UTC()
	o.parts = max(s.Parts, 0)
	if o.parts == 0 {
		o.parts = 2
	}
	kept := *o
	s.orders = append(s.orders, &kept)
	s.later(&kept)
	return 0, 0, ""
}

func (s *Server) later(o *order) {
	time.AfterFunc(tick, func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		if s.step(o) {
			s.later(o)
		}
	})
}

// step takes an order to its next execution, and says whether there is another one.
func (s *Server) step(o *order) bool {
	crossed := o.LimitPrice == nil || o.Side == "buy" && o.LimitPrice.GreaterThanOrEqual(Price) || o.Side == "sell" && o.LimitPrice.LessThanOrEqual(Price)
	switch {
	case o.Status == "canceled" || o.Status == "filled":
		return false
	case o.Status == "pending_new":
		o.Status = "new"
		s.tell("new", o, nil)
		return true
	case !crossed && o.TimeInForce == "ioc":
		o.Status = "canceled"
		s.tell("canceled", o, nil)
		return false
	case !crossed:
		return false
	}
	left := o.Qty.Sub(o.FilledQty)
	part := left.Div(decimal.NewFromInt(int64(o.parts))).Truncate(4)
	event := "partial_fill"
	if o.parts--; o.parts == 0 {
		part, event, o.Status = left, "fill", "filled"
	} else {
		o.Status = "partially_filled"
	}
	o.FilledQty = o.FilledQty.Add(part)
	o.FilledAvg = &Price
	f := fill{"FILL", fmt.Sprintf("%s::8efc7b9a-8b2b-4000-9955-%012d", time.Now().UTC().Format("20060102150405000"), len(s.fills)+1),
		o.FilledQty, o.Qty.Sub(o.FilledQty), Price, part, o.Side, o.Symbol, time.Now().UTC(), o.ID, event, time.Now().Add(s.Behind)}
	s.fills = append(s.fills, f)
	if o.Side == "sell" {
		part = part.Neg()
	}
	s.positions[o.Symbol] = s.positions[o.Symbol].Add(part)
	s.tell(event, o, &f)
	return event != "fill"
}

func (s *Server) find(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, o := range s.orders {
		if o.ClientOrderID == r.URL.Query().Get("client_order_id") {
			write(w, http.StatusOK, o)
			return
		}
	}
	refuse(w, http.StatusNotFound, 40410000, "order not found for %s", r.URL.Query().Get("client_order_id"))
}

func (s *Server) cancel(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, o := range s.orders {
		switch {
		case o.ID != r.PathValue("id"):
		case o.Status == "filled" || o.Status == "canceled":
			refuse(w, http.StatusUnprocessableEntity, 42210000, "order is already in %q state", o.Status)
			return
		default:
			o.Status = "canceled"
			s.tell("canceled", o, nil)
			w.WriteHeader(http.StatusNoContent)
			return
		}
	}
	refuse(w, http.StatusNotFound, 40410000, "order not found for %s", r.PathValue("id"))
}

func (s *Server) position(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	held := s.positions[r.PathValue("symbol")]
	if held.IsZero() {
		refuse(w, http.StatusNotFound, 40410000, "position does not exist")
		return
	}
	side := "long"
	if held.IsNegative() {
		side = "short"
	}
	write(w, http.StatusOK, map[string]any{"symbol": r.PathValue("symbol"), "qty": held, "side": side, "avg_entry_price": Price})
}

// activities lists executions as an older server does that does not know the filter by order: all of the account.
func (s *Server) activities(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	q := r.URL.Query()
	size, err := strconv.Atoi(q.Get("page_size"))
	after, timeErr := time.Parse(time.RFC3339, q.Get("after"))
	if err != nil || timeErr != nil || size < 1 || size > 100 || q.Get("direction") != "asc" {
		refuse(w, http.StatusUnprocessableEntity, 40010001, "a parameter is invalid")
		return
	}
	listed, begun := []fill{}, q.Get("page_token") == ""
	for _, f := range s.fills {
		if begun && f.At.After(after) && len(listed) < size && !time.Now().Before(f.listed) {
			listed = append(listed, f)
		}
		begun = begun || f.ID == q.Get("page_token")
	}
	write(w, http.StatusOK, listed)
}
