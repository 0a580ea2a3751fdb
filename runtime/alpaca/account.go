package alpaca

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/shopspring/decimal"

	"workerfleet/runtime/fleet"
	"workerfleet/runtime/order"
)

var (
	errEnded = errors.New("the account was logged out")
	// errBehind: an order says that more of it was filled than its executions tell.
	errBehind = errors.New("the list of executions is behind the order")
)

// account is one user's account.
type account struct {
	b    *Broker
	url  string
	keys keys
	open context.Context // until the logout
	end  context.CancelFunc

	turn    chan struct{} // held by whoever waits for news, and with it the next two
	stream  *stream
	pending *placed
}

// Place sends one order. The answer comes before the market's: what is filled at once is told by news, or found.
func (a *account) Place(ctx context.Context, t order.Ticket) (order.Report, error) {
	body := placing{t.ClientID, t.Symbol, t.Quantity, t.Side, t.Type, t.TimeInForce, nil}
	if t.ClientID == "" { // Alpaca would draw one, and nobody could ever find the order
		return order.Report{}, fmt.Errorf("%w: the order has no client id", order.ErrUnsent)
	}
	if t.Type == fleet.Limit {
		body.LimitPrice = &t.LimitPrice
	}
	var p placed
	if err := a.call(ctx, request{method: http.MethodPost, path: "/v2/orders", body: body, answer: &p}); err != nil {
		return order.Report{}, verdict(err)
	}
	r, err := p.report()
	if err == nil && r.ClientID != t.ClientID {
		return order.Report{}, errors.New("the broker answered with another order")
	}
	if p.FilledQty.IsPositive() {
		r.State, r.Reason = fleet.OutcomeWorking, "" // it ends when its fills are known
	}
	return r, err
}

// look reads an order without its fills.
func (a *account) look(ctx context.Context, clientID string) (p placed, err error) {
	err = a.call(ctx, request{method: http.MethodGet, path: "/v2/orders:by_client_order_id",
		query: url.Values{"client_order_id": {clientID}}, answer: &p})
	switch {
	case answered(err, http.StatusNotFound):
		return p, order.ErrAbsent
	case err != nil:
		return p, err
	case p.ClientOrderID != clientID:
		return p, errors.New("the broker answered with another order")
	}
	return p, nil
}

// Find reads an order with all its fills.
func (a *account) Find(ctx context.Context, clientID string) (order.Report, error) {
	p, err := a.look(ctx, clientID)
	if err != nil {
		return order.Report{}, err
	}
	r, err := p.report()
	if err != nil || p.FilledQty.IsZero() {
		return r, err
	}
	r.Fills, err = a.fills(ctx, p)
	if err != nil {
		return order.Report{}, err
	}
	return r, nil
}

// page is how many activities Alpaca lists at once.
const page = 100

// fills lists an order's executions: those at least that the order has told of.
func (a *account) fills(ctx context.Context, p placed) ([]fleet.Fill, error) {
	var fills []fleet.Fill
	var sum decimal.Decimal
	query := url.Values{"order_id": {p.ID}, "direction": {"asc"}, "page_size": {strconv.Itoa(page)},
		"after": {p.SubmittedAt.Add(-time.Second).UTC().Format(time.RFC3339)}}
	for {
		var listed []activity
		if err := a.call(ctx, request{method: http.MethodGet, path: "/v2/account/activities/FILL", query: query, answer: &listed}); err != nil {
			return nil, fmt.Errorf("list executions: %w", err)
		}
		for _, f := range listed {
			if f.OrderID == p.ID {
				fills = append(fills, fleet.Fill{ID: f.ID, Quantity: f.Qty, Price: f.Price, At: f.TransactionTime})
				sum = sum.Add(f.Qty)
			}
		}
		if len(listed) < page {
			break
		}
		query.Set("page_token", listed[len(listed)-1].ID)
	}
	if sum.LessThan(p.FilledQty) {
		return nil, errBehind
	}
	return fills, nil
}

// Cancel looks the order up, because Alpaca cancels by its own id, and asks for its end. Of an order that ends by itself
// meanwhile Alpaca refuses that; then it is looked at again.
func (a *account) Cancel(ctx context.Context, clientID string) error {
	p, err := a.look(ctx, clientID)
	if err != nil {
		return err
	}
	if r, err := p.report(); err != nil || r.State != fleet.OutcomeWorking {
		return err
	}
	err = a.call(ctx, request{method: http.MethodDelete, path: "/v2/orders/" + url.PathEscape(p.ID)})
	if !answered(err, http.StatusUnprocessableEntity) {
		return err
	}
	if p, again := a.look(ctx, clientID); again != nil {
		return again
	} else if r, _ := p.report(); r.State == fleet.OutcomeWorking && p.Status != "pending_cancel" {
		return err
	}
	return nil
}

// Position asks for one symbol; Alpaca knows no empty positions.
func (a *account) Position(ctx context.Context, symbol string) (decimal.Decimal, error) {
	var of struct {
		Qty  *decimal.Decimal `json:"qty"`
		Side string           `json:"side"`
	}
	err := a.call(ctx, request{method: http.MethodGet, path: "/v2/positions/" + url.PathEscape(symbol), answer: &of})
	var no *refusal
	switch {
	case errors.As(err, &no) && no.status == http.StatusNotFound && no.code != 0:
		return decimal.Zero, nil
	case err != nil:
		return decimal.Zero, err
	case of.Qty == nil:
		return decimal.Zero, errors.New("a position without a quantity is not understood")
	case of.Side == "short":
		return of.Qty.Abs().Neg(), nil
	}
	return *of.Qty, nil
}

// Logout closes the stream. There is no session to end, and the keys go with the process's memory.
func (a *account) Logout(context.Context) error {
	a.end()
	a.b.caller.Close()
	return nil
}
