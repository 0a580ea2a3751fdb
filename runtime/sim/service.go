package sim

import (
	"errors"
	"time"
)

// errLost is an answer that did not come: the call may have had its effect, or not.
var errLost = errors.New("no answer")

// errRefused is a connection that was refused: nothing happened. Callers do not tell it from errLost.
var errRefused = errors.New("connection refused")

// service is what processes call over the network: the index, the database, the mail, the exchange.
type service struct {
	name string
	// down is until when nobody is answered.
	down time.Duration
	// skew is how far its clock is off.
	skew time.Duration
	// rates are how often a call is lost before its effect or after it, has it twice, or late.
	rates rates
	// limit is how long callers wait.
	limit time.Duration
	// fast and slow bound the way of a message.
	fast, slow time.Duration
	// latest is how late a call may have its effect: beyond the limit, the caller has given it up.
	latest time.Duration
	// replaced counts how often another server took its place: what is on its way to the one before is lost.
	replaced int
}

type rates struct{ before, after, twice, late float64 }

// clock is the service's.
func (s *service) clock(l *loop) time.Time { return l.now().Add(s.skew) }

// reached says whether a process's message arrives.
func (s *service) reached(p *process) bool { return p.cut <= p.at && s.down <= p.at }

// ask calls a service from a coroutine of p. The effect happens at the service, at one moment, whatever becomes of p
// meanwhile.
func ask[T any](p *process, s *service, effect func() (T, error)) (T, error) {
	return askUntil(p, s, nil, effect)
}

// askUntil also gives up when it is called by what it leaves in hung.
func askUntil[T any](p *process, s *service, hung *[]func(), effect func() (T, error)) (T, error) {
	var value, none T
	err := errLost
	if p.running != nil && p.running.gone || p.dead {
		return none, errDead
	}
	out, back := p.between(s.fast, s.slow), p.between(s.fast, s.slow)
	draw := p.random.Float64()
	lost, mute, twice, late := s.rates.pick(draw)
	if late {
		out += p.between(s.limit/2, s.latest)
	}
	alive := p.wait(func(wake func()) {
		done := false
		finish := func(v T, e error) {
			if !done {
				done, value, err = true, v, e
				wake()
			}
		}
		if hung != nil {
			*hung = append(*hung, func() { finish(none, errLost) })
		}
		silence := func() { p.after(s.limit, func() { finish(none, errLost) }) }
		if !s.reached(p) {
			p.after(out, func() { finish(none, errRefused) })
			return
		}
		if lost || mute || late {
			silence()
		}
		was := s.replaced
		arrive := func() {
			if s.replaced != was {
				silence()
				return
			}
			v, e := effect()
			if p.cut > p.at && !mute {
				silence()
			} else if !mute {
				p.after(back, func() { finish(v, e) })
			}
		}
		switch {
		case lost:
		case twice: // the client repeats a call whose answer was lost
			p.after(out, func() {
				if s.replaced == was {
					_, _ = effect()
				}
			})
			p.after(out+p.between(s.fast, 4*s.slow), arrive)
		default:
			p.after(out, func() {
				if s.down > p.at {
					silence()
					return
				}
				arrive()
			})
		}
	})
	if !alive {
		return none, errDead
	}
	return value, err
}

// pick says what goes wrong with a call by a number from 0 to 1.
func (r rates) pick(draw float64) (lost, mute, twice, late bool) {
	for _, fault := range []struct {
		rate float64
		is   *bool
	}{{r.before, &lost}, {r.after, &mute}, {r.twice, &twice}, {r.late, &late}} {
		if draw < fault.rate {
			*fault.is = true
			return
		}
		draw -= fault.rate
	}
	return
}

// tell is ask for calls that return an error only.
func tell(p *process, s *service, effect func() error) error {
	_, err := ask(p, s, func() (struct{}, error) { return struct{}{}, effect() })
	return err
}
