package main

import (
	"bytes"
	"encoding/json"
	"sync"
	"time"

	"workerfleet/runtime/paper"
)

// accounts is who was logged in to which of the paper exchange's accounts, and when: the exchange writes a line of each
// call.
type accounts struct {
	mu     sync.Mutex
	rest   []byte
	active map[string]string    // account → worker that is logged in
	dead   map[string]time.Time // worker → when it was killed
	double int
}

func newAccounts() *accounts {
	return &accounts{active: map[string]string{}, dead: map[string]time.Time{}}
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

// note counts a login to an account that another worker is logged in to. One that was killed is out since then.
func (a *accounts) note(e entry) {
	switch {
	case !e.Effect:
	case e.Call == paper.Login:
		holder := a.active[e.Account]
		killed, dead := a.dead[holder]
		if holder != "" && holder != e.Worker && !(dead && killed.Before(e.At)) {
			a.double++
		}
		a.active[e.Account] = e.Worker
	case e.Call == paper.Logout:
		if a.active[e.Account] == e.Worker {
			delete(a.active, e.Account)
		}
	}
}

// killed notes the end of a worker that cannot log out any more.
func (a *accounts) killed(worker string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.dead[worker] = time.Now()
}

// doubled is how often two workers were in one account at once.
func (a *accounts) doubled() int {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.double
}

// logins is the number of accounts that a worker is logged in to now.
func (a *accounts) logins() int {
	a.mu.Lock()
	defer a.mu.Unlock()
	return len(a.active)
}
