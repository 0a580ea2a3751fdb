package sim

import (
	"time"

	"workerfleet/runtime/claim"
	"workerfleet/runtime/fleet"
)

// user is somebody who wants a worker now and then.
type user struct {
	*world
	name  fleet.User
	wants bool
	// barred says that the exchange takes the user's credentials no longer.
	barred bool
	// answered is the last epoch that a claim was answered with.
	answered fleet.Epoch
	wishes   []*wish
	traded   int
}

// front is one API's process.
func (w *world) front() *desk {
	alive := w.fronts[w.random.IntN(len(w.fronts))]
	return alive
}

// come has the user ask until it has a worker.
func (u *user) come() {
	if u.wants {
		return
	}
	u.wants = true
	u.say(string(u.name), "comes")
	u.ask()
}

// ask sends one request, and another one while it is not served, or now and then though it is.
func (u *user) ask() {
	if !u.wants {
		return
	}
	d := u.front()
	d.spawn(func() {
		if !u.wants {
			return
		}
		progress, err := d.sessions.Claim(d.ctx, claim.Request{User: u.name}, d.name)
		if err == nil && progress.Bound != nil {
			u.answered = max(u.answered, progress.Bound.Epoch)
		}
	})
	pause := u.between(100*time.Millisecond, 2*time.Second)
	if u.served() {
		pause = u.between(2*time.Second, 10*time.Second)
	}
	u.after(pause, u.ask)
}

// leave ends the user's session.
func (u *user) leave() {
	if !u.wants {
		return
	}
	u.wants = false
	u.say(string(u.name), "leaves")
	u.end()
}

// end asks for the end until it is answered, and again where the user has a session all the same: one that was being served
// again in that moment, that a rebuilt pool found open in the database, or that an order needed. What ends idle
// sessions would do it.
func (u *user) end() {
	if u.wants {
		return
	}
	d := u.front()
	answered := false
	d.spawn(func() {
		if !u.wants {
			answered = d.sessions.End(d.ctx, u.name) == nil
		}
	})
	u.after(3*time.Second, func() {
		if !answered {
			u.end()
		} else {
			u.after(5*time.Second, u.endAgain)
		}
	})
}

func (u *user) endAgain() {
	if u.wants {
		return
	}
	if u.served() && u.pending() == "" {
		u.end()
		return
	}
	u.after(5*time.Second, u.endAgain)
}

// served says whether some worker acts for the user now.
func (u *user) served() bool {
	for _, h := range u.hosts {
		for _, w := range h.workers {
			if name, _, active := w.active(); active && name == u.name {
				return true
			}
		}
	}
	return false
}
