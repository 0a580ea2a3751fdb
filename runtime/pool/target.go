package pool

import (
	"fmt"
	"math"
	"time"
)

// rounding keeps 0.1 × 30 from becoming 4 when it is rounded up.
const rounding = 1e-9

// Target is how many idle workers should exist, and what each policy wants: the largest counts, within the caps.
type Target struct {
	Idle int
	// Buffer is always there. Schedule is the expected share of the peak less those that are busy. Prediction is what
	// past weeks say will be claimed before more can be had. Queue is the users who wait.
	Buffer, Schedule, Prediction, Queue int
	// Reason says which one decided, and by which figures.
	Reason string
}

// Aim is the target that [Decide] works towards: what to show, and what to [Remember].
func Aim(s Snapshot) Target {
	p, err := s.Policy.Complete()
	if err != nil {
		return Target{Reason: err.Error()}
	}
	s.Policy = p
	return s.aim(s.Now, add(s))
}

// aim is the target as it will be at a later time, if nobody comes or goes until then.
func (s Snapshot) aim(at time.Time, c tally) Target {
	p := s.Policy
	// The peak counts users at once, so those who have their worker are part of it.
	share := p.Calendar.Expected(at, p.Prewarm)
	expected := int(math.Ceil(share*float64(p.Peak) - rounding))
	// Claims from now on take from the stock until what is asked for at that time is idle.
	lead := at.Sub(s.Now) + p.WorkerLead
	claims := expectedClaims(s.Arrivals, s.Now.In(p.Calendar.Zone()), lead, p)
	t := Target{
		Buffer:   p.Buffer,
		Schedule: max(0, expected-c.busy),
		// More than all workers is never wanted, and a float may be more than an int holds.
		Prediction: int(min(math.Ceil(guarded(claims, p.Guard)-rounding), float64(p.MaxWorkers))),
		Queue:      s.Waiting,
	}
	// The largest, not the sum: each policy says how many workers must stand idle, and one idle worker serves them all.
	t.Idle = max(t.Buffer, t.Schedule, t.Prediction, t.Queue)
	switch t.Idle { // of equal ones the most urgent names the reason
	case t.Queue:
		t.Reason = fmt.Sprintf("queue: %s waiting", counted(s.Waiting, "user"))
	case t.Schedule:
		t.Reason = fmt.Sprintf("schedule: %.0f %% of the peak %d expected, %d busy", 100*share, p.Peak, c.busy)
	case t.Prediction:
		t.Reason = fmt.Sprintf("prediction: %.1f claims expected within %v, and chance", claims, lead)
	default:
		t.Reason = fmt.Sprintf("buffer: %d", t.Buffer)
	}
	if room := max(0, p.MaxWorkers-c.busy); t.Idle > room {
		t.Idle = room
		t.Reason += fmt.Sprintf("; %d workers are the most, %d of them busy", p.MaxWorkers, c.busy)
	}
	return t
}

// counted is a number with its noun.
func counted(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}
