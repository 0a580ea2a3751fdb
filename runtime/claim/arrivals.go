package claim

import (
	"context"
	"time"
)

// Arrivals is how many users have come lately, for whoever learns when they do.
type Arrivals interface {
	// Arrivals lists the minutes of the last [ArrivalsKept] in which users came, in their order. The last one may not be over:
	// its count still rises.
	Arrivals(ctx context.Context) ([]Arrived, error)
}

// Arrived is how many users came within one minute: those who had no worker and did not wait yet. Whoever asks again is
// counted again only after giving the place in the queue up.
type Arrived struct {
	Minute time.Time
	Claims int
}

// ArrivalsKept is how long the index counts back: as long may whatever keeps the counts for good be away.
const ArrivalsKept = 3 * time.Hour

const minute = int64(time.Minute / time.Millisecond)

// Arrivals: see [Arrivals].
func (x *Index) Arrivals(now int64) (list []Arrived) {
	oldest := now/minute - int64(ArrivalsKept/time.Minute)
	for at := range x.arrivals {
		if at < oldest {
			delete(x.arrivals, at)
		}
	}
	for at := oldest; len(list) < len(x.arrivals); at++ {
		if n := x.arrivals[at]; n > 0 {
			list = append(list, Arrived{time.UnixMilli(at * minute).UTC(), n})
		}
	}
	return list
}

// arrive counts a user who came now.
func (x *Index) arrive(now int64) { x.arrivals[now/minute]++ }
