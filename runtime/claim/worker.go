package claim

import (
	"workerfleet/runtime/fleet"
)

// State is where a worker stands in its life.
type State string

// The states of a registered worker. A dead one is not registered.
const (
	// Warm workers hold nobody's data and wait for a user.
	Warm State = "warm"
	// Assigned workers are bound, but have not confirmed it: they may have accepted, or never have heard of it.
	Assigned State = "assigned"
	// Serving workers have confirmed their epoch; only they may log in at the broker.
	Serving State = "serving"
	// Returned workers say that they serve, and the index has no record of it – it lost its data, or had dropped them – or they
	// say it so late that it may have lost the record of their session's end. They serve when the database agrees.
	Returned State = "returned"
	// Draining workers were idle and were taken out of the pool: nobody gets them, and they are asked to end.
	Draining State = "draining"
	// Resetting workers have lost their user and are not free until they report themselves idle.
	Resetting State = "resetting"
)

// Worker is what the index keeps of one worker.
type Worker struct {
	ID    fleet.Worker
	Host  fleet.Host
	Life  fleet.Life
	State State
	// Revision is the image's number: higher is newer.
	Revision int64
	// Key is the public key of this life, to which credentials are sealed.
	Key string
	// User and Epoch are set while assigned, serving or returned. Epoch stays when the user has gone, so that a message of the
	// old session is known as such.
	User  fleet.User
	Epoch fleet.Epoch
	// Sent says that the assignment was put into the host's mail.
	Sent bool
}

// Binding says which worker acts for a user, under which epoch.
type Binding struct {
	User   fleet.User
	Worker fleet.Worker
	Host   fleet.Host
	Life   fleet.Life
	Epoch  fleet.Epoch
	Key    string
	State  State
	Sent   bool
}

// unconfirmed says whether somebody must still agree to the worker's session: itself, or the database.
func (w Worker) unconfirmed() bool { return w.State == Assigned || w.State == Returned }

// Binding is the session that the worker is in; without a user it is none.
func (w Worker) Binding() Binding {
	return Binding{
		User: w.User, Worker: w.ID, Host: w.Host, Life: w.Life, Epoch: w.Epoch, Key: w.Key, State: w.State, Sent: w.Sent,
	}
}

// Registration is what a worker says of itself through its agent.
type Registration struct {
	Worker   fleet.Worker
	Host     fleet.Host
	Life     fleet.Life
	Revision int64
	Key      string
	// User and Epoch are those of the session that the worker is in; empty and 0 report it idle.
	User  fleet.User
	Epoch fleet.Epoch
}

// Idle says whether the worker reports itself free.
func (r Registration) Idle() bool { return r.User == "" }

// Beat is one worker's line in its host's batch of heartbeats. Epoch is 0 while the worker is idle.
type Beat struct {
	Worker fleet.Worker
	Life   fleet.Life
	Epoch  fleet.Epoch
}

// Standing is the index's answer to a registration or a beat.
type Standing string

// The answers. Only [Ok] confirms a beat: it alone prolongs the right to call the broker.
const (
	// Ok: the index agrees with what the worker says, and its lease is prolonged.
	Ok Standing = "ok"
	// Announce: the index does not know the worker well enough; it must register again.
	Announce Standing = "announce"
	// Pending: the worker says that it serves, unknown to the index or late, and the database has not agreed yet. It waits;
	// nothing is confirmed.
	Pending Standing = "pending"
	// Fenced: another life or epoch is current. The worker must stop acting for its user and start a new life.
	Fenced Standing = "fenced"
)

// Death is a worker that the index has dropped, and the session that it had.
type Death struct {
	Worker fleet.Worker
	Host   fleet.Host
	Life   fleet.Life
	// User and Epoch are those of the session that must be fenced in the database and served again; empty and 0 if
	// the worker had none.
	User  fleet.User
	Epoch fleet.Epoch
}
