package keeper

import (
	"fmt"
	"time"

	"workerfleet/runtime/pool"
)

// Decision is what the latest round decided, in words, for people: it stands in the plan.
type Decision struct {
	At time.Time `json:"at"`
	// Target is how many idle workers there should be, and Reason why.
	Target int    `json:"target"`
	Reason string `json:"reason"`
	// Said are the actions; like ones share a line, and at most [saidLimit] are kept.
	Said []string `json:"said,omitempty"`
}

// saidLimit keeps the plan small: a decision to launch a thousand workers is a hundred calls and one sentence.
const saidLimit = 16

// Last reads the latest decision out of a plan. The zero value is that nobody has decided anything.
func Last(plan string) (Decision, error) {
	m, err := read[memory](plan)
	return m.Decision, err
}

func decided(at time.Time, target pool.Target, actions []pool.Action) Decision {
	d := Decision{At: at, Target: target.Idle, Reason: target.Reason}
	told := 0 // actions in all lines but the last
	for i, n := 0, 0; i < len(actions); i += n {
		if len(d.Said) == saidLimit {
			d.Said[saidLimit-1] = fmt.Sprintf("and %d more", len(actions)-told)
			break
		}
		line := actions[i].String()
		if _, empty := actions[i].(pool.RemoveHosts); empty {
			line += "; the cluster's own scaling ends them"
		}
		for n = 1; i+n < len(actions) && actions[i+n].String() == actions[i].String(); {
			n++
		}
		if n > 1 {
			line = fmt.Sprintf("%d × %s", n, line)
		}
		d.Said, told = append(d.Said, line), i
	}
	return d
}

// Learned says whether a plan knows what the coming minute was like in any past week.
func Learned(plan string, now time.Time) bool {
	m, err := read[memory](plan)
	if err != nil {
		return false
	}
	minute := int(now.Sub(m.Lesson.From) / time.Minute)
	return len(m.Lesson.Weeks) > 0 && minute >= 0 && minute < len(m.Lesson.Weeks[0])
}
