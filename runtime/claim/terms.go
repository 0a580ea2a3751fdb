package claim

import "time"

// Terms are the durations of the pool's promises. Callers send them with each call, so that every process reads them
// from one configuration and the index's server needs none. Whole milliseconds count.
type Terms struct {
	// TTL is how long a lease lasts after a beat.
	TTL time.Duration
	// Guard is added to the TTL before the index gives up on a worker, and taken from it before the worker gives up on
	// itself: between the two nobody acts for the user.
	Guard time.Duration
	// Acknowledge is how long a worker has to confirm an assignment.
	Acknowledge time.Duration
	// Renew is how long a waiting user is kept in the queue without asking again.
	Renew time.Duration
	// Hold is how long reaping may be suspended while too many hosts are silent, or the index is deaf again and again.
	Hold time.Duration
	// Launch is how long a worker that was asked for counts as coming.
	Launch time.Duration
}

// DefaultTerms are the published ones: beats every 2 s, a lease of 15 s and a guard of 2 s.
func DefaultTerms() Terms {
	return Terms{
		TTL: 15 * time.Second, Guard: 2 * time.Second, Acknowledge: 2 * time.Second, Renew: 30 * time.Second,
		Hold: 60 * time.Second, Launch: 3 * time.Minute,
	}
}

// Bounds of one call, so that no script holds the server for long.
const (
	// ReapLimit is the most workers that one reap drops.
	ReapLimit = 64
	// ReapWindow is the most lapsed leases that one reap looks at: while silent hosts are held, theirs are in the way.
	ReapWindow = 1024
	// MatchLimit is the most stale queue entries, of users and of workers, that one call steps over.
	MatchLimit = 64
	// GoneLimit is how many dropped workers are remembered: more than die while anybody may still ask about them.
	GoneLimit = 65_536
	// BeatLimit is the most workers in one batch: more than a host holds.
	BeatLimit = 1024
	// LongestBonus is the most by which a user's place in the queue may be moved ahead of its arrival.
	LongestBonus = 30 * time.Second
)

// silentAllowed is how many of the registered hosts may be silent at once and still be reaped without asking: one, or
// a tenth rounded up, but never all of them, because then it is the index's own view that is in doubt.
func silentAllowed(registered int) int {
	return min(max(1, (registered+9)/10), registered-1)
}

// Doubtful says whether so many silent hosts put the index's own view in doubt.
func Doubtful(silent, registered int) bool { return silent > 0 && silent > silentAllowed(registered) }
