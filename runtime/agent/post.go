package agent

import (
	"context"
	"time"

	"workerfleet/runtime/fleet"
)

// Letter is a piece of mail and its place in the host's mailbox.
type Letter struct {
	ID string
	// Age is how long it has been in the mailbox, by the mailbox's clock, where that is long; 0 where it is not.
	Age time.Duration
	fleet.Mail
}

// Post brings the host's mail and takes the answers.
type Post interface {
	// Read returns the letters after one, the oldest first; after "" all that are still there. It waits for the first,
	// up to a limit of its own, and returns none if none came. Any error may be tried again.
	Read(ctx context.Context, host fleet.Host, after string) ([]Letter, error)
	// Tell says to whoever waits under that name that an assignment is ready, or why not. It is not repeated: who
	// waits asks the store as well.
	Tell(ctx context.Context, replyTo string, r fleet.Ready) error
	// Report hands an outcome to whoever commits it. Repeating it is harmless.
	Report(ctx context.Context, o fleet.Outcome) error
	// Halted says whether orders are switched off for all.
	Halted(ctx context.Context) (bool, error)
}
