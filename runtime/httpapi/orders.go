package httpapi

import (
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strconv"
	"time"

	"github.com/shopspring/decimal"

	"workerfleet/runtime/audit"
	"workerfleet/runtime/fleet"
	"workerfleet/runtime/order"
)

// shownOrder is an order as its user sees it. Quantities and prices are decimal text.
type shownOrder struct {
	ID             fleet.OrderID     `json:"id"`
	Number         uint64            `json:"number"`
	Symbol         string            `json:"symbol"`
	Side           fleet.Side        `json:"side"`
	Quantity       decimal.Decimal   `json:"quantity"`
	Type           fleet.OrderType   `json:"type"`
	LimitPrice     *decimal.Decimal  `json:"limitPrice,omitempty"`
	TimeInForce    fleet.TimeInForce `json:"timeInForce"`
	State          order.State       `json:"state"`
	Reason         string            `json:"reason,omitempty"`
	BrokerID       string            `json:"brokerId,omitempty"`
	FilledQuantity decimal.Decimal   `json:"filledQuantity"`
	Fills          []shownFill       `json:"fills"`
	AcceptedAt     time.Time         `json:"acceptedAt"`
	ChangedAt      time.Time         `json:"changedAt"`
	ValidUntil     time.Time         `json:"validUntil"`
}

// shownFill is one execution. Leg is 1 where it closed a position for a reversal, 2 where it opened the other one.
type shownFill struct {
	ID       string          `json:"id"`
	Leg      int             `json:"leg,omitempty"`
	Quantity decimal.Decimal `json:"quantity"`
	Price    decimal.Decimal `json:"price"`
	At       time.Time       `json:"at"`
}

func showOrder(r order.Record) shownOrder {
	s := shownOrder{
		ID: r.ID, Number: r.Sequence, Symbol: r.Symbol, Side: r.Side, Quantity: r.Quantity, Type: r.Type, TimeInForce: r.TimeInForce,
		State: r.State, Reason: r.Reason, BrokerID: r.BrokerID, FilledQuantity: r.FilledQuantity(), Fills: []shownFill{},
		AcceptedAt: r.AcceptedAt, ChangedAt: r.ChangedAt, ValidUntil: r.ValidUntil,
	}
	if !r.LimitPrice.IsZero() {
		s.LimitPrice = &r.LimitPrice
	}
	for _, f := range r.Fills {
		s.Fills = append(s.Fills, shownFill{f.ID, f.Leg, f.Quantity, f.Price, f.At})
	}
	return s
}

// place accepts an order. Its key is the header's, or the body's id.
func (a *api) place(w http.ResponseWriter, r *http.Request, user fleet.User) error {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return fmt.Errorf("read the order: %w", err)
	}
	fields, err := order.ReadFields(body)
	if err != nil {
		return err
	}
	draft, err := fields.Draft()
	if err != nil {
		return err
	}
	header := r.Header.Get("Idempotency-Key")
	switch {
	case header == "" && draft.Key == "":
		return &order.Invalid{Problems: []string{"Idempotency-Key: is missing; allowed: a name that no other order of yours has, in this header or as id"}}
	case header != "" && draft.Key != "" && header != draft.Key:
		return &order.Invalid{Problems: []string{"Idempotency-Key: is not the body's id; allowed: one of them, or both the same"}}
	case header != "" && !order.IsKey(header):
		return &order.Invalid{Problems: []string{fmt.Sprintf("Idempotency-Key: %.64q is not allowed; allowed: 1 to %d letters, digits and signs", header, order.LongestKey)}}
	case header != "":
		draft.Key = header
	}
	draft.Key = "api:" + draft.Key
	return a.accept(w, r, user, draft)
}

// accept answers 202 for an order that is committed by this request, and 200 for one that was before.
func (a *api) accept(w http.ResponseWriter, r *http.Request, user fleet.User, draft order.Draft) error {
	accepted, err := a.Orders.Accept(r.Context(), user, draft, unfinished(r))
	if err != nil {
		return err
	}
	status := http.StatusAccepted
	if accepted.Replayed {
		status = http.StatusOK
	}
	write(w, status, "application/json", showOrder(accepted.Record))
	return nil
}

// unfinished logs what failed after a commit: the order is accepted, and a pass carries it on.
func unfinished(r *http.Request) func(error) {
	return func(err error) { slog.WarnContext(r.Context(), "an order waits for the next pass", "error", err) }
}

func (a *api) showOrder(w http.ResponseWriter, r *http.Request, user fleet.User) error {
	id, err := orderID(r)
	if err != nil {
		return err
	}
	found, err := a.Reader.Order(r.Context(), user, id)
	if err != nil {
		return err
	}
	write(w, http.StatusOK, "application/json", showOrder(found))
	return nil
}

// orderID reads the order's name in the path. What is none names no order.
func orderID(r *http.Request) (fleet.OrderID, error) {
	id := r.PathValue("id")
	if !order.IsKey(id) {
		return "", order.ErrNotFound
	}
	return fleet.OrderID(id), nil
}

// orderList is a page of orders, the latest first. Next is the number to ask below for the next one; 0: there is none.
type orderList struct {
	Orders []shownOrder `json:"orders"`
	Next   uint64       `json:"next,omitempty"`
}

const longestPage = 200

func (a *api) listOrders(w http.ResponseWriter, r *http.Request, user fleet.User) error {
	below, err := number(r, "below", 0, 1<<62)
	if err != nil {
		return err
	}
	limit, err := number(r, "limit", 50, longestPage)
	if err != nil {
		return err
	}
	found, err := a.Reader.Orders(r.Context(), user, below, int(limit))
	if err != nil {
		return err
	}
	page := orderList{Orders: []shownOrder{}}
	for _, f := range found {
		page.Orders = append(page.Orders, showOrder(f))
	}
	if len(found) == int(limit) && limit > 0 {
		page.Next = found[len(found)-1].Sequence
	}
	write(w, http.StatusOK, "application/json", page)
	return nil
}

// number reads a whole number of the query.
func number(r *http.Request, name string, absent, most uint64) (uint64, error) {
	text := r.URL.Query().Get(name)
	if text == "" {
		return absent, nil
	}
	n, err := strconv.ParseUint(text, 10, 64)
	if err != nil || n > most {
		return 0, &order.Invalid{Problems: []string{fmt.Sprintf("%s: %.32q is not allowed; allowed: 0 to %d", name, text, most)}}
	}
	return n, nil
}

// cancelOrder asks for an order's end: 200 if it has ended, 202 while its worker is asked.
func (a *api) cancelOrder(w http.ResponseWriter, r *http.Request, user fleet.User) error {
	id, err := orderID(r)
	if err != nil {
		return err
	}
	cancelled, err := a.Orders.Cancel(r.Context(), user, id, unfinished(r))
	if err != nil {
		return err
	}
	status := http.StatusAccepted
	if cancelled.State.Final() {
		status = http.StatusOK
	}
	write(w, status, "application/json", showOrder(cancelled))
	return nil
}

// halt switches the user's orders off, and unhalt on again.
func (a *api) halt(w http.ResponseWriter, r *http.Request, user fleet.User) error {
	if err := a.Switches.Halt(r.Context(), user, true, "switched off by the user"); err != nil {
		return err
	}
	a.Orders.Withdraw(r.Context(), user, unfinished(r))
	a.note(r, user, audit.OrdersOff, "")
	w.WriteHeader(http.StatusNoContent)
	return nil
}

func (a *api) unhalt(w http.ResponseWriter, r *http.Request, user fleet.User) error {
	if err := a.Switches.Halt(r.Context(), user, false, ""); err != nil {
		return err
	}
	a.note(r, user, audit.OrdersOn, "")
	w.WriteHeader(http.StatusNoContent)
	return nil
}

// store keeps the user's broker credentials, whatever their form: they are the broker's business.
func (a *api) store(w http.ResponseWriter, r *http.Request, user fleet.User) error {
	credentials, err := io.ReadAll(r.Body)
	defer clear(credentials)
	switch {
	case err != nil:
		return fmt.Errorf("read the credentials: %w", err)
	case len(credentials) == 0:
		return &order.Invalid{Problems: []string{"body: is empty; allowed: the broker's credentials"}}
	}
	if err := a.Deposit(r.Context(), user, credentials); err != nil {
		return err
	}
	a.note(r, user, audit.CredentialsKept, "")
	w.WriteHeader(http.StatusNoContent)
	return nil
}
