package claim

import (
	"context"
	"errors"
	"time"

	"workerfleet/runtime/fleet"
)

// ErrStale: somebody else changed the plan, or took the last calls, since it was read. What was decided by it is not
// done; whoever decides next finds it again.
var ErrStale = errors.New("the plan was changed meanwhile")

// Launches is where passes that may run at once agree on what to launch and stop. One plan is read, decided on and
// written back; of two passes that read the same one, the second to write is refused.
type Launches interface {
	// Stock counts what there is and what is coming.
	Stock(ctx context.Context, t Terms) (Stocktake, error)
	// Reserve writes the plan back, takes the calls that it costs from the shared bucket, and notes what will be
	// launched: it counts as there until its deadline. ErrStale: nothing was done.
	Reserve(ctx context.Context, p Plan, t Terms) error
	// Launched names the workers that a reservation has become. Each stops counting as coming when it registers, and
	// those that the reservation has beyond them at once. A reservation whose deadline has passed is none.
	Launched(ctx context.Context, key string, workers []fleet.Worker) error
	// Retire takes idle workers of an image on a host out of the pool, at most count, those that would be bound last.
	// Nobody can claim them any more; they are there until they exit.
	Retire(ctx context.Context, r Retirement) ([]fleet.Worker, error)
	// Note keeps a text beside the plan, whoever has written the plan meanwhile: what calls have come to.
	Note(ctx context.Context, text string) error
}

// Plan is what a pass has decided.
type Plan struct {
	// Seen is the version that was decided on.
	Seen uint64
	// Text is what the deciding side remembers; the index keeps it unread.
	Text string
	// Calls is how many calls to the provider it costs, launches and stops.
	Calls int
	// Batches are the launches, one call each.
	Batches []Reservation
}

// Reservation is one call's workers that were asked for.
type Reservation struct {
	// Key tells the request from every other one: printable ASCII without spaces.
	Key   string
	Image int64
	Count int
}

// Retirement says which idle workers to take out of the pool.
type Retirement struct {
	Host  fleet.Host
	Image int64
	Count int
}

// Stocktake is what there is and what is coming, at one moment.
type Stocktake struct {
	// Now is the index's time: the one that deadlines are held against.
	Now time.Time
	// Open says that the pool binds users; what a pool that is being rebuilt counts is not the fleet.
	Open bool
	// Doubtful says that more hosts are silent than may be reaped unasked: what stood on them may be alive.
	Doubtful bool
	// Version and Text are the plan's, Note what was noted last.
	Version    uint64
	Text, Note string
	// Calls is how many the bucket holds.
	Calls int
	// Waiting counts the users in the queue.
	Waiting int
	// Hosts are those that beat, by name. One that fell silent is left out, with everything on it.
	Hosts []HostStock
	// Coming is what was asked for and has not registered, by deadline.
	Coming []Coming
	// Draining are workers that were retired and have not exited, the longest first, at most [DrainingLimit].
	Draining []Drained
}

// HostStock counts a host's workers by image.
type HostStock struct {
	Host fleet.Host
	// Drained is who takes the host out of service: its idle workers are nobody's to claim. Empty: nobody.
	Drained Drainer
	Images  []ImageStock
}

// ImageStock counts the workers of one image on one host. Draining ones count as busy: they have a place and serve
// nobody else.
type ImageStock struct {
	Image                 int64
	Idle, Resetting, Busy int
}

// Coming is a reservation, or one worker of it.
type Coming struct {
	Reservation
	// Worker is empty while it is not known what the reservation has become: the call may not have been made, or its
	// answer was lost. Repeating it under the same key is harmless.
	Worker   fleet.Worker
	Deadline time.Time
}

// Drained is a retired worker.
type Drained struct {
	Worker fleet.Worker
	Since  time.Time
}

// The bucket of calls that launch or stop workers, shared by every pass: what ECS grants an account for the calls that
// change a cluster (fact ecs.api.clustermod).
const (
	CallsBurst     = 100
	CallsPerSecond = 40
)

// DrainingLimit bounds the retired workers that one stocktake lists, and LapsedLimit the lapsed reservations that one
// call forgets.
const (
	DrainingLimit = 64
	LapsedLimit   = 1024
)
