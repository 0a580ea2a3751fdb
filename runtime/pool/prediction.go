package pool

import (
	"math"
	"slices"
	"time"
)

// MinutesPerWeek is how many values [MinuteOfWeek] has.
const MinutesPerWeek = 7 * 24 * 60

// MinuteOfWeek numbers the minutes of a week from Monday 00:00 on, by the wall clock of the time's own zone. Claims are
// counted by the exchange's clock, so that the habit of the open survives a clock change: pass now.In(calendar.Zone()).
func MinuteOfWeek(at time.Time) int {
	day := (int(at.Weekday()) + 6) % 7 // Monday is 0
	return (day*24+at.Hour())*60 + at.Minute()
}

// expectedClaims is how many claims the coming interval had in past weeks: per minute the quantile of the weeks, added
// up with the shares of the minutes that the interval covers.
func expectedClaims(weeks map[int][]int, from time.Time, interval time.Duration, quantile float64) float64 {
	if len(weeks) == 0 {
		return 0
	}
	sum := 0.0
	for end := from.Add(interval); from.Before(end); {
		next := from.Truncate(time.Minute).Add(time.Minute)
		if next.After(end) {
			next = end
		}
		sum += nearestRank(weeks[MinuteOfWeek(from)], quantile) * next.Sub(from).Minutes()
		from = next
	}
	return sum
}

// nearestRank is the smallest count that at least the share of all counts does not exceed; 0 of none.
func nearestRank(counts []int, quantile float64) float64 {
	if len(counts) == 0 {
		return 0
	}
	ordered := slices.Sorted(slices.Values(counts))
	rank := int(math.Ceil(quantile*float64(len(ordered)) - rounding))
	return float64(ordered[min(max(rank, 1), len(ordered))-1])
}

// guarded adds chance to an expected number of events: λL + z·√(λL), where √(λL) is the standard deviation of a Poisson
// count. It is why two expected claims want six workers and two thousand want 2,105 (z = 2.33).
func guarded(expected, deviations float64) float64 {
	return expected + deviations*math.Sqrt(expected)
}
