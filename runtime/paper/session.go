package paper

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/shopspring/decimal"

	"workerfleet/runtime/order"
)

// unread is how many reports a session keeps for a user who reads none.
const unread = 1024

var (
	errLoggedOut = errors.New("the session has ended")
	errForgotten = errors.New("news were lost: too many were not read")
	errBroken    = errors.New("the connection to the exchange broke")
)

// session is one login. Calls return the exchange's answer or [lost].
type session struct {
	x      *Exchange
	number int
	holder Holder

	mu        sync.Mutex
	reports   []order.Report
	first     uint64        // the number of reports[0]
	woken     chan struct{} // nil while nobody waits
	forgotten bool
	ended     bool
}

// refused says that credentials ask to be refused: they are empty or contain that word.
func refused(credentials []byte) bool {
	return len(bytes.TrimSpace(credentials)) == 0 || bytes.Contains(credentials, []byte("refused"))
}

// travel takes a call to the exchange and its answer back. A call on its way arrives, whoever waits for it.
func travel[T any](ctx context.Context, x *Exchange, s Seen, effect func(s *Seen) (T, error)) (T, error) {
	var none T
	if order.Late(ctx) {
		return none, fmt.Errorf("%w: %w", order.ErrUnsent, context.DeadlineExceeded)
	}
	if x.Latency == 0 {
		return take(ctx, x, s, effect)
	}
	if err := unsent(ctx); err != nil {
		return none, err
	}
	type answer struct {
		value T
		err   error
	}
	answered := make(chan answer, 1)
	time.AfterFunc(x.Latency/2, func() {
		value, err := take(context.WithoutCancel(ctx), x, s, effect)
		time.AfterFunc(x.Latency-x.Latency/2, func() { answered <- answer{value, err} })
	})
	select {
	case a := <-answered:
		return a.value, a.err
	case <-ctx.Done():
		return none, ctx.Err()
	}
}

func (x *Exchange) login(ctx context.Context, h order.Holder, credentials []byte) (*session, error) {
	no := refused(credentials) // before the call, because the credentials change after it
	return travel(ctx, x, Seen{Call: Login, Holder: Holder(h)}, func(s *Seen) (*session, error) {
		if no {
			return nil, order.ErrCredentials
		}
		x.sessions++
		s.Session = x.sessions
		opened := &session{x: x, number: x.sessions, holder: Holder(h)}
		x.of(h.User).sessions[opened] = struct{}{}
		return opened, nil
	})
}

// asks begins the record of a call.
func (s *session) asks(c Call, clientID string) Seen {
	return Seen{Call: c, Holder: s.holder, Session: s.number, ClientID: clientID}
}

// over says whether the session has ended; the exchange is locked.
func (s *session) over() bool {
	_, open := s.x.of(s.holder.User).sessions[s]
	return !open
}

func (s *session) place(ctx context.Context, t order.Ticket) (order.Report, error) {
	seen := s.asks(Place, t.ClientID)
	seen.Ticket = &t
	return travel(ctx, s.x, seen, func(seen *Seen) (order.Report, error) {
		if s.over() {
			return order.Report{}, errLoggedOut
		}
		return s.x.place(s.holder.User, t, seen.At)
	})
}

func (s *session) cancel(ctx context.Context, clientID string) error {
	_, err := travel(ctx, s.x, s.asks(Cancel, clientID), func(*Seen) (struct{}, error) {
		h := s.x.of(s.holder.User).byClient[clientID]
		switch {
		case s.over():
			return struct{}{}, errLoggedOut
		case h == nil:
			return struct{}{}, order.ErrAbsent
		}
		if _, works := s.x.working[h]; works {
			s.x.end(h, cancelled, "cancelled as asked")
			s.x.tell(h, len(h.report.Fills))
		}
		return struct{}{}, nil
	})
	return err
}

func (s *session) find(ctx context.Context, clientID string) (order.Report, error) {
	return travel(ctx, s.x, s.asks(Find, clientID), func(seen *Seen) (order.Report, error) {
		h := s.x.of(s.holder.User).byClient[clientID]
		switch {
		case s.over():
			return order.Report{}, errLoggedOut
		case h == nil || seen.At.Sub(h.placed) < s.x.Lag:
			return order.Report{}, order.ErrAbsent
		}
		return h.since(0), nil
	})
}

func (s *session) position(ctx context.Context, symbol string) (decimal.Decimal, error) {
	return travel(ctx, s.x, s.asks(Position, ""), func(*Seen) (decimal.Decimal, error) {
		if s.over() {
			return decimal.Zero, errLoggedOut
		}
		return s.x.of(s.holder.User).positions[symbol], nil
	})
}

func (s *session) logout(ctx context.Context) error {
	_, err := travel(ctx, s.x, s.asks(Logout, ""), func(*Seen) (struct{}, error) {
		if s.over() {
			return struct{}{}, errLoggedOut
		}
		delete(s.x.of(s.holder.User).sessions, s)
		s.end()
		return struct{}{}, nil
	})
	return err
}
