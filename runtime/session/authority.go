package session

import (
	"context"
	"fmt"
	"time"

	"workerfleet/runtime/fleet"
)

// Session is one user's session on one life of one worker.
type Session struct {
	User   fleet.User
	Epoch  fleet.Epoch
	Worker fleet.Worker
	Host   fleet.Host
	Life   fleet.Life
}

// Authority decides who may act for a user. There is one row a user; its epoch only rises, and it is open from the
// moment a worker may act until it is known that this worker cannot any more. It survives the loss of the index.
type Authority interface {
	Tenure
	Roll
}

// Tenure is the authority over single users.
type Tenure interface {
	// Begin makes the session the user's, if its epoch is above the row's and the row's worker can act no more: the
	// row is closed, names the same worker (whose older life is over, or it could not have been bound), or began to
	// be taken over at least wait ago. An [*Outdated] or [*Occupied] error says which failed. Repeating it is
	// harmless.
	Begin(ctx context.Context, s Session, wait time.Duration) error
	// Dismiss records that the worker of the user's session of an epoch is told to end: nobody is asked under it any more.
	// The row stays open until it is closed, and so keeps other workers out.
	Dismiss(ctx context.Context, user fleet.User, epoch fleet.Epoch) error
	// Affirm ends a takeover that was begun: the session's worker has come back before anybody had the user. False: the
	// session is over or dismissed, and the worker may not act.
	Affirm(ctx context.Context, s Session) (bool, error)
	// Close records that nobody acts for the user under the epoch any more. A row of another epoch is left alone.
	Close(ctx context.Context, user fleet.User, epoch fleet.Epoch) error
	// CloseAll is Close for many sessions, by their users and epochs, in one step.
	CloseAll(ctx context.Context, sessions []Session) error
	// Current returns the user's open session. False: nobody acts for the user, or only one who was dismissed.
	Current(ctx context.Context, user fleet.User) (Session, bool, error)
}

// Roll is what the authority knows of all users together.
type Roll interface {
	// Floor is the epoch that all future ones must exceed: the highest ever begun.
	Floor(ctx context.Context) (fleet.Epoch, error)
	// Latest is the epoch of the user's latest session, whatever became of it; 0: there was none.
	Latest(ctx context.Context, user fleet.User) (fleet.Epoch, error)
	// Open lists open sessions that are not dismissed by user, from after a user on, at most limit: what a rebuilt index must agree with.
	Open(ctx context.Context, after fleet.User, limit int) ([]Session, error)
	// Doubt begins the takeover of every open session, where none has begun: the index has lost its data, and who does
	// not come back loses its user. [Tenure.Affirm] ends it for those who do.
	Doubt(ctx context.Context) error
}

// Presence is what the authority knows of sessions that nobody uses.
type Presence interface {
	// Seen notes that a user who has a session is there. It writes at most once in a pace, whoever calls it how often.
	Seen(ctx context.Context, user fleet.User, pace time.Duration) error
	// Idle lists open sessions that are not dismissed by user, from after a user on, at most limit: those that were begun at
	// least that long ago and whose users have neither been seen since nor have an order that may change or has since.
	Idle(ctx context.Context, unseen time.Duration, after fleet.User, limit int) ([]Session, error)
	// Dismissed lists open sessions that were dismissed within a time, the latest first, at most limit.
	Dismissed(ctx context.Context, within time.Duration, limit int) ([]Session, error)
}

// Outdated is the refusal of an epoch that is not above the row's.
type Outdated struct{ Row fleet.Epoch }

func (e *Outdated) Error() string {
	return fmt.Sprintf("the user's session has epoch %d already", e.Row)
}

// Occupied is the refusal while another worker may still act for the user. It cannot any more after Wait, unless it
// proves before that it is alive.
type Occupied struct {
	By   Session
	Wait time.Duration
}

func (e *Occupied) Error() string {
	return fmt.Sprintf("worker %s may still act for the user, for at most %s", e.By.Worker, e.Wait)
}
