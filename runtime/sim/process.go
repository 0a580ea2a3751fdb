package sim

import (
	"context"
	"errors"
	"iter"
	"slices"
	"time"
)

// errDead is what a process's calls come to once it has ended, while its coroutines are unwound.
var errDead = errors.New("the process has ended")

// process is one that can be stopped, killed and cut off. Its wall clock may be wrong.
type process struct {
	*loop
	name   string
	dead   bool
	paused time.Duration // until when it does not run
	skew   time.Duration // of its wall clock
	// cut is until when it reaches no service.
	cut   time.Duration
	tasks []*task
	// ctx ends with the process.
	ctx context.Context
	end context.CancelFunc
}

func newProcess(l *loop, name string) *process {
	p := &process{loop: l, name: name}
	p.ctx, p.end = context.WithCancel(context.Background())
	return p
}

// task is one coroutine of a process.
type task struct {
	process *process
	resume  func() bool
	stop    func()
	yield   func(struct{}) bool
	gone    bool
}

// wall is the process's wall clock.
func (p *process) wall() time.Time { return p.now().Add(p.skew) }

// later does something in the process: after its pause if it is stopped then, never if it has ended.
func (p *process) later(d time.Duration, do func()) { p.after(d, func() { p.enter(do) }) }

// enter does something in the process now, or after its pause.
func (p *process) enter(do func()) {
	switch {
	case p.dead:
	case p.paused > p.at:
		p.after(p.paused-p.at, func() { p.enter(do) })
	default:
		do()
	}
}

// spawn begins a coroutine, not before the one that runs has given way.
func (p *process) spawn(run func()) {
	p.later(0, func() {
		t := &task{process: p}
		next, stop := iter.Pull(func(yield func(struct{}) bool) {
			t.yield = yield
			run()
		})
		t.resume = func() bool { _, more := next(); return more }
		t.stop = stop
		p.tasks = append(p.tasks, t)
		t.run()
	})
}

// run resumes the coroutine until it waits again.
func (t *task) run() {
	if t.gone {
		return
	}
	before := t.process.running
	t.process.running = t
	more := t.resume()
	t.process.running = before
	if !more {
		t.gone = true
		t.process.tasks = slices.DeleteFunc(t.process.tasks, func(o *task) bool { return o == t })
	}
}

// wait gives way until somebody calls the function that begin is given; false: the process has ended.
func (p *process) wait(begin func(wake func())) bool {
	t := p.running
	if t == nil || t.process != p {
		panic("sim: " + p.name + " waits outside its coroutines")
	}
	if t.gone || p.dead {
		return false
	}
	woken := false
	begin(func() {
		p.enter(func() {
			if !woken {
				woken = true
				t.run()
			}
		})
	})
	if !t.yield(struct{}{}) {
		t.gone = true
		return false
	}
	return true
}

// sleep waits.
func (p *process) sleep(d time.Duration) bool {
	return p.wait(func(wake func()) { p.after(d, wake) })
}

// kill ends the process at once. What it has sent stays under way.
func (p *process) kill() {
	if p.dead {
		return
	}
	p.dead = true
	p.end()
	if p.running != nil && p.running.process == p { // which cannot unwind itself from outside
		p.after(0, p.unwind)
		return
	}
	p.unwind()
}

// unwind has what waits return.
func (p *process) unwind() {
	for _, t := range slices.Clone(p.tasks) {
		before := p.running
		p.running = t
		t.stop()
		p.running = before
		t.gone = true
	}
	p.tasks = nil
}

// pause stops the process for a while.
func (p *process) pause(d time.Duration) { p.paused = max(p.paused, p.at+d) }
