package paper

import (
	"fmt"
	"slices"
	"time"

	"github.com/shopspring/decimal"

	"workerfleet/runtime/fleet"
	"workerfleet/runtime/order"
)

// held is one order of the exchange.
type held struct {
	user   fleet.User
	ticket order.Ticket
	report order.Report // with all fills
	placed time.Time
	parts  int // that the rest is filled in
}

// Held is an order that the exchange has.
type Held struct {
	User   fleet.User   `json:"user"`
	Placed time.Time    `json:"placed"`
	Ticket order.Ticket `json:"ticket"`
	Report order.Report `json:"report"` // with all fills
}

// Orders lists all orders by user as they stand, and those of one user as they came.
func (x *Exchange) Orders() []Held {
	x.mu.Lock()
	defer x.mu.Unlock()
	var all []Held
	for _, b := range x.users {
		for _, h := range b.orders {
			report := h.report
			report.Fills = slices.Clone(report.Fills)
			all = append(all, Held{h.user, h.placed, h.ticket, report})
		}
	}
	slices.SortStableFunc(all, func(a, b Held) int {
		if a.User != b.User && a.User < b.User {
			return -1
		} else if a.User != b.User {
			return 1
		}
		return 0
	})
	return all
}

// refusal is why the exchange does not take a ticket, or "".
func (x *Exchange) refusal(t order.Ticket) string {
	switch {
	case t.ClientID == "" || len(t.ClientID) > 128:
		return "client id: is empty or too long; allowed: 1 to 128 characters"
	case t.Symbol == "" || len(t.Symbol) > 16:
		return "symbol: is empty or too long; allowed: 1 to 16 characters"
	case t.Side != fleet.Buy && t.Side != fleet.Sell:
		return fmt.Sprintf("side: %s is not allowed; allowed: buy, sell", t.Side)
	case !t.Quantity.IsPositive() || t.Quantity.GreaterThan(x.Most):
		return fmt.Sprintf("quantity: %s is not allowed; allowed: above 0, to %s", t.Quantity, x.Most)
	case t.Type != fleet.Market && t.Type != fleet.Limit:
		return fmt.Sprintf("type: %s is not allowed; allowed: market, limit", t.Type)
	case t.Type == fleet.Limit && !t.LimitPrice.IsPositive():
		return fmt.Sprintf("limit price: %s is not allowed; allowed: above 0", t.LimitPrice)
	case t.TimeInForce != fleet.Day && t.TimeInForce != fleet.GoodTillCancelled && t.TimeInForce != fleet.ImmediateOrCancel:
		return fmt.Sprintf("time in force: %s is not allowed; allowed: day, gtc, ioc", t.TimeInForce)
	}
	return ""
}

// place takes an order and fills what can be filled at once.
func (x *Exchange) place(user fleet.User, t order.Ticket, now time.Time) (order.Report, error) {
	if reason := x.refusal(t); reason != "" {
		return order.Report{}, &order.Refused{Reason: reason}
	}
	b := x.of(user)
	if b.byClient[t.ClientID] != nil && !x.Repeats {
		return order.Report{}, order.ErrRepeated
	}
	x.orders++
	h := &held{user: user, ticket: t, placed: now, parts: 1}
	h.report = order.Report{ClientID: t.ClientID, BrokerID: fmt.Sprintf("paper-%d", x.orders), State: fleet.OutcomeWorking}
	if draw(x.Seed, "parts "+t.ClientID, x.orders) < x.Parts {
		h.parts = 2 + int(2*draw(x.Seed, "count "+t.ClientID, x.orders))
	}
	b.orders = append(b.orders, h)
	b.byClient[t.ClientID] = h
	x.working[h] = struct{}{}
	before := len(h.report.Fills)
	x.fill(h, now)
	if t.TimeInForce == fleet.ImmediateOrCancel && h.report.State == fleet.OutcomeWorking {
		x.end(h, fleet.OutcomeCancelled, "what could not be filled at once was cancelled")
	}
	x.tell(h, before)
	x.arm()
	return h.since(before), nil
}

// work steps every working order.
func (x *Exchange) work(now time.Time) {
	for h := range x.working {
		before, state := len(h.report.Fills), h.report.State
		if h.ticket.TimeInForce == fleet.Day && now.UTC().Truncate(24*time.Hour).After(h.placed) {
			x.end(h, fleet.OutcomeExpired, "the day has ended")
		} else {
			x.fill(h, now)
		}
		if len(h.report.Fills) != before || h.report.State != state {
			x.tell(h, before)
		}
	}
}

// fill fills a part of what is left, if the price allows it.
func (x *Exchange) fill(h *held, now time.Time) {
	at := price(x.Seed, h.ticket.Symbol, x.tick(now))
	if h.ticket.Type == fleet.Limit && (h.ticket.Side == fleet.Buy && at.GreaterThan(h.ticket.LimitPrice) ||
		h.ticket.Side == fleet.Sell && at.LessThan(h.ticket.LimitPrice)) {
		return
	}
	left := h.ticket.Quantity
	for _, f := range h.report.Fills {
		left = left.Sub(f.Quantity)
	}
	part := left
	if h.parts > 1 {
		part = left.Div(decimal.NewFromInt(int64(h.parts))).Truncate(max(0, -left.Exponent()))
		h.parts--
	}
	if !part.IsPositive() {
		part = left
	}
	h.report.Fills = append(h.report.Fills, fleet.Fill{
		ID: fmt.Sprintf("%s-%d", h.report.BrokerID, len(h.report.Fills)+1), Quantity: part, Price: at, At: now.UTC(),
	})
	b := x.of(h.user)
	if h.ticket.Side == fleet.Sell {
		b.positions[h.ticket.Symbol] = b.positions[h.ticket.Symbol].Sub(part)
	} else {
		b.positions[h.ticket.Symbol] = b.positions[h.ticket.Symbol].Add(part)
	}
	if part.Equal(left) {
		x.end(h, fleet.OutcomeFilled, "")
	}
}

func (x *Exchange) end(h *held, state fleet.OutcomeState, reason string) {
	h.report.State, h.report.Reason = state, reason
	delete(x.working, h)
}

// since is what a report says of an order whose first fills were told.
func (h *held) since(fills int) order.Report {
	r := h.report
	r.Fills = slices.Clone(r.Fills[fills:])
	return r
}

// tell brings news to every session of the order's user.
func (x *Exchange) tell(h *held, before int) {
	for s := range x.of(h.user).sessions {
		s.hear(h.since(before))
		if x.fault(Seen{Call: News, Holder: Holder{User: h.user}, ClientID: h.ticket.ClientID}) == Twice {
			s.hear(h.since(before))
		}
	}
}
