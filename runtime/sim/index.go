package sim

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"workerfleet/runtime/claim"
	"workerfleet/runtime/fleet"
)

// server is the index's server: the transitions that ship, on a clock of its own, over data that may be lost.
type server struct {
	service
	*loop
	index *claim.Index
	// copies are the data as they stood before, the latest last: what a replica may have.
	copies  []replica
	stopped bool // nobody will ask for copies any more
	// out are the hosts that operators have taken out of service, unless the data was lost since.
	out map[fleet.Host]bool
}

type replica struct {
	at    time.Duration
	index *claim.Index
}

// copyEvery and copiesKept bound how much a failover may lose.
const (
	copyEvery  = 100 * time.Millisecond
	copiesKept = 30
)

func (s *server) copying() {
	if s.stopped {
		return
	}
	s.copies = append(s.copies, replica{s.at, s.index.Clone()})
	s.copies = s.copies[max(0, len(s.copies)-copiesKept):]
	s.after(copyEvery, s.copying)
}

// flush loses everything.
func (s *server) flush() { s.index, s.copies, s.out = claim.NewIndex(), nil, map[fleet.Host]bool{} }

// failover goes on with the data of a while ago.
func (s *server) failover(lost time.Duration) {
	for i := len(s.copies) - 1; i >= 0; i-- {
		if s.copies[i].at <= s.at-lost {
			s.index, s.copies, s.out = s.copies[i].index, s.copies[:i], map[fleet.Host]bool{}
			return
		}
	}
	s.flush()
}

// client is the index as one process reaches it.
type client struct {
	*server
	from *process
}

var _ claim.Store = client{}

// run makes one call. The transitions decide, and their promises are looked at after each.
func run[T any](c client, what string, do func(x *claim.Index, now int64) (T, error)) (T, error) {
	v, err := ask(c.from, &c.service, func() (T, error) {
		v, err := do(c.index, c.clock(c.loop).UnixMilli())
		if what != "" {
			c.from.say(c.from.name, "%s = %s %s", what, c.told(v), said(err))
		}
		if broken := c.index.Invariants(); broken != nil {
			c.fail("the index after %s by %s: %w", what, c.from.name, broken)
		}
		return v, err
	})
	if what != "" && (errors.Is(err, errLost) || errors.Is(err, errRefused)) {
		c.from.say(c.from.name, "%s: %v", what, err)
	}
	return v, err
}

func dead(deaths []claim.Death) (names []string) {
	for _, d := range deaths {
		names = append(names, string(d.Worker)+" "+string(d.User))
	}
	return names
}

func said(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

// told writes an answer such that the same history is the same text.
func (c client) told(v any) string {
	switch v := v.(type) {
	case none:
		return ""
	case claim.Answer:
		if v.Bound == nil {
			return fmt.Sprintf("place %d", v.Rank)
		}
		return fmt.Sprintf("%s %s %s, sent %t", v.Bound.Worker, c.short(v.Bound.Epoch), v.Bound.State, v.Bound.Sent)
	case claim.Death:
		return fmt.Sprintf("%s %s", v.User, c.short(v.Epoch))
	}
	return fmt.Sprint(v)
}

type none = struct{}

func (c client) Claim(_ context.Context, r claim.Request, t claim.Terms) (claim.Answer, error) {
	a, err := run(c, "claim "+string(r.User), func(x *claim.Index, now int64) (claim.Answer, error) { return x.Claim(now, r, t) })
	if a.Bound != nil { // who is answered owns the answer
		bound := *a.Bound
		a.Bound = &bound
	}
	return a, err
}

func (c client) Leave(_ context.Context, user fleet.User) error {
	_, err := run(c, "leave "+string(user), func(x *claim.Index, _ int64) (none, error) { x.Leave(user); return none{}, nil })
	return err
}

func (c client) Sent(_ context.Context, worker fleet.Worker, epoch fleet.Epoch) error {
	_, err := run(c, "sent "+string(worker), func(x *claim.Index, _ int64) (none, error) { return none{}, x.Sent(worker, epoch) })
	return err
}

func (c client) Release(_ context.Context, user fleet.User, epoch fleet.Epoch) error {
	_, err := run(c, "release "+string(user)+" "+c.short(epoch), func(x *claim.Index, _ int64) (none, error) { return none{}, x.Release(user, epoch) })
	return err
}

func (c client) Undo(_ context.Context, user fleet.User, epoch fleet.Epoch, t claim.Terms) (bool, error) {
	return run(c, "undo "+string(user)+" "+c.short(epoch), func(x *claim.Index, now int64) (bool, error) { return x.Undo(now, user, epoch, t), nil })
}

func (c client) Register(_ context.Context, r claim.Registration, t claim.Terms) (claim.Standing, error) {
	return run(c, "register "+string(r.Worker)+" life "+r.Life.String()+" "+string(r.User), func(x *claim.Index, now int64) (claim.Standing, error) { return x.Register(now, r, t), nil })
}

func (c client) Beat(_ context.Context, host fleet.Host, beats []claim.Beat, t claim.Terms) ([]claim.Standing, error) {
	return run(c, "", func(x *claim.Index, now int64) ([]claim.Standing, error) {
		standings := x.Beat(now, host, beats, t)
		if slices.ContainsFunc(standings, func(s claim.Standing) bool { return s != claim.Ok }) {
			c.from.say(c.from.name, "beat %v = %v", beats, standings)
		}
		return standings, nil
	})
}

func (c client) Confirm(_ context.Context, worker fleet.Worker, life fleet.Life, epoch fleet.Epoch) error {
	_, err := run(c, "confirm "+string(worker)+" "+c.short(epoch), func(x *claim.Index, now int64) (none, error) { return none{}, x.Confirm(now, worker, life, epoch) })
	return err
}

func (c client) Exit(_ context.Context, worker fleet.Worker, life fleet.Life, t claim.Terms) (claim.Death, error) {
	return run(c, "exit "+string(worker), func(x *claim.Index, now int64) (claim.Death, error) { return x.Exit(now, worker, life, t) })
}

func (c client) End(_ context.Context, workers []fleet.Worker, t claim.Terms) ([]claim.Death, error) {
	return run(c, fmt.Sprint("end ", workers), func(x *claim.Index, now int64) ([]claim.Death, error) { return x.End(now, workers, t), nil })
}

func (c client) Park(_ context.Context, host fleet.Host, workers []fleet.Worker, silence time.Duration) error {
	_, err := run(c, "park", func(x *claim.Index, now int64) (none, error) {
		x.Park(now, host, workers, silence.Milliseconds())
		return none{}, nil
	})
	return err
}

func (c client) Reap(_ context.Context, t claim.Terms) (claim.Reaped, error) {
	return run(c, "", func(x *claim.Index, now int64) (claim.Reaped, error) {
		r := x.Reap(now, t)
		if len(r.Dead) > 0 || r.Held {
			c.from.say(c.from.name, "reap = %v held %t", dead(r.Dead), r.Held)
		}
		return r, nil
	})
}

func (c client) Unconfirmed(_ context.Context, skip, limit int) ([]claim.Unconfirmed, error) {
	return run(c, "", func(x *claim.Index, now int64) ([]claim.Unconfirmed, error) {
		return x.Unconfirmed(now, skip, limit), nil
	})
}

func (c client) Agree(_ context.Context, worker fleet.Worker, life fleet.Life, epoch fleet.Epoch) error {
	_, err := run(c, "agree "+string(worker)+" "+c.short(epoch), func(x *claim.Index, _ int64) (none, error) { return none{}, x.Agree(worker, life, epoch) })
	return err
}

func (c client) Expire(_ context.Context, worker fleet.Worker, epoch fleet.Epoch, t claim.Terms) (bool, error) {
	return run(c, "expire "+string(worker)+" "+c.short(epoch), func(x *claim.Index, now int64) (bool, error) { return x.Expire(now, worker, epoch, t), nil })
}

func (c client) Heal(_ context.Context, cursor, limit int, t claim.Terms) (claim.Healed, error) {
	return run(c, "", func(x *claim.Index, now int64) (claim.Healed, error) {
		h := x.Heal(now, cursor, limit, t)
		for kind, n := range h.Repairs {
			c.fail("%d repairs of %s: no transition may leave anything to heal", n, kind)
		}
		return h, nil
	})
}

func (c client) Census(context.Context) (claim.Census, error) {
	return run(c, "", func(x *claim.Index, now int64) (claim.Census, error) { return x.Census(now), nil })
}

func (c client) Open(_ context.Context, incarnation string) (string, error) {
	return run(c, "open "+incarnation, func(x *claim.Index, _ int64) (string, error) { return x.Open(incarnation), nil })
}

// found is an answer that may be none.
type found[T any] struct {
	value T
	known bool
}

func (c client) Worker(_ context.Context, worker fleet.Worker) (claim.Worker, bool, error) {
	f, err := run(c, "", func(x *claim.Index, _ int64) (found[claim.Worker], error) {
		w, known := x.Worker(worker)
		return found[claim.Worker]{w, known}, nil
	})
	return f.value, f.known, err
}

func (c client) Gone(_ context.Context, worker fleet.Worker, life fleet.Life) (bool, error) {
	return run(c, "gone? "+string(worker)+" life "+life.String(), func(x *claim.Index, _ int64) (bool, error) { return x.Gone(worker, life), nil })
}

func (c client) Raise(_ context.Context, floor fleet.Epoch) error {
	_, err := run(c, "raise "+c.short(floor), func(x *claim.Index, _ int64) (none, error) { x.Raise(floor); return none{}, nil })
	return err
}

func (c client) Stock(_ context.Context, t claim.Terms) (claim.Stocktake, error) {
	return run(c, "", func(x *claim.Index, now int64) (claim.Stocktake, error) {
		stock := x.Stock(now, t)
		for _, h := range stock.Hosts {
			if c.out[h.Host] && h.Drained != claim.ByOperator {
				c.fail("%s is in service, from which an operator has taken it", h.Host)
			}
		}
		return stock, nil
	})
}

func (c client) Reserve(_ context.Context, p claim.Plan, t claim.Terms) error {
	what := ""
	for _, b := range p.Batches {
		what += " reserve " + b.Key
	}
	_, err := run(c, what, func(x *claim.Index, now int64) (none, error) { return none{}, x.Reserve(now, p, t) })
	return err
}

func (c client) Launched(_ context.Context, key string, workers []fleet.Worker) error {
	_, err := run(c, "launched "+key, func(x *claim.Index, _ int64) (none, error) { x.Launched(key, workers); return none{}, nil })
	return err
}

func (c client) Retire(_ context.Context, r claim.Retirement) ([]fleet.Worker, error) {
	return run(c, "retire "+string(r.Host), func(x *claim.Index, now int64) ([]fleet.Worker, error) { return x.Retire(now, r), nil })
}

func (c client) Note(_ context.Context, text string) error {
	_, err := run(c, "", func(x *claim.Index, _ int64) (none, error) { x.Note(text); return none{}, nil })
	return err
}

func (c client) Arrivals(context.Context) ([]claim.Arrived, error) {
	return run(c, "", func(x *claim.Index, now int64) ([]claim.Arrived, error) { return x.Arrivals(now), nil })
}

func (c client) Drain(_ context.Context, host fleet.Host, by claim.Drainer) (bool, error) {
	return run(c, "drain "+string(host), func(x *claim.Index, _ int64) (bool, error) {
		known := x.Drain(host, by)
		if known && by == claim.ByOperator {
			c.out[host] = true
		}
		return known, nil
	})
}

func (c client) Undrain(_ context.Context, host fleet.Host, by claim.Drainer, t claim.Terms) (bool, error) {
	return run(c, "undrain "+string(host), func(x *claim.Index, now int64) (bool, error) {
		if by == "" || by == claim.ByOperator {
			delete(c.out, host)
		}
		return x.Undrain(now, host, by, t), nil
	})
}

func (c client) Withdraw(_ context.Context, worker fleet.Worker) (claim.State, bool, error) {
	f, err := run(c, "withdraw "+string(worker), func(x *claim.Index, now int64) (found[claim.State], error) {
		s, known := x.Withdraw(now, worker)
		return found[claim.State]{s, known}, nil
	})
	return f.value, f.known, err
}

func (c client) Workers(_ context.Context, from time.Time, limit int) ([]claim.Listed, error) {
	return run(c, "", func(x *claim.Index, _ int64) ([]claim.Listed, error) { return x.Workers(from, limit), nil })
}

func (c client) Waiting(_ context.Context, from, limit int) ([]claim.Waiter, error) {
	return run(c, "", func(x *claim.Index, _ int64) ([]claim.Waiter, error) { return x.Waiting(from, limit), nil })
}

func (c client) Heard(context.Context) ([]claim.Heard, error) {
	return run(c, "", func(x *claim.Index, _ int64) ([]claim.Heard, error) { return x.Heard(), nil })
}
