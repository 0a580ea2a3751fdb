package pool

import (
	"context"
	"time"
)

// History keeps how many claims each minute had, for weeks. Whoever makes a pass may write it, several at once.
// Implementations are safe for concurrent use, and are held to this contract by package pooltest.
type History interface {
	// Count raises the count of each minute to the one given and never lowers it, so that repeating it is harmless, and so
	// is a count that was read before the minute was over. At most [CountLimit] at once.
	Count(ctx context.Context, counts []Minute) error
	// Recall returns the kept minutes of all spans, in no order, and the earliest minute that is kept at all; zero times
	// where none is.
	Recall(ctx context.Context, spans []Span) (kept []Minute, earliest time.Time, err error)
	// Forget drops what is before a time.
	Forget(ctx context.Context, before time.Time) error
}

// CountLimit is the most minutes of one call.
const CountLimit = 1_000

// Minute is how many claims, one at least, came within one minute of the clock; At is its beginning.
type Minute struct {
	At     time.Time
	Claims int
}

// Number counts the minutes since 1970: what a history keeps the minute under.
func (m Minute) Number() int64 { return floorMinute(m.At) }

// Numbered is the minute of a number.
func Numbered(number int64, claims int) Minute { return Minute{time.Unix(number*60, 0).UTC(), claims} }

// Span is a time from a moment to before another one. The minutes that begin in it are its own.
type Span struct{ From, To time.Time }

// Numbers are those of its first minute and of the first one after it.
func (s Span) Numbers() (first, end int64) { return CeilMinute(s.From), CeilMinute(s.To) }

// CeilMinute is the number of the first minute that does not begin before a time.
func CeilMinute(at time.Time) int64 {
	if number := floorMinute(at); Numbered(number, 0).At.Before(at) {
		return number + 1
	}
	return floorMinute(at)
}

// floorMinute is the number of the minute that a time lies in.
func floorMinute(at time.Time) int64 { return at.Truncate(time.Minute).Unix() / 60 }

// Weeks is how many past weeks a prediction looks at, and Retention how long their minutes are kept: an hour longer, for
// the change of clocks.
const (
	Weeks     = 8
	Retention = Weeks*7*24*time.Hour + time.Hour
)

// Learned is what the coming minutes were like in past weeks: all that a decision needs of the history. It is small enough
// to be handed from pass to pass.
type Learned struct {
	// From is the first minute.
	From time.Time `json:"from"`
	// Weeks has the claims of the minutes from From on, a list for each past week that was counted, the latest first.
	Weeks [][]int `json:"weeks,omitempty"`
}

// Learn recalls what the coming minutes were like, by the wall clock of the calendar's zone: the habit of the open survives
// a clock change. It reaches as far as decisions within the time from now on will look. The policy is a completed one.
func Learn(ctx context.Context, h History, now time.Time, p Policy, within time.Duration) (Learned, error) {
	from := now.In(p.Calendar.Zone()).Add(-p.Drift).Truncate(time.Minute)
	length := (within + p.HostLead + p.WorkerLead + 2*p.Drift).Truncate(time.Minute) + 2*time.Minute
	spans := make([]Span, Weeks)
	for i := range spans {
		begin := from.AddDate(0, 0, -7*(i+1))
		spans[i] = Span{begin, begin.Add(length)}
	}
	kept, earliest, err := h.Recall(ctx, spans)
	if err != nil {
		return Learned{}, err
	}
	return Learned{From: from.UTC(), Weeks: byWeek(spans, kept, earliest)}, nil
}

// byWeek puts counts in order. A week before anything was kept was not counted, which is not a week without claims.
func byWeek(spans []Span, kept []Minute, earliest time.Time) (weeks [][]int) {
	claims := map[int64]int{}
	for _, m := range kept {
		claims[m.At.Unix()] = m.Claims
	}
	for _, span := range spans {
		if earliest.IsZero() || !earliest.Before(span.To) {
			continue
		}
		var week []int
		for at := span.From; at.Before(span.To); at = at.Add(time.Minute) {
			week = append(week, claims[at.Unix()])
		}
		weeks = append(weeks, week)
	}
	return weeks
}

// Arrivals is what was learned as a [Snapshot] has it.
func (l Learned) Arrivals(c *Calendar) map[int][]int {
	if len(l.Weeks) == 0 {
		return nil
	}
	arrivals := map[int][]int{}
	for _, week := range l.Weeks {
		for i, n := range week {
			minute := MinuteOfWeek(l.From.Add(time.Duration(i) * time.Minute).In(c.Zone()))
			arrivals[minute] = append(arrivals[minute], n)
		}
	}
	return arrivals
}
