package claim

import (
	"time"

	"workerfleet/runtime/fleet"
)

// Index is the pool's state. Its methods are the transitions; each takes the time in Unix milliseconds and is atomic
// for whoever holds the Index alone. The names of its parts are those of the Valkey keys.
type Index struct {
	incarnation string
	closed      int64 // when a reap first found no incarnation; 0: none has
	last, floor fleet.Epoch
	hold        int64 // until when reaping is suspended; 0: not
	gaps        gaps
	workers     map[fleet.Worker]*Worker
	users       map[fleet.User]session
	free        scores // idle workers by preference
	lease       scores // every worker → deadline
	hosts       scores // every host → last batch, or until when its silence is expected
	ack         scores // assigned and returned workers → deadline
	waiting     scores // users by arrival, bonus taken off
	renew       scores // waiting users → deadline
	exited      scores // dropped workers and lives → when
	launching   launching
	drains      draining
	arrivals    map[int64]int // minutes since 1970 → users who came in them
}

// session is who acts for a user.
type session struct {
	worker fleet.Worker
	epoch  fleet.Epoch
}

// NewIndex makes an empty index that is not open yet.
func NewIndex() *Index {
	return &Index{
		workers: map[fleet.Worker]*Worker{}, users: map[fleet.User]session{}, hosts: scores{},
		free: scores{}, lease: scores{}, ack: scores{}, waiting: scores{}, renew: scores{}, exited: scores{},
		launching: newLaunching(), drains: newDraining(), arrivals: map[int64]int{},
	}
}

// Open gives the data set its identity unless it has one.
func (x *Index) Open(incarnation string) string {
	if x.incarnation == "" {
		x.incarnation, x.closed = incarnation, 0
	}
	return x.incarnation
}

// Worker: see [Directory].
func (x *Index) Worker(worker fleet.Worker) (Worker, bool) {
	if w := x.workers[worker]; w != nil {
		return *w, true
	}
	return Worker{}, false
}

// Gone: see [Directory].
func (x *Index) Gone(worker fleet.Worker, life fleet.Life) bool {
	if w := x.workers[worker]; w != nil && w.Life > life {
		return true
	}
	_, gone := x.exited[exit(worker, life)]
	return gone
}

// exit names one life of one worker.
func exit(worker fleet.Worker, life fleet.Life) string { return string(worker) + " " + life.String() }

// Claim: see [Claims].
func (x *Index) Claim(now int64, r Request, t Terms) (Answer, error) {
	if x.incarnation == "" {
		return Answer{}, ErrRebuilding
	}
	if bound, ok := x.bound(r.User); ok {
		return Answer{Bound: &bound}, nil
	}
	member := string(r.User)
	if _, queued := x.waiting[member]; !queued {
		x.waiting[member] = now - millis(min(max(r.Bonus, 0), LongestBonus))
		x.arrive(now)
	}
	x.renew[member] = now + millis(t.Renew)
	x.match(now, t)
	if bound, ok := x.bound(r.User); ok {
		return Answer{Bound: &bound, Fresh: true}, nil
	}
	return Answer{Rank: x.waiting.rank(member)}, nil
}

// bound returns the user's binding. A session whose worker is gone or serves somebody else is none.
func (x *Index) bound(user fleet.User) (Binding, bool) {
	s, ok := x.users[user]
	if !ok {
		return Binding{}, false
	}
	w := x.workers[s.worker]
	if w == nil || w.User != user || w.Epoch != s.epoch {
		return Binding{}, false
	}
	return w.Binding(), true
}

// match binds the head of the queue to the best free worker until either runs out. Users who did not renew their
// place and workers whose lease ran out are stepped over and dropped, a bounded number a call.
func (x *Index) match(now int64, t Terms) {
	if x.incarnation == "" {
		return
	}
	for range MatchLimit {
		user, waits := x.waiting.least()
		if !waits {
			return
		}
		if x.renew[user] < now {
			x.leave(fleet.User(user))
			continue
		}
		worker, idle := x.free.least()
		if !idle {
			return
		}
		delete(x.free, worker)
		if x.lease[worker] < now {
			continue // its next beat makes it announce itself, or it is reaped
		}
		x.leave(fleet.User(user))
		x.bind(now, fleet.User(user), x.workers[fleet.Worker(worker)], t)
	}
}

func (x *Index) bind(now int64, user fleet.User, w *Worker, t Terms) {
	x.last = fleet.NextEpoch(x.last, x.floor, now)
	w.State, w.User, w.Epoch, w.Sent = Assigned, user, x.last, false
	x.users[user] = session{w.ID, w.Epoch}
	x.ack[string(w.ID)] = now + millis(t.Acknowledge)
}

// Leave: see [Claims].
func (x *Index) Leave(user fleet.User) { x.leave(user) }

func (x *Index) leave(user fleet.User) {
	delete(x.waiting, string(user))
	delete(x.renew, string(user))
}

// Sent: see [Claims].
func (x *Index) Sent(worker fleet.Worker, epoch fleet.Epoch) error {
	w := x.workers[worker]
	if w == nil || w.Epoch != epoch || w.User == "" {
		return ErrFenced
	}
	w.Sent = true
	return nil
}

// Release: see [Claims].
func (x *Index) Release(user fleet.User, epoch fleet.Epoch) error {
	s, ok := x.users[user]
	switch {
	case !ok || s.epoch < epoch:
		return nil
	case s.epoch > epoch:
		return ErrFenced
	}
	delete(x.users, user)
	if w := x.workers[s.worker]; w != nil && w.Epoch == epoch && w.User == user {
		x.unbind(w)
	}
	return nil
}

// Undo: see [Claims]. The mail may be on its way all the same, because it is noted after it was posted: then the worker's
// acceptance is refused by its epoch, and until then the worker itself refuses anybody else. That nobody delivered it is not
// known while a failover may have lost the note.
func (x *Index) Undo(now int64, user fleet.User, epoch fleet.Epoch, t Terms) bool {
	s, ok := x.users[user]
	if !ok || s.epoch != epoch {
		return false
	}
	w := x.workers[s.worker]
	if w == nil || w.User != user || w.Epoch != epoch || w.State != Assigned || w.Sent {
		return false
	}
	if x.gaps.unsure(x.lease[string(w.ID)]-millis(t.TTL), now, t) {
		return false
	}
	x.unbind(w)
	w.State = Warm
	x.offer(now, w)
	x.match(now, t)
	return true
}

// unbind takes the user from a worker, which is free again only when it says so itself.
func (x *Index) unbind(w *Worker) {
	if s, ok := x.users[w.User]; ok && s.worker == w.ID && s.epoch == w.Epoch {
		delete(x.users, w.User)
	}
	delete(x.ack, string(w.ID))
	delete(x.launching.retired, string(w.ID))
	w.State, w.User, w.Sent = Resetting, "", false
}

// Raise: see [Directory].
func (x *Index) Raise(floor fleet.Epoch) { x.floor = max(x.floor, floor) }

// Census: see [Directory].
func (x *Index) Census(now int64) Census {
	c := Census{
		Workers: map[State]int{}, Waiting: len(x.waiting), Hosts: len(x.hosts),
		Free: len(x.free), Last: x.last, Floor: x.floor, Incarnation: x.incarnation,
	}
	if x.closed != 0 {
		c.Closed, c.ClosedFor = instant(x.closed), time.Duration(now-x.closed)*time.Millisecond
	}
	for _, w := range x.workers {
		c.Workers[w.State]++
	}
	return c
}

func millis(d time.Duration) int64 { return d.Milliseconds() }
