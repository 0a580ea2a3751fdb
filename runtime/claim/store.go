package claim

import (
	"context"
	"errors"
	"time"

	"workerfleet/runtime/fleet"
)

// Outcomes of calls to a store. Any other error leaves open whether the call happened: every call may be repeated.
var (
	// ErrFenced: a newer life or epoch is current than the one that the call names.
	ErrFenced = errors.New("fenced by a newer life or epoch")
	// ErrRebuilding: the store has lost its data, or is new, and binds nobody until it is opened.
	ErrRebuilding = errors.New("the pool is being rebuilt")
	// ErrPending: the database has not agreed to the session yet. Whoever asks may ask again.
	ErrPending = errors.New("the database has not agreed to the session yet")
)

// Request asks for a worker.
type Request struct {
	User fleet.User
	// Bonus moves the user ahead in the queue as if it had come earlier; at most [LongestBonus].
	Bonus time.Duration
}

// Answer is a binding, or a place in the queue.
type Answer struct {
	// Bound is nil while the user waits.
	Bound *Binding
	// Fresh says that this call, and no earlier one, made the binding.
	Fresh bool
	// Rank is the number of users ahead while the user waits.
	Rank int
}

// Claims is what the way from a request to a worker asks of the store.
type Claims interface {
	// Claim binds the user to a worker, returns the binding that the user has, or puts the user into the queue and
	// renews its place there.
	Claim(ctx context.Context, r Request, t Terms) (Answer, error)
	// Leave takes a user out of the queue. A user that is bound already stays bound.
	Leave(ctx context.Context, user fleet.User) error
	// Sent notes that the assignment is in the host's mail. ErrFenced: it is no longer current.
	Sent(ctx context.Context, worker fleet.Worker, epoch fleet.Epoch) error
	// Release ends the user's session of that epoch; repeating it is harmless. ErrFenced: a newer one is current.
	Release(ctx context.Context, user fleet.User, epoch fleet.Epoch) error
	// Undo takes a binding back that nobody is known to have delivered, and frees its worker at once: a claim that was
	// refused costs no stock. False: it is not there any more, or somebody has delivered it; then it stays.
	Undo(ctx context.Context, user fleet.User, epoch fleet.Epoch, t Terms) (bool, error)
}

// Hosts is what an agent asks of the store for the workers of its host.
type Hosts interface {
	// Register takes a worker's word for what it is. An idle one becomes free, and serves the head of the queue at once.
	Register(ctx context.Context, r Registration, t Terms) (Standing, error)
	// Beat prolongs leases. The answers stand in the order of the beats; at most [BeatLimit] at once.
	Beat(ctx context.Context, host fleet.Host, beats []Beat, t Terms) ([]Standing, error)
	// Confirm makes a worker serve that acknowledges its assignment. Repeating it is harmless. ErrFenced: not current.
	// ErrPending: the index knows the session by the worker's return only, or its deadline has passed; the database has to agree.
	Confirm(ctx context.Context, worker fleet.Worker, life fleet.Life, epoch fleet.Epoch) error
	// Exit reports the exit of a worker's process. Its user goes to the head of the queue. ErrFenced: a newer life is
	// registered.
	Exit(ctx context.Context, worker fleet.Worker, life fleet.Life, t Terms) (Death, error)
	// Park keeps the workers of a host that is about to fall silent on purpose from being reaped for a while. It
	// does not prolong their right to call the broker. Who has not acknowledged an assignment is not parked, and who is idle is
	// given to nobody until it registers again.
	Park(ctx context.Context, host fleet.Host, workers []fleet.Worker, silence time.Duration) error
}

// Passes is what the keeper's rounds ask of the store.
type Passes interface {
	// Reap drops workers whose lease has run out by more than the guard, at most [ReapLimit], and none for a lease after a
	// time in which the index was deaf. Their users go to the head of the queue.
	Reap(ctx context.Context, t Terms) (Reaped, error)
	// Unconfirmed lists assigned and returned workers, the earliest deadline first, at most limit, without the first ones.
	Unconfirmed(ctx context.Context, skip, limit int) ([]Unconfirmed, error)
	// Agree makes a returned worker serve, because the database agrees to its session. Repeating it is harmless. ErrFenced:
	// not current.
	Agree(ctx context.Context, worker fleet.Worker, life fleet.Life, epoch fleet.Epoch) error
	// Expire ends an assignment that missed its acknowledgement, once a beat after the deadline has said that the worker is
	// idle. False: it was confirmed, is not due, its worker was not heard of since, or it is not current.
	Expire(ctx context.Context, worker fleet.Worker, epoch fleet.Epoch, t Terms) (bool, error)
	// Heal repairs disagreements among the keys of up to limit workers from a cursor on, 0 at first. It frees nobody.
	Heal(ctx context.Context, cursor int, limit int, t Terms) (Healed, error)
}

// Directory is what the index says of itself and of single workers.
type Directory interface {
	// Open gives the data set an identity, which lets claims in and ends the time of rebuilding. It returns the
	// identity in force: the first wins.
	Open(ctx context.Context, incarnation string) (string, error)
	// Worker returns a worker's record. False: it is not registered, which alone proves nothing about it.
	Worker(ctx context.Context, worker fleet.Worker) (Worker, bool, error)
	// Gone says whether a worker is known to be out of a life, for ever: its process exited, its lease ran out by more
	// than the guard and it has not returned since, or a newer life is registered. The index remembers the latest
	// [GoneLimit]; false proves nothing.
	Gone(ctx context.Context, worker fleet.Worker, life fleet.Life) (bool, error)
	// Raise lifts the floor under all epochs to come.
	Raise(ctx context.Context, floor fleet.Epoch) error
	// Census counts.
	Census(ctx context.Context) (Census, error)
}

// Store is the whole index.
type Store interface {
	Claims
	Hosts
	Ends
	Passes
	Directory
	Launches
	Arrivals
	Drains
	Overview
}

// Reaped is one reap's report.
type Reaped struct {
	Dead []Death
	// More says that the limit was reached.
	More bool
	// Held says that reaping of silent hosts is suspended, and Silent are the hosts to ask about.
	Held   bool
	Silent []fleet.Host
}

// Unconfirmed is an assignment that is not acknowledged, or a returned session that is not agreed to.
type Unconfirmed struct {
	Binding
	// Overdue says that its deadline has passed.
	Overdue bool
}

// Healed is one repair's report: the steady count of each is 0.
type Healed struct {
	// Repairs counts by kind: "user", "free", "lease", "ack".
	Repairs map[string]int
	// Next is the cursor to go on from; 0 when all workers were seen.
	Next int
}

// Census counts what the pool holds.
type Census struct {
	Workers map[State]int
	// Free counts the idle workers that stand ready, Waiting the users in the queue.
	Free, Waiting, Hosts int
	// Last is the last epoch given, and Floor what the next must reach.
	Last, Floor fleet.Epoch
	// Incarnation is empty while the pool is being rebuilt.
	Incarnation string
	// Closed is when the first reap found these data without an incarnation, by the index's clock, and ClosedFor how long
	// ago; zero while none has.
	Closed    time.Time
	ClosedFor time.Duration
}
