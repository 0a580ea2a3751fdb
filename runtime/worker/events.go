package worker

import (
	"errors"

	"workerfleet/runtime/hostlink"
)

// Event is what happens to a worker: [Connected], [Heard], [LoginEnded], [Due] or [Stopped].
type Event interface{ event() }

// Connected: there is a new connection to the agent.
type Connected struct{}

// Heard: the agent said something.
type Heard struct{ hostlink.Message }

// LoginEnded: a login that was asked for has ended, with this error or with a session.
type LoginEnded struct{ Err error }

// Due: the moment that [Machine.Wake] named has come.
type Due struct{}

// Stopped: the process was asked to end.
type Stopped struct{}

func (Connected) event()  {}
func (Heard) event()      {}
func (LoginEnded) event() {}
func (Due) event()        {}
func (Stopped) event()    {}

// Effect is what a worker does about it: [Say], [Login] or [End].
type Effect interface{ effect() }

// Say tells the agent something; without a connection it is dropped, because the next hello says it all.
type Say struct{ hostlink.Message }

// Login starts one login, unless Until has passed by the time that the call would begin. The credentials are a copy.
type Login struct {
	Credentials []byte
	Until       hostlink.Instant
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
func (End) effect()   {}
