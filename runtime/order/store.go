package order

import (
	"context"
	"time"

	"workerfleet/runtime/fleet"
)

// Want says which orders a turn needs beside those that may come and those that are due.
type Want struct {
	IDs []fleet.OrderID
	Key string
}

// Store keeps the ledger. All its clocks are the database's.
type Store interface {
	// Turn reads the user's sheet under a lock that turns of this user take one after the other, has it changed by do
	// and writes what changed, in one transaction. An error of do is returned as it is, and nothing is written; after any
	// other error nobody knows whether the turn is committed. do may run more than once.
	Turn(ctx context.Context, user fleet.User, w Want, do func(*Sheet) error) error
	// Due lists users with orders to look at, the longest overdue first; those whose orders are all at the broker come after
	// the others.
	Due(ctx context.Context, limit int) ([]fleet.User, error)
	// Waiting is how long the oldest order waits that is accepted and not dispatched; 0 if there is none.
	Waiting(ctx context.Context) (time.Duration, error)
	// BeginAt is asked when somebody is about to act for the user: the lowest number that an order may still come with. It
	// has the user's working orders looked at soon, one after the other in the pace of [LookPause], at most [LooksMost]:
	// what happened to them meanwhile nobody was told. Unknown orders that were given up are looked up anew: who has just
	// logged in has a broker that answers.
	BeginAt(ctx context.Context, user fleet.User) (uint64, error)
}

// Reader looks things up. It may lag behind the turns by a replica's delay.
type Reader interface {
	// Order returns one order of the user with its fills, or [ErrNotFound].
	Order(ctx context.Context, user fleet.User, id fleet.OrderID) (Record, error)
	// Orders lists the user's orders with their fills, the latest first, below a number unless that is 0.
	Orders(ctx context.Context, user fleet.User, below uint64, limit int) ([]Record, error)
	// Events lists the user's events after a number, by number.
	Events(ctx context.Context, user fleet.User, after uint64, limit int) ([]Event, error)
}

// Switches turn orders off and on again.
type Switches interface {
	// Halt is the user's own switch, and with "" the operator's for all: orders are off while it is on.
	Halt(ctx context.Context, user fleet.User, on bool, reason string) error
	// Suspend is the operator's switch for one user, which the user's own does not touch.
	Suspend(ctx context.Context, user fleet.User, on bool, reason string) error
	// Halts lists what is switched off, by user; the user "" stands for all.
	Halts(ctx context.Context) ([]Halt, error)
	// Recover is for a database that was restored from a backup: orders are switched off for all, and whatever is not
	// final becomes unknown, to be looked up before anything is dispatched. A mark that was lost may have allowed the call
	// until the order's validity ends, so that its absence is final no sooner. It returns how many orders that are.
	Recover(ctx context.Context) (int, error)
	// Unsettled counts the orders that are being looked up.
	Unsettled(ctx context.Context) (int, error)
}

// Halt is one switch that is off.
type Halt struct {
	User   fleet.User
	Reason string
	Since  time.Time
	// Operator says that it is an operator's, as the one for all is.
	Operator bool
}

// Recovering is why orders are switched off, and unknown, after a restore.
const Recovering = "the ledger was restored from a backup"
