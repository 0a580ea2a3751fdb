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

// expectedClaims is how many claims the coming interval had in past weeks: of each week the worst interval that begins up to
// drift earlier or later, because nobody comes by the second; of these the quantile.
func expectedClaims(weeks map[int][]int, from time.Time, interval time.Duration, p Policy) float64 {
	count := 0
	for _, counts := range weeks {
		count = max(count, len(counts))
	}
	worst := make([]float64, count)
	if count == 0 {
		return 0
	}
	for shift := -p.Drift.Truncate(time.Minute); shift <= p.Drift; shift += time.Minute {
		for week, sum := range claimsByWeek(weeks, from.Add(shift), interval, count) {
			worst[week] = max(worst[week], sum)
		}
	}
	return nearestRank(worst, p.Quantile)
}

// claimsByWeek adds up an interval in each of the weeks, with the shares of the minutes that it covers.
func claimsByWeek(weeks map[int][]int, from time.Time, interval time.Duration, count int) []float64 {
	sums := make([]float64, count)
	for end := from.Add(interval); from.Before(end); {
		next := from.Truncate(time.Minute).Add(time.Minute)
		if next.After(end) {
			next = end
		}
		for week, claims := range weeks[MinuteOfWeek(from)] {
			sums[week] += float64(claims) * next.Sub(from).Minutes()
		}
		from = next
	}
	return sums
}

// nearestRank is the smallest count that at least the share of all counts does not exceed; 0 of none.
func nearestRank(counts []float64, quantile float64) float64 {
	if len(counts) == 0 {
		return 0
	}
	ordered := slices.Sorted(slices.Values(counts))
	rank := int(math.Ceil(quantile*float64(len(ordered)) - rounding))
	return ordered[min(max(rank, 1), len(ordered))-1]
}

// guarded adds chance to an expected number of events: λL + z·√(λL), where √(λL) is the standard deviation of a Poisson
// count. It is why two expected claims want six workers and two thousand want 2,105 (z = 2.33).
func guarded(expected, deviations float64) float64 {
	return expected + deviations*math.Sqrt(expected)
}
