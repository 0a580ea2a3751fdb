package main

import (
	"context"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"sync"
	"time"

	"workerfleet/runtime/fleet"
	"workerfleet/runtime/hostlink"
)

// silentOf is of how many users one never asks again: whoever serves nobody by itself is caught by that user.
const silentOf = 10

// away is how many users are away at the beginning: one for so many who are there.
const away = 4

// visitors are the users. They come and go on a schedule that waits for nobody, and ask again when they are not served.
type visitors struct {
	*theatre
	mu   sync.Mutex
	all  []visitor
	lots [2][]int // who is away, and who is there
	counts
	// wake tells somebody else of who has come; nil is nobody.
	wake func(ctx context.Context, who fleet.User)
}

// counts are of comings and goings that were begun; of users who asked again because nobody worked for them; and of those
// who ended a session again that they had left: one that was being served anew in that moment.
type counts struct {
	Comings int `json:"comings"`
	Goings  int `json:"goings"`
	Asked   int `json:"askedAgain"`
	Ended   int `json:"endedAgain"`
}

// visitor is one user. Whoever is busy is asking, and does nothing else.
type visitor struct {
	wants, busy bool
	silent      bool // does not ask again after they were served once
	changed     int  // how often the user changed their mind
	place       int  // in the lot
}

const isAway, isThere = 0, 1

// gather has users come to a fleet that serves nobody, and waits until all are served. Which of them are silent the seed draws.
func gather(ctx context.Context, s *theatre, users int, seed uint64) *visitors {
	v := &visitors{theatre: s, all: make([]visitor, users+users/away)}
	each(users, func(i int) { s.insist(ctx, user(i)) })
	v.silence(rand.New(rand.NewPCG(seed, 1)))
	for i := range v.all {
		lot := isAway
		if i < users {
			lot, v.all[i].wants = isThere, true
		}
		v.put(i, lot)
	}
	return v
}

// silence draws the silent users.
func (v *visitors) silence(random *rand.Rand) {
	for _, i := range random.Perm(len(v.all))[:(len(v.all)+silentOf-1)/silentOf] {
		v.all[i].silent = true
	}
}

func (v *visitors) put(i, lot int) {
	v.all[i].place = len(v.lots[lot])
	v.lots[lot] = append(v.lots[lot], i)
}

func (v *visitors) takeOut(i, lot int) {
	last := v.lots[lot][len(v.lots[lot])-1]
	v.lots[lot][v.all[i].place], v.all[last].place = last, v.all[i].place
	v.lots[lot] = v.lots[lot][:len(v.lots[lot])-1]
}

// stream lets users come and go, as many in a second, until ctx ends.
func (v *visitors) stream(ctx context.Context, rate float64, random *rand.Rand) {
	for due := time.Now(); ctx.Err() == nil; {
		due = due.Add(time.Duration(random.ExpFloat64() / rate * float64(time.Second)))
		select {
		case <-ctx.Done():
		case <-time.After(time.Until(due)):
			v.turn(random)
		}
	}
}

// turn lets one user change their mind.
func (v *visitors) turn(random *rand.Rand) {
	v.mu.Lock()
	defer v.mu.Unlock()
	lot := random.IntN(2)
	for range 8 {
		if len(v.lots[lot]) == 0 {
			return
		}
		i := v.lots[lot][random.IntN(len(v.lots[lot]))]
		if v.all[i].busy {
			continue
		}
		v.takeOut(i, lot)
		v.put(i, 1-lot)
		u := &v.all[i]
		u.wants, u.busy, u.changed = lot == isAway, true, u.changed+1
		if u.wants {
			v.Comings++
		} else {
			v.Goings++
		}
		v.background(func(context.Context) { v.ask(i) })
		return
	}
}

// ask goes on until the user has what they want.
func (v *visitors) ask(i int) {
	method, done := http.MethodDelete, http.StatusNoContent
	v.mu.Lock()
	wants, wake := v.all[i].wants, v.wake // nobody else changes what a busy user wants
	v.mu.Unlock()
	if wants {
		method, done = http.MethodPost, http.StatusOK
		if wake != nil {
			wake(v.work, user(i))
		}
	}
	for pause := again; v.say(v.work, method, user(i)) != done; pause = min(2*pause, longestAgain) {
		if rest(v.work, pause/2+rand.N(pause)) != nil {
			return
		}
	}
	v.mu.Lock()
	v.all[i].busy = false
	v.mu.Unlock()
}

// longestAgain is how long a user waits who was refused again and again.
const longestAgain = 4 * time.Second

// say makes one request.
func (v *visitors) say(ctx context.Context, method string, who fleet.User) int {
	request := httptest.NewRequestWithContext(ctx, method, "/v1/sessions", nil)
	request.Header.Set(userHeader, string(who))
	answer := httptest.NewRecorder()
	v.api.ServeHTTP(answer, request)
	return answer.Code
}

// notices is after how long users notice that nobody works for them, as a share of a lease, and how many ask at once.
const (
	notices = 4
	askers  = 32
)

// insistent has users ask again who have not had for a while what they asked for, unless they are silent.
func (v *visitors) insistent(ctx context.Context) {
	before := map[int]int{}
	places := make(chan struct{}, askers)
	for rest(ctx, v.path.Terms.TTL/notices) == nil {
		now := v.unhappy()
		for i, changed := range now {
			if since, was := before[i]; !was || since != changed {
				continue
			}
			select {
			case places <- struct{}{}:
				if !v.occupy(i, changed) {
					<-places
					continue
				}
				v.background(func(context.Context) { v.ask(i); <-places })
			default: // as soon as others have been answered
			}
		}
		before = now
	}
}

// unhappy are users who are not asking, and want a session that they do not have or have one that they do not want, with how
// often each has changed their mind. The silent ones are content to be without: that they are served is for others to see to.
func (v *visitors) unhappy() map[int]int {
	list := map[int]int{}
	acting, _ := v.judge.acting(hostlink.Now())
	v.mu.Lock()
	defer v.mu.Unlock()
	for i, u := range v.all {
		if _, served := acting[user(i)]; !u.busy && u.wants != served && !(u.wants && u.silent) {
			list[i] = u.changed
		}
	}
	return list
}

// occupy makes a user ask who does not, unless they have begun to or changed their mind since they were looked at: of two
// requests of one user at once, the one that they no longer mean could be the last.
func (v *visitors) occupy(i, changed int) bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	u := &v.all[i]
	if u.busy || u.changed != changed {
		return false
	}
	u.busy = true
	if u.wants {
		v.Asked++
	} else {
		v.Ended++
	}
	return true
}

// wanting is who wants a session now, with how often each has changed their mind.
func (v *visitors) wanting() map[int]int {
	v.mu.Lock()
	defer v.mu.Unlock()
	list := map[int]int{}
	for i, u := range v.all {
		if u.wants {
			list[i] = u.changed
		}
	}
	return list
}

// busy counts who is asking.
func (v *visitors) busy() (n int) {
	v.mu.Lock()
	defer v.mu.Unlock()
	for _, u := range v.all {
		if u.busy {
			n++
		}
	}
	return n
}
