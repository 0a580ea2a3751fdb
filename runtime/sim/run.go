package sim

import (
	"fmt"
	"time"
)

// Result is what one seed's history came to.
type Result struct {
	Seed uint64
	// Err is what must not be, or nil.
	Err error
	// Digest is of the whole trace: the same seed has the same one.
	Digest uint64
	// Trace are its lines, the last ones unless all were asked for.
	Trace []string
	// Steps counts the events, Took is the virtual time until everything was at rest.
	Steps int
	Took  time.Duration
}

// Times of a history: faults for a while, and then rest, which has to come.
const (
	storms   = 60 * time.Second
	patience = 90 * time.Minute
	look     = 2 * time.Second
)

// Options say how a history is played.
type Options struct {
	// Whole keeps all lines of the trace.
	Whole bool
}

// Run plays a seed's history.
func Run(seed uint64, o Options) (r Result) {
	w := newWorld(seed)
	w.keep = o.Whole
	defer func() {
		if broken := recover(); broken != nil {
			w.failed = fmt.Errorf("panic: %v", broken)
		} else {
			w.end()
		}
		r = Result{Seed: seed, Err: w.failed, Digest: w.digest.Sum64(), Trace: w.lines, Steps: w.steps, Took: w.at}
	}()
	w.stormy = storms
	w.storm()
	for _, u := range w.users {
		w.after(w.between(0, storms/4), u.come)
		w.often(2, func() {
			if w.chance(0.5) {
				u.leave()
			} else {
				u.come()
			}
		})
		w.often(8*w.random.Float64(), u.trade)
	}
	w.run(storms, w.alone)
	w.quiet()
	why := ""
	for w.failed == nil && w.at < storms+patience {
		w.run(w.at+look, w.alone)
		if why = w.settled(); why == "" {
			w.failed = w.judge()
			return
		}
	}
	w.fail("no rest after %s: %s", patience, why)
	return
}
