package main

import (
	"fmt"
	"sync"

	"workerfleet/runtime/fleet"
	"workerfleet/runtime/hostlink"
	"workerfleet/runtime/session"
)

// judge hears from every worker when it is confirmed, until when it may act for its user by its own lease, what it calls,
// and when its session is over for it, which it says before anybody else can know. One clock is over all of them. It counts
// what must never be.
type judge struct {
	mu    sync.Mutex
	users map[fleet.User]*record
	verdict
}

// verdict counts what must not be, and how much there was to judge.
type verdict struct {
	// TwoAtOnce are pairs of workers that might act for a user at one moment.
	TwoAtOnce int `json:"twoAtOnce"`
	// EpochsBack are confirmations under an epoch that is not above the user's last.
	EpochsBack int `json:"epochsBack"`
	// LateCalls were made without a lease, or after another worker was confirmed for the user.
	LateCalls int `json:"lateCalls"`
	// Confirmed and Calls say how much there was to judge.
	Confirmed int `json:"confirmed"`
	Calls     int `json:"calls"`
	notes     []string
}

// record is what was heard about a user.
type record struct {
	latest fleet.Epoch // that was confirmed
	// since is when the user began to be served as it is now: a lease that ran out is an interruption.
	since   hostlink.Instant
	tenures []*tenure // that are not known to be over
}

// tenure is one session, as its worker sees it.
type tenure struct {
	session.Session
	until       hostlink.Instant // 0: it may not act yet
	beside, old bool             // counted already
}

func newJudge() *judge { return &judge{users: map[fleet.User]*record{}} }

// mostNotes is how many faults are told in words.
const mostNotes = 10

func (j *judge) note(count *int, format string, args ...any) {
	*count++
	if len(j.notes) < mostNotes {
		j.notes = append(j.notes, fmt.Sprintf(format, args...))
	}
}

func (j *judge) of(user fleet.User) *record {
	r := j.users[user]
	if r == nil {
		r = &record{}
		j.users[user] = r
	}
	return r
}

func (r *record) find(s session.Session) *tenure {
	for _, t := range r.tenures {
		if t.Session == s {
			return t
		}
	}
	return nil
}

// confirm takes the word that a worker was confirmed.
func (j *judge) confirm(s session.Session) {
	j.mu.Lock()
	defer j.mu.Unlock()
	r := j.of(s.User)
	j.Confirmed++
	if s.Epoch <= r.latest {
		j.note(&j.EpochsBack, "%s was confirmed on %s under %d after %d", s.User, s.Worker, s.Epoch, r.latest)
	}
	r.latest = max(r.latest, s.Epoch)
	r.tenures = append(r.tenures, &tenure{Session: s})
}

// acts takes the word that a confirmed worker may act until a moment.
func (j *judge) acts(s session.Session, now, until hostlink.Instant) {
	j.mu.Lock()
	defer j.mu.Unlock()
	r := j.of(s.User)
	mine := r.find(s)
	if mine == nil || now >= until {
		return
	}
	for _, other := range r.tenures {
		if other != mine && other.until > now && !mine.beside {
			mine.beside = true
			j.note(&j.TwoAtOnce, "%s and %s may act for %s under %d and %d", mine.Worker, other.Worker, s.User, s.Epoch, other.Epoch)
		}
	}
	j.overtaken(r, mine)
	if mine.until <= now {
		r.since = now
	}
	mine.until = max(mine.until, until)
}

// overtaken counts a session that goes on although another worker was confirmed for its user, once.
func (j *judge) overtaken(r *record, t *tenure) {
	if t.Epoch < r.latest && !t.old {
		t.old = true
		j.note(&j.LateCalls, "%s acts for %s under %d after %d was confirmed", t.Worker, t.User, t.Epoch, r.latest)
	}
}

// calls takes the word of one call.
func (j *judge) calls(s session.Session, now hostlink.Instant) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.Calls++
	r := j.of(s.User)
	mine := r.find(s)
	if mine == nil || now >= mine.until {
		j.note(&j.LateCalls, "%s calls for %s under %d without a lease", s.Worker, s.User, s.Epoch)
		return
	}
	j.overtaken(r, mine)
}

// over takes the word that a session is over for its worker.
func (j *judge) over(s session.Session) {
	j.mu.Lock()
	defer j.mu.Unlock()
	r := j.of(s.User)
	kept := r.tenures[:0]
	for _, t := range r.tenures {
		if t.Session != s {
			kept = append(kept, t)
		}
	}
	r.tenures = kept
}

// serving is who may act for a user now, and since when the user has been served without a break.
func (j *judge) serving(user fleet.User, now hostlink.Instant) (s session.Session, since hostlink.Instant, ok bool) {
	j.mu.Lock()
	defer j.mu.Unlock()
	r := j.users[user]
	if r == nil {
		return s, 0, false
	}
	for _, t := range r.tenures {
		if t.until > now {
			return t.Session, r.since, true
		}
	}
	return s, 0, false
}

// acting lists who may act now, and who holds a session that may not: a lease has ended, or there was none yet.
func (j *judge) acting(now hostlink.Instant) (acting map[fleet.User]session.Session, lapsed int) {
	j.mu.Lock()
	defer j.mu.Unlock()
	acting = map[fleet.User]session.Session{}
	for user, r := range j.users {
		for _, t := range r.tenures {
			if t.until > now {
				acting[user] = t.Session
			} else {
				lapsed++
			}
		}
	}
	return acting, lapsed
}

// sofar is what was counted until now.
func (j *judge) sofar() verdict {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.verdict
}

// since is what was counted after an earlier look. Notes are all there are.
func (j *judge) since(before verdict) verdict {
	j.mu.Lock()
	defer j.mu.Unlock()
	return verdict{
		TwoAtOnce: j.TwoAtOnce - before.TwoAtOnce, EpochsBack: j.EpochsBack - before.EpochsBack, LateCalls: j.LateCalls - before.LateCalls,
		Confirmed: j.Confirmed - before.Confirmed, Calls: j.Calls - before.Calls, notes: append([]string(nil), j.notes[len(before.notes):]...),
	}
}
