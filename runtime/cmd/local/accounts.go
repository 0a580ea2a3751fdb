package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"sync"
	"time"

	"workerfleet/runtime/paper"
)

// accounts is who was logged in to which of the paper exchange's accounts, and when: the exchange writes a line of each
// call.
type accounts struct {
	mu     sync.Mutex
	rest   []byte
	active map[string]login         // account → who is logged in
	dead   map[string]time.Time     // worker → when it was killed or stopped
	runs   func(worker string) bool // whether its process does; nil while nobody knows
	double []string                 // of each login to an account that another worker was logged in to, who came to whom
}

func newAccounts() *accounts {
	return &accounts{active: map[string]login{}, dead: map[string]time.Time{}}
}

// login is who is logged in, and since when.
type login struct {
	worker string
	since  time.Time
}

// dying is how long a call of a worker may still arrive after it was killed.
const dying = 100 * time.Millisecond

// out says that the login's worker could not act any more at a time, which is now: it was killed or stopped, and has not
// logged in since, or its process has ended. One that is told to end while its login is on the way ends without an answer,
// and what the exchange opens then for nobody, nobody logs out of.
func (a *accounts) out(l login, at time.Time) bool {
	killed, dead := a.dead[l.worker]
	return dead && killed.Before(at) && l.since.Before(killed.Add(dying)) || a.runs != nil && !a.runs(l.worker)
}

// launchedBy says who knows which workers' processes run.
func (a *accounts) launchedBy(runs func(worker string) bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.runs = runs
}

// entry is one line of the exchange's record.
type entry struct {
	At      time.Time  `json:"at"`
	Call    paper.Call `json:"call"`
	Account string     `json:"user"`
	Worker  string     `json:"worker"`
	Effect  bool       `json:"effect"`
}

// Write takes the record.
func (a *accounts) Write(p []byte) (int, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.rest = append(a.rest, p...)
	for {
		line, rest, whole := bytes.Cut(a.rest, []byte("\n"))
		if !whole {
			return len(p), nil
		}
		a.rest = rest
		var e entry
		if json.Unmarshal(line, &e) == nil && e.Account != "" {
			a.note(e)
		}
	}
}

// note counts a login to an account that another worker is logged in to.
func (a *accounts) note(e entry) {
	switch {
	case !e.Effect:
	case e.Call == paper.Login:
		holder, held := a.active[e.Account]
		if held && holder.worker != e.Worker && !a.out(holder, e.At) {
			a.double = append(a.double, fmt.Sprintf("%s logged in to %s at %s, where %s is since %s, which %s", e.Worker, e.Account,
				e.At.Format(clock), holder.worker, holder.since.Format(clock), a.died(holder.worker)))
		}
		a.active[e.Account] = login{e.Worker, e.At}
	case e.Call == paper.Logout:
		if a.active[e.Account].worker == e.Worker {
			delete(a.active, e.Account)
		}
	}
}

// killed notes that a worker cannot log out any more: it was killed, or stopped for longer than its lease.
func (a *accounts) killed(worker string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.dead[worker] = time.Now()
}

// doubled is how often two workers were in one account at once.
func (a *accounts) doubled() int {
	a.mu.Lock()
	defer a.mu.Unlock()
	return len(a.double)
}

// clock is how moments of a day are told.
const clock = "15:04:05.000"

// died says when a worker was killed or stopped, for people.
func (a *accounts) died(worker string) string {
	if at, dead := a.dead[worker]; dead {
		return "was killed or stopped at " + at.Format(clock)
	}
	return "was neither killed nor stopped"
}

// doubles tells of each time that two workers were in one account.
func (a *accounts) doubles() []string {
	a.mu.Lock()
	defer a.mu.Unlock()
	return slices.Clone(a.double)
}

// logins is the number of accounts that a worker is logged in to now.
func (a *accounts) logins() int {
	a.mu.Lock()
	defer a.mu.Unlock()
	return len(a.active)
}
