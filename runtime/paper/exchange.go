package paper

import (
	"fmt"
	"io"
	"slices"
	"sync"
	"time"

	"github.com/shopspring/decimal"

	"workerfleet/runtime/fleet"
	"workerfleet/runtime/order"
)

// Rules say how an exchange behaves. Their zero value fills market orders at once and loses nothing.
type Rules struct {
	// Seed decides prices, partial fills, and which calls fail.
	Seed uint64
	// Latency is the way to the exchange and back. It is the same for all calls.
	Latency time.Duration
	// Lag is how long an order that was taken is missing from look-ups.
	Lag time.Duration
	// Repeats takes a second order of one client id for another order, as brokers do that refuse none.
	Repeats bool
	// Parts is how large a part of the market orders is filled in several parts, from 0 to 1.
	Parts float64
	// Tick is the time between two prices; 0 is 250 ms. Below 0 prices stand still until [Exchange.Step].
	Tick time.Duration
	// Most is the largest quantity that one order may have; 0 is a million.
	Most decimal.Decimal
	// Faults are what goes wrong by itself; [Exchange.Break] adds to them.
	Faults []Fault
	// Slowness is how long a [Slow] call takes beside the latency; 0 is 2 s.
	Slowness time.Duration
	// Record gets each line of [Exchange.Seen] as JSON; nil is nobody.
	Record io.Writer
}

const (
	defaultTick     = 250 * time.Millisecond
	defaultMost     = 1_000_000
	defaultSlowness = 2 * time.Second
)

// Exchange is one exchange. It is safe for concurrent use, and has a timer only while an order works.
type Exchange struct {
	Rules
	opened time.Time

	mu       sync.Mutex
	seen     []Seen
	recorded error // the first error of Record
	users    map[fleet.User]*book
	working  map[*held]struct{}
	drawn    map[string]int // how often a fault was drawn for one call of one order
	broken   []Fault
	orders   int
	sessions int
	steps    int
	ticking  bool
	closed   bool
}

// book is what the exchange keeps of one user.
type book struct {
	orders    []*held
	byClient  map[string]*held
	positions map[string]decimal.Decimal
	sessions  map[*session]struct{}
}

// NewExchange opens an exchange. Errors name the field.
func NewExchange(r Rules) (*Exchange, error) {
	if r.Parts < 0 || r.Parts > 1 {
		return nil, fmt.Errorf("parts: %v is not allowed; allowed: from 0 to 1", r.Parts)
	}
	if r.Latency < 0 || r.Lag < 0 || r.Slowness < 0 {
		return nil, fmt.Errorf("latency, lag, slowness: %v, %v and %v are not allowed; allowed: from 0 up", r.Latency, r.Lag, r.Slowness)
	}
	for _, f := range r.Faults {
		if err := f.check(); err != nil {
			return nil, err
		}
	}
	if r.Tick == 0 {
		r.Tick = defaultTick
	}
	if r.Slowness == 0 {
		r.Slowness = defaultSlowness
	}
	if r.Most.IsZero() {
		r.Most = decimal.NewFromInt(defaultMost)
	}
	return &Exchange{
		Rules: r, opened: time.Now(), users: map[fleet.User]*book{}, working: map[*held]struct{}{}, drawn: map[string]int{}, broken: slices.Clone(r.Faults),
	}, nil
}

// traits are what the exchange promises.
func (x *Exchange) traits() order.Traits {
	return order.Traits{RefusesRepeats: !x.Repeats, Lag: x.Lag}
}

// Close stops the prices and returns the first error of the record. Orders stay as they are.
func (x *Exchange) Close() error {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.closed = true
	return x.recorded
}

// Step moves prices to the next tick.
func (x *Exchange) Step() {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.steps++
	x.work(time.Now())
}

// Price is what one share of a symbol costs now.
func (x *Exchange) Price(symbol string) decimal.Decimal {
	x.mu.Lock()
	defer x.mu.Unlock()
	return price(x.Seed, symbol, x.tick(time.Now()))
}

// tick is the number of the price that stands.
func (x *Exchange) tick(now time.Time) int {
	if x.Tick < 0 {
		return x.steps
	}
	return x.steps + int(now.Sub(x.opened)/x.Tick)
}

// arm has the clock go on while an order works.
func (x *Exchange) arm() {
	if x.ticking || x.closed || x.Tick < 0 || len(x.working) == 0 {
		return
	}
	x.ticking = true
	time.AfterFunc(x.Tick, func() {
		x.mu.Lock()
		defer x.mu.Unlock()
		x.ticking = false
		if !x.closed {
			x.work(time.Now())
			x.arm()
		}
	})
}

// of returns a user's book.
func (x *Exchange) of(user fleet.User) *book {
	b, ok := x.users[user]
	if !ok {
		b = &book{byClient: map[string]*held{}, positions: map[string]decimal.Decimal{}, sessions: map[*session]struct{}{}}
		x.users[user] = b
	}
	return b
}
