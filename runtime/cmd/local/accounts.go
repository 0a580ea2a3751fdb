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
	active map[string]login     // account → who is logged in
	dead   map[string]time.Time // worker → when it was killed or stopped
	double []string             // what was seen of two workers in one account
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

// out says that the login's worker could not act any more at a time: it was killed or stopped, and has not logged in since.
func (a *accounts) out(l login, at time.Time) bool {
	killed, dead := a.dead[l.worker]
	return dead && killed.Before(at) && l.since.Before(killed.Add(dying))
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
			a.double = append(a.double, fmt.Sprintf("%s logged in to %s at %s, while %s was since %s",
				e.Worker, e.Account, e.At.Format(time.StampMicro), holder.worker, holder.since.Format(time.StampMicro)))
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

// doubled tells each time at which two workers were in one account at once.
func (a *accounts) doubled() []string {
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
