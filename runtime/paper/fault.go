package paper

import (
	"fmt"
	"slices"
)

// FaultKind is what goes wrong with a call.
type FaultKind string

// The faults. Over HTTP an unreached call is a dropped one: the client has sent it.
const (
	// Unreached calls never leave the caller: nothing happened, and the caller knows.
	Unreached FaultKind = "unreached"
	// Dropped calls have no effect; the connection breaks.
	Dropped FaultKind = "dropped"
	// Stalled calls have no effect; nothing is ever answered.
	Stalled FaultKind = "stalled"
	// Cut calls have their effect; the connection breaks instead of an answer.
	Cut FaultKind = "cut"
	// Silent calls have their effect; nothing is ever answered.
	Silent FaultKind = "silent"
	// Slow calls have their effect, and are answered late.
	Slow FaultKind = "slow"
	// Twice brings news twice; of other calls it means nothing.
	Twice FaultKind = "twice"
)

var (
	calls  = []Call{Login, Logout, Place, Cancel, Find, Position, News}
	faults = []FaultKind{Unreached, Dropped, Stalled, Cut, Silent, Slow, Twice}
)

// before says that the call is lost before it had its effect.
func (k FaultKind) before() bool { return k == Unreached || k == Dropped || k == Stalled }

// Fault is how often something goes wrong.
type Fault struct {
	Call Call      `json:"call"`
	Kind FaultKind `json:"kind"`
	// Rate is the part of the calls that it happens to, from 0 to 1, drawn by the seed.
	Rate float64 `json:"rate,omitempty"`
	// Next is how many of the next calls it happens to in any case.
	Next int `json:"next,omitempty"`
}

func (f Fault) check() error {
	switch {
	case !slices.Contains(calls, f.Call):
		return fmt.Errorf("call: %s is not allowed; allowed: %v", f.Call, calls)
	case !slices.Contains(faults, f.Kind):
		return fmt.Errorf("kind: %s is not allowed; allowed: %v", f.Kind, faults)
	case (f.Kind == Twice) != (f.Call == News):
		return fmt.Errorf("kind: %s is not allowed for %s; allowed: twice for news, the others for calls", f.Kind, f.Call)
	case f.Rate < 0 || f.Rate > 1 || f.Next < 0:
		return fmt.Errorf("rate, next: %v and %d are not allowed; allowed: from 0 to 1, from 0 up", f.Rate, f.Next)
	}
	return nil
}

// Break adds a fault. An error names the field.
func (x *Exchange) Break(f Fault) error {
	if err := f.check(); err != nil {
		return err
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	x.broken = append(x.broken, f)
	return nil
}

// fault decides what goes wrong with a call. A draw depends on the call, its user, its order and how often it was asked,
// not on what other users do meanwhile.
func (x *Exchange) fault(s Seen) FaultKind {
	for i := range x.broken {
		if f := &x.broken[i]; f.Call == s.Call && f.Next > 0 {
			f.Next--
			return f.Kind
		}
	}
	rated := slices.DeleteFunc(slices.Clone(x.broken), func(f Fault) bool { return f.Call != s.Call || f.Rate == 0 })
	if len(rated) == 0 {
		return ""
	}
	name := fmt.Sprintf("fault %s %s %s", s.Call, s.User, s.ClientID)
	x.drawn[name]++
	drawn := draw(x.Seed, name, x.drawn[name])
	for _, f := range rated {
		if drawn < f.Rate {
			return f.Kind
		}
		drawn -= f.Rate
	}
	return ""
}

// lost is a call whose caller does not get to know the answer, or not in time.
type lost struct {
	kind   FaultKind
	answer error
}

func (l *lost) Error() string { return fmt.Sprintf("the call was %s", l.kind) }
