package paper

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"workerfleet/runtime/fleet"
	"workerfleet/runtime/order"
)

// Call is what the exchange is asked.
type Call string

// The calls. News is asked for all the time; only its faults have lines.
const (
	Login    Call = "login"
	Logout   Call = "logout"
	Place    Call = "place"
	Cancel   Call = "cancel"
	Find     Call = "find"
	Position Call = "position"
	News     Call = "news"
)

// Holder is [order.Holder] as the record writes it.
type Holder struct {
	User   fleet.User   `json:"user"`
	Worker fleet.Worker `json:"worker,omitempty"`
	Epoch  fleet.Epoch  `json:"epoch,omitempty"`
}

// Seen is one call that reached the exchange. Credentials are in none.
type Seen struct {
	// Number counts the calls in the order of their arrival, from 1.
	Number uint64    `json:"number"`
	At     time.Time `json:"at"`
	Call   Call      `json:"call"`
	Holder
	// Session tells the logins apart; 0 is a login that was refused.
	Session  int           `json:"session,omitempty"`
	ClientID string        `json:"clientId,omitempty"`
	Ticket   *order.Ticket `json:"ticket,omitempty"` // of Place
	// Effect says that the call did what it asked for, whatever its caller was told.
	Effect bool `json:"effect"`
	// Answer is the error that the exchange answered with, "" for none.
	Answer string `json:"answer,omitempty"`
	// Fault is what became of the call or of its answer on the way.
	Fault FaultKind `json:"fault,omitempty"`
}

// Seen lists every call that has reached the exchange, in the order of arrival.
func (x *Exchange) Seen() []Seen {
	x.mu.Lock()
	defer x.mu.Unlock()
	return slices.Clone(x.seen)
}

// seenAfter is what came after a number.
func (x *Exchange) seenAfter(n uint64) []Seen {
	x.mu.Lock()
	defer x.mu.Unlock()
	return slices.Clone(x.seen[min(n, uint64(len(x.seen))):])
}

// take has one call arrive: it is written down, and has its effect unless it is lost before. What it returns is the
// exchange's answer, or [lost], which says what the caller gets to know instead. A call that must not arrive any more
// leaves no trace: it was not made.
func take[T any](ctx context.Context, x *Exchange, s Seen, effect func(s *Seen) (T, error)) (value T, err error) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if err := unsent(ctx); err != nil {
		return value, err
	}
	s.Number, s.At = uint64(len(x.seen)+1), time.Now()
	if s.Fault = x.fault(s); !s.Fault.before() {
		value, err = effect(&s)
		s.Effect = err == nil
		if err != nil {
			s.Answer = err.Error()
		}
	}
	x.seen = append(x.seen, s)
	if x.Record != nil && x.recorded == nil {
		line, encodeErr := json.Marshal(s)
		_, writeErr := x.Record.Write(append(line, '\n'))
		x.recorded = errors.Join(encodeErr, writeErr)
	}
	if s.Fault != "" {
		return value, &lost{kind: s.Fault, answer: err}
	}
	return value, err
}

// unsent is the error of a call that must not be made any more. The clock is read beside the context, whose own timer
// may be late, as after a stop of the process.
func unsent(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("%w: %w", order.ErrUnsent, err)
	}
	if deadline, limited := ctx.Deadline(); limited && !time.Now().Before(deadline) {
		return fmt.Errorf("%w: %w", order.ErrUnsent, context.DeadlineExceeded)
	}
	return nil
}
