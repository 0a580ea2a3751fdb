package sim

import (
	"container/heap"
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"time"

	"workerfleet/runtime/fleet"
)

// began is virtual time's beginning. It lies before the real present: contexts carry deadlines of the real clock, which
// must not have passed by the virtual one.
var began = time.Date(2020, time.March, 2, 14, 30, 0, 0, time.UTC)

// loop is virtual time: events in their order, one after the other.
type loop struct {
	at     time.Duration // since began
	queue  events
	number uint64
	random *rand.Rand
	// running is the coroutine that runs now; nil between them.
	running *task
	// steps counts what was done, digest is of the whole trace, and lines are its last ones.
	steps  int
	digest interface {
		Write([]byte) (int, error)
		Sum64() uint64
	}
	lines  []string
	keep   bool // all lines
	failed error
	epochs map[fleet.Epoch]int
}

func newLoop(seed uint64) *loop {
	return &loop{random: rand.New(rand.NewPCG(seed, 0x5eed)), digest: fnv.New64a(), epochs: map[fleet.Epoch]int{}}
}

type event struct {
	at     time.Duration
	number uint64
	do     func()
}

type events []event

func (q events) Len() int { return len(q) }
func (q events) Less(a, b int) bool {
	return q[a].at < q[b].at || q[a].at == q[b].at && q[a].number < q[b].number
}
func (q events) Swap(a, b int) { q[a], q[b] = q[b], q[a] }
func (q *events) Push(e any)   { *q = append(*q, e.(event)) }
func (q *events) Pop() any {
	last := len(*q) - 1
	e := (*q)[last]
	(*q)[last].do = nil
	*q = (*q)[:last]
	return e
}

// now is the true time, which no process reads: each has a clock of its own.
func (l *loop) now() time.Time { return began.Add(l.at) }

// after does something later.
func (l *loop) after(d time.Duration, do func()) {
	l.number++
	heap.Push(&l.queue, event{l.at + max(0, d), l.number, do})
}

// run plays until a time, or until something failed.
func (l *loop) run(until time.Duration, check func() error) {
	for l.failed == nil && len(l.queue) > 0 && l.queue[0].at <= until {
		e := heap.Pop(&l.queue).(event)
		l.at = e.at
		l.steps++
		e.do()
		if l.failed == nil {
			l.failed = check()
		}
	}
	if l.failed == nil {
		l.at = max(l.at, until)
	}
}

// fail ends the history.
func (l *loop) fail(format string, args ...any) {
	if l.failed == nil {
		l.failed = fmt.Errorf(format, args...)
	}
}

// tail is how many lines of the trace are kept where not all are.
const tail = 400

// say adds a line to the trace.
func (l *loop) say(who, format string, args ...any) {
	line := fmt.Sprintf("%10.4f %-9s ", l.at.Seconds(), who) + fmt.Sprintf(format, args...)
	_, _ = l.digest.Write([]byte(line))
	if !l.keep && len(l.lines) >= 2*tail {
		l.lines = append(l.lines[:0], l.lines[tail:]...)
	}
	l.lines = append(l.lines, line)
}

// chance is true in a part of all cases.
func (l *loop) chance(part float64) bool { return part > 0 && l.random.Float64() < part }

// between draws a duration.
func (l *loop) between(least, most time.Duration) time.Duration {
	if most <= least {
		return least
	}
	return least + time.Duration(l.random.Int64N(int64(most-least)))
}

// short names an epoch for people.
func (l *loop) short(e fleet.Epoch) string {
	if e == 0 {
		return "e0"
	}
	if l.epochs[e] == 0 {
		l.epochs[e] = len(l.epochs) + 1
	}
	return fmt.Sprintf("e%d", l.epochs[e])
}
