package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"

	"workerfleet/runtime/hostlink"
	"workerfleet/runtime/session"
)

// prior is what was so before a fault.
type prior struct {
	verdict
	counts
	at             time.Time
	idle, all      float64 // of the machine's cores, in ticks
	healed, failed int64
	recalled       int64
	held           map[int]session.Session
	wanting        map[int]int
}

func (f *faulted) before() prior {
	p := prior{verdict: f.judge.sofar(), at: time.Now(), healed: f.healed.Load(), recalled: f.recalled.Load(), failed: f.passes.Load(), held: map[int]session.Session{}, wanting: f.users.wanting()}
	p.idle, p.all = machineTicks()
	acting, _ := f.judge.acting(hostlink.Now())
	for i := range p.wanting {
		if s, served := acting[user(i)]; served {
			p.held[i] = s
		}
	}
	f.users.mu.Lock()
	defer f.users.mu.Unlock()
	p.counts = f.users.counts
	return p
}

// ended is the moment of a fault's end, and who wanted a session then.
type ended struct {
	at      hostlink.Instant
	wanting map[int]int
}

// play does one fault to the fleet, while users come and go, and waits until it is over for everybody.
func (f *faulted) play(ctx context.Context, d deed, rate float64) (figure faultFigure, err error) {
	before := f.before()
	streaming, stop := context.WithCancel(ctx)
	insisting, calm := context.WithCancel(ctx)
	var crowd, watch sync.WaitGroup
	defer watch.Wait()
	defer calm()
	random := rand.New(rand.NewPCG(f.random.Uint64(), 0))
	crowd.Go(func() { f.users.stream(streaming, rate, random) })
	watch.Go(func() { f.users.insistent(insisting) })
	err = d.does(ctx, f)
	figure = faultFigure{Name: d.name, Seconds: time.Since(before.at).Seconds()}
	end := ended{hostlink.Now(), f.users.wanting()}
	if err == nil {
		err = rest(ctx, f.beyond()) // what a fault leaves behind shows within a lease
	}
	if err == nil {
		// Who is late is served later, or never: both are in the figures, which are judged.
		err = ignoreLate(until(ctx, f.terms.TTL/30, f.limit(), func() (bool, error) { return f.without(end) == 0, nil }))
	}
	stop()
	crowd.Wait()
	if err != nil {
		return figure, err
	}
	err = f.conclude(ctx, &figure)
	f.compare(&figure, before, end)
	return figure, err
}

// ignoreLate leaves it to the figures that something was late.
func ignoreLate(err error) error {
	if errors.Is(err, errLate) {
		return nil
	}
	return err
}

// unchanged calls do for everybody who has not changed their mind since.
func (f *faulted) unchanged(wanting map[int]int, do func(i int)) {
	now := f.users.wanting()
	for i, changed := range wanting {
		if again, wants := now[i]; wants && again == changed {
			do(i)
		}
	}
}

// without counts who wanted a session at a fault's end, wants it still, and nobody acts for.
func (f *faulted) without(end ended) (n int) {
	acting, _ := f.judge.acting(hostlink.Now())
	f.unchanged(end.wanting, func(i int) {
		if _, served := acting[user(i)]; !served {
			n++
		}
	})
	return n
}

// comparing is how long keepers take to come past all sessions of the database, and a little more.
const comparing = 2 * time.Minute

// conclude waits until workers, database and index are one, now that nobody comes or goes any more.
func (f *faulted) conclude(ctx context.Context, figure *faultFigure) error {
	figure.Disagree = "nothing was looked at"
	return ignoreLate(until(ctx, 200*time.Millisecond, f.limit()+comparing, func() (bool, error) {
		if asking := f.users.busy(); asking > 0 {
			figure.Disagree = fmt.Sprintf("%d users are still asking", asking)
			return false, nil
		}
		why, err := f.disagreement(ctx)
		if err != nil {
			why = err.Error()
		}
		figure.Disagree = why
		return why == "", nil
	}))
}

// waited fills in how long users were without a worker after a fault's end.
func (f *faulted) waited(figure *faultFigure, end ended) {
	var again, silent []time.Duration
	f.unchanged(end.wanting, func(i int) {
		now := hostlink.Now()
		_, since, served := f.judge.serving(user(i), now)
		switch {
		case !served:
			figure.Unserved++
			since = now
		case since <= end.at:
			return
		}
		if f.users.all[i].silent {
			silent = append(silent, since.Sub(end.at))
		} else {
			again = append(again, since.Sub(end.at))
		}
	})
	figure.Without, figure.Silent, figure.SilentMax = len(again)+len(silent), len(silent), quantile(silent, 1).Seconds()
	figure.AgainP50, figure.AgainP99, figure.AgainMax = quantile(again, 0.5).Seconds(), quantile(again, 0.99).Seconds(), quantile(again, 1).Seconds()
}

// compare fills in what became of everybody.
func (f *faulted) compare(figure *faultFigure, before prior, end ended) {
	figure.verdict = f.judge.since(before.verdict)
	figure.Healed, figure.Failed = int(f.healed.Load()-before.healed), int(f.passes.Load()-before.failed)
	figure.Recalled = int(f.recalled.Load() - before.recalled)
	idle, all := machineTicks()
	figure.IdlePercent = 100 * (idle - before.idle) / max(1, all-before.all)
	f.waited(figure, end)
	acting, _ := f.judge.acting(hostlink.Now())
	f.unchanged(before.wanting, func(i int) {
		if s, had := before.held[i]; had && acting[user(i)] != s {
			figure.Lost++
		}
	})
	f.users.mu.Lock()
	defer f.users.mu.Unlock()
	now := f.users.counts
	figure.counts = counts{now.Comings - before.Comings, now.Goings - before.Goings, now.Asked - before.Asked, now.Ended - before.Ended}
}
