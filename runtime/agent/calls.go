package agent

import (
	"context"
	"math/rand/v2"
	"time"

	"workerfleet/runtime/claim"
	"workerfleet/runtime/fleet"
	"workerfleet/runtime/signals"
)

// Pauses between calls to a store that does not answer, doubling from the first to the longest.
const (
	firstPause   = 20 * time.Millisecond
	longestPause = time.Second
)

// perform does what the roster decided. What waits runs beside the owner and comes back as a turn.
func (a *Agent) perform(e effect) {
	switch e := e.(type) {
	case say:
		e.to.say(e.Message)
	case drop:
		a.Log.Warn("connection dropped", "worker", e.link.worker, "pid", e.link.process.pid, "reason", e.why)
		e.link.cut()
	case beatSoon:
		a.fresh = true
	case register:
		a.call(func(ctx context.Context) turn {
			standing, err := a.Store.Register(ctx, e.Registration, a.Terms)
			a.failed("register", e.Worker, err)
			return func(r *roster, _ time.Time) []effect { return r.registered(e, standing, err) }
		})
	case confirm:
		a.call(func(ctx context.Context) turn {
			err := a.Store.Confirm(ctx, e.worker, e.life, e.epoch)
			a.failed("confirm", e.worker, err)
			return func(r *roster, _ time.Time) []effect { return r.answered(e, err) }
		})
	case exit:
		a.call(func(ctx context.Context) turn {
			death, err := a.Store.Exit(ctx, e.worker, e.life, a.Terms)
			a.failed("exit", e.worker, err)
			if err == nil {
				a.mourn(e, death)
			}
			return func(r *roster, _ time.Time) []effect { return r.buried(e, err) }
		})
	case later:
		a.spawn(func() {
			if a.pause(e.tries) {
				a.turn(func(r *roster, _ time.Time) []effect { return e.turn(r) })
			}
		})
	case publish:
		a.call(func(ctx context.Context) turn {
			err := a.Post.Report(ctx, e.Outcome)
			a.failed("report", e.Worker, err)
			return func(r *roster, now time.Time) []effect { return r.published(now, e, err) }
		})
	case tell:
		a.call(func(ctx context.Context) turn {
			a.failed("tell", e.Worker, a.Post.Tell(ctx, e.to, e.Ready))
			return func(*roster, time.Time) []effect { return nil }
		})
	}
}

// call runs one call beside the owner, a bounded number at once.
func (a *Agent) call(do func(ctx context.Context) turn) {
	a.spawn(func() {
		select {
		case a.slots <- struct{}{}:
		case <-a.work.Done():
			return
		}
		ctx, cancel := context.WithTimeout(a.work, callLimit)
		news := do(ctx)
		cancel()
		<-a.slots
		a.turn(news)
	})
}

// wait waits before another attempt; false: the agent ends. Agents that lost the same store do not return as one.
func (a *Agent) wait(failures int) bool {
	wait := min(longestPause, firstPause<<min(failures, 10))
	select {
	case <-time.After(wait/2 + rand.N(wait)):
		return true
	case <-a.work.Done():
		return false
	}
}

func (a *Agent) failed(what string, worker fleet.Worker, err error) {
	if err != nil && a.work.Err() == nil {
		a.Log.Warn(what, "worker", worker, "error", err)
	}
}

func (a *Agent) mourn(e exit, death claim.Death) {
	a.Log.Info("process ended", "worker", e.worker, "life", e.life, "polite", e.polite, "user", death.User, "epoch", death.Epoch)
	if !e.polite {
		a.Signals.Add(signals.Deaths, 1, "exit")
	}
}

// beat sends one round of batches, and hands on what is confirmed with the instant before its batch was sent.
func (a *Agent) beat(r *roster, fresh bool) {
	beats := r.beats(a.now(), fresh)
	if fresh && len(beats) == 0 {
		return
	}
	a.beating = true
	a.spawn(func() {
		for rest := beats; ; {
			batch := rest[:min(len(rest), claim.BeatLimit)]
			rest = rest[len(batch):]
			a.beatOnce(batch)
			if len(rest) == 0 {
				break
			}
		}
		a.turn(func(*roster, time.Time) []effect {
			a.beating = false
			return nil
		})
	})
}

func (a *Agent) beatOnce(batch []claim.Beat) {
	ctx, cancel := context.WithTimeout(a.work, callLimit)
	defer cancel()
	sent := a.instant()
	standings, err := a.Store.Beat(ctx, a.Host, batch, a.Terms)
	if err != nil {
		a.failed("beat", "", err) // the next round is the next attempt; meanwhile the workers' leases decide
		return
	}
	halted, halting := a.Post.Halted(ctx)
	a.failed("switches", "", halting)
	confirmed := 0
	for _, standing := range standings {
		if standing == claim.Ok {
			confirmed++
		}
	}
	a.Signals.Add(signals.Beats, float64(confirmed))
	a.turn(func(r *roster, _ time.Time) []effect {
		if halting == nil {
			r.halted = halted
		}
		return r.beaten(batch, standings, sent)
	})
}

// carry brings the host's mail to the owner, from the beginning of what the mailbox still holds.
func (a *Agent) carry() {
	after, failures := "", 0
	for a.work.Err() == nil {
		begin := a.now()
		letters, err := a.Post.Read(a.work, a.Host, after)
		if err != nil || len(letters) == 0 && a.now().Sub(begin) < firstPause { // a mailbox that does not wait is as good as none
			a.failed("mail", "", err)
			if !a.pause(failures) {
				return
			}
			failures++
			continue
		}
		failures = 0
		for _, l := range letters {
			after = l.ID
			a.turn(func(r *roster, now time.Time) []effect { return r.arrived(now, l) })
		}
	}
}

// park asks the store to bear the silence that follows, as often as it takes. Nothing else of this agent calls any
// more: a batch after it would end the patience that it asks for.
func (a *Agent) park(names []fleet.Worker) {
	ctx, cancel := context.WithTimeout(context.Background(), parkLimit)
	defer cancel()
	for failures := 0; ; failures++ {
		err := a.Store.Park(ctx, a.Host, names, a.Parked)
		if err == nil {
			a.Log.Info("workers parked", "workers", len(names), "for", a.Parked)
			return
		}
		a.Log.Warn("park", "error", err)
		select {
		case <-time.After(min(longestPause, firstPause<<min(failures, 10))):
		case <-ctx.Done():
			a.Log.Error("workers are not parked: they are reaped after their leases", "workers", len(names))
			return
		}
	}
}
