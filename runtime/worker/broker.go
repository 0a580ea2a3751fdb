package worker

import (
	"context"
	"errors"
)

// ErrCredentials says that the broker refuses the credentials for good: the session ends, and asking again is of no use.
var ErrCredentials = errors.New("the broker refuses the credentials")

// Broker is where a user's orders go.
type Broker interface {
	// Login opens a session. ErrCredentials ends the worker's life; any other error is tried again while the lease
	// lasts. The credentials are the worker's and change after the call: what the session needs of them it copies.
	Login(ctx context.Context, credentials []byte) (Session, error)
}

// Session is one user logged in at the broker.
type Session interface {
	// Logout ends it. An error leaves it to the broker's own timeout: the token ends with the process's memory.
	Logout(ctx context.Context) error
}
