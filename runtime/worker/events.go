package worker

import (
	"errors"
	"time"

	"github.com/shopspring/decimal"

	"workerfleet/runtime/fleet"
	"workerfleet/runtime/hostlink"
	"workerfleet/runtime/order"
)

// Event is what happens to a worker: [Connected], [Heard], [Ordered], [LoginEnded], [CallEnded], [News], [Due] or
// [Stopped].
type Event interface{ event() }

// Connected: there is a new connection to the agent.
type Connected struct{}

// Heard: the agent said something.
type Heard struct{ hostlink.Message }

// Ordered: the agent brought an order, or takes one back, whose call must start before EmitBy on this host's clock.
type Ordered struct {
	hostlink.Message
	EmitBy hostlink.Instant
}

// CallEnded: a call that was asked for has ended.
type CallEnded struct {
	Call
	// Began is when, by this host's wall clock.
	Began    time.Time
	Report   order.Report
	Position decimal.Decimal
	Err      error
}

// News: the broker reports on an order by itself.
type News struct{ order.Report }

// LoginEnded: a login that was asked for has ended, with this error or with an account at a broker of these traits.
type LoginEnded struct {
	Err    error
	Traits order.Traits
}

// Due: the moment that [Machine.Wake] named has come.
type Due struct{}

// Stopped: the process was asked to end.
type Stopped struct{}

func (Connected) event()  {}
func (Heard) event()      {}
func (Ordered) event()    {}
func (CallEnded) event()  {}
func (News) event()       {}
func (LoginEnded) event() {}
func (Due) event()        {}
func (Stopped) event()    {}

// Effect is what a worker does about it: [Say], [Login], [Call] or [End].
type Effect interface{ effect() }

// Say tells the agent something; without a connection it is dropped, because the next hello says it all.
type Say struct{ hostlink.Message }

// Login starts one login, unless Until has passed by the time that the call would begin. The credentials are a copy.
type Login struct {
	order.Holder
	Credentials []byte
	Until       hostlink.Instant
}

// Call makes one call about an order, unless Until has passed by the time that it would begin.
type Call struct {
	kind   call
	Order  fleet.OrderID
	Leg    int
	Symbol string       // of a position
	Ticket order.Ticket // of a placement; its client id is of every call about an order
	Until  hostlink.Instant
}

// errLapsed ends a login that did not begin because the lease ran out first.
var errLapsed = errors.New("the lease ran out before the call")

// End ends the life. Stop says that the process ends with it.
type End struct {
	Reason string
	Stop   bool
}

func (Say) effect()   {}
func (Login) effect() {}
func (Call) effect()  {}
func (End) effect()   {}
