package pool

import (
	"errors"
	"time"

	"workerfleet/runtime/fleet"
)

// ProvisioningLimit is how many tasks of a cluster may be without a place at once (fact ecs.provisioning).
const ProvisioningLimit = 500

// Snapshot is all that a decision depends on. No count is negative.
type Snapshot struct {
	Now    time.Time
	Policy Policy
	// Blind says why the counts below cannot be trusted, such as an index that is being rebuilt: nothing is decided by
	// them. Empty where they can be.
	Blind string

	// Hosts are those that have joined and beat. A host that fell silent is left out, with everything on it.
	Hosts []Host
	// Launching are the reservations of workers that have not registered yet.
	Launching []Reservation
	// Provisioning counts workers asked for that have no place yet. Who cannot tell passes all that are launching.
	Provisioning int
	// Primary and Fallback are the two groups of hosts. Without a [HostGroup], Primary desires as many as have joined.
	Primary, Fallback Group

	// Waiting counts the users in the queue.
	Waiting int
	// Arrivals are the claims of past weeks by [MinuteOfWeek] in the calendar's zone: one count a week, each minute's in
	// the same order of weeks. Only the minutes from now until the host lead and the worker lead are over, and the drift
	// around them, are read; an absent one had none. See [Learn].
	Arrivals map[int][]int

	// Rollout says which image to run.
	Rollout Rollout
	// Tokens is how many calls the shared bucket of the provider holds now. A decision plans with them; whoever makes a
	// call takes its token from the bucket first.
	Tokens int
	// Launches is what became of the last launches and stops.
	Launches Refusal
	// Record is what earlier decisions aimed at: see [Remember]. Without it nothing is stopped.
	Record []Sample
}

// Host is one worker host.
type Host struct {
	Name fleet.Host
	Type HostType
	// Zone is the availability zone; empty where there is one only.
	Zone string
	// Draining hosts get no new workers and no new users: their idle workers are no stock and end at once, and they are
	// given up as their sessions end.
	Draining bool
	// Leaving hosts are being removed already; from a decision to remove one until it is gone, or was refused.
	Leaving bool
	// Workers counts the host's registered workers by image.
	Workers []Stock
}

// Stock counts workers of one image.
type Stock struct {
	Image int64
	// Idle workers are free. Busy ones are assigned or serving. Resetting ones have lost their user and will be idle
	// within seconds.
	Idle, Resetting, Busy int
}

func (s Stock) total() int { return s.Idle + s.Resetting + s.Busy }

// Reservation is what was asked for and has not arrived. It counts as there until its deadline, and not a moment
// longer: a request that was lost is made again then.
type Reservation struct {
	Count    int
	Image    int64 // of workers
	Deadline time.Time
}

// Group is the hosts of one type.
type Group struct {
	// Desired is how many the provider was last told to keep; hosts that fell silent count until it replaces them.
	Desired int
	// Coming are the hosts that were asked for and have not joined. Those that were refused later are taken out.
	Coming []Reservation
	// Refused is what became of the last requests.
	Refused Refusal
}

func inFlight(reservations []Reservation, now time.Time) int {
	sum := 0
	for _, r := range reservations {
		if now.Before(r.Deadline) {
			sum += r.Count
		}
	}
	return sum
}

// Refusal is a run of calls that the provider refused. The zero value is a call that went well.
type Refusal struct {
	// Err is [ErrNoCapacity], [ErrThrottled], or another error of the last call.
	Err error
	// Last is when it was refused, and Times how often in a row.
	Last  time.Time
	Times int
}

// After adds the result of one more call: nil ends the run.
func (r Refusal) After(err error, now time.Time) Refusal {
	if err == nil {
		return Refusal{}
	}
	return Refusal{Err: err, Last: now, Times: r.Times + 1}
}

// The pauses after a refusal double from the first to the longest. The bucket of calls fills within seconds (100 at 40 a
// second, facts ecs.api.clustermod.*); capacity that is not there comes back in minutes.
const (
	firstPause, longestPause                 = time.Second, 8 * time.Second
	firstCapacityPause, longestCapacityPause = 5 * time.Second, time.Minute
)

// Until is when to ask again; the zero time if nothing was refused.
func (r Refusal) Until() time.Time {
	if r.Times < 1 {
		return time.Time{}
	}
	pause, longest := firstPause, longestPause
	if errors.Is(r.Err, ErrNoCapacity) {
		pause, longest = firstCapacityPause, longestCapacityPause
	}
	for range min(r.Times-1, 10) { // doubled ten times, each is beyond its longest
		pause *= 2
	}
	return r.Last.Add(min(pause, longest))
}

// holds says whether the pause is not over.
func (r Refusal) holds(now time.Time) bool { return now.Before(r.Until()) }

// word names the refusal in a reason.
func (r Refusal) word() string {
	if word := Refused(r.Err); word != "" {
		return word
	}
	return "failed"
}
