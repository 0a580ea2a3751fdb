package order

import "time"

// Rules are the ledger's times and limits.
type Rules struct {
	// Validity is how long after its acceptance an order may begin to be executed; 0 is 60 s.
	Validity time.Duration
	// Emission is how long after its mark the worker may start the call; 0 is 10 s.
	Emission time.Duration
	// Daily is how many orders a user may have accepted in a day of UTC; 0 is no limit.
	Daily int
}

// withDefaults fills in what is 0.
func (r Rules) withDefaults() Rules {
	if r.Validity == 0 {
		r.Validity = time.Minute
	}
	if r.Emission == 0 {
		r.Emission = 10 * time.Second
	}
	return r
}

// Times of the looks at an order that is not final. All double from the first to the longest.
const (
	firstRepeat   = 500 * time.Millisecond // of the letter to a worker that has not answered
	longestRepeat = 2 * time.Second
	firstLookup   = time.Second // of an unknown order
	longestLookup = time.Minute
	// lookups are as many as are made before an order stays unknown, about a quarter of an hour.
	lookups = 20
	// closingLooks are those for what the first leg of an ended reversal executed: most often there was nothing to close.
	closingLooks = 5
	firstVerify  = 30 * time.Second // of an order that the broker has
	longestCheck = 10 * time.Minute
	unserved     = time.Second // while nobody acts for the user
	// LookPause is the time between the looks at two working orders of a user for whom somebody begins to act, and LooksMost
	// how many are looked at so: the others' time comes as soon.
	LookPause = time.Second
	LooksMost = int(longestCheck / LookPause)
	// lateLook is when an order that ended by its absence is looked up once more.
	lateLook = time.Minute
	// LegLimit is how long the first leg of a reversal may take, and then its commit: after it the reversal ends there.
	LegLimit = 5 * time.Second
)

// doubling is the n-th pause, from 0.
func doubling(n int, first, longest time.Duration) time.Duration {
	if n > 16 {
		return longest
	}
	return min(longest, first<<n)
}
