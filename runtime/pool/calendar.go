package pool

import "time"

// Calendar knows when the exchange trades: Monday to Friday, but for holidays, on the wall clocks of its time zone. It
// does not change once made, and may be shared.
type Calendar struct {
	zone        *time.Location
	open, close int          // minutes after midnight
	exceptions  map[date]int // the minute of an early close; noTrading for a holiday
}

type date struct {
	year  int
	month time.Month
	day   int
}

// noTrading marks a holiday: no session closes at midnight.
const noTrading = 0

// Session is one day's trading, as instants: it includes Open and excludes Close.
type Session struct {
	Open, Close time.Time
	// Half says that the day closes early.
	Half bool
}

// Zone is the exchange's time zone; UTC without a calendar.
func (c *Calendar) Zone() *time.Location {
	if c == nil {
		return time.UTC
	}
	return c.zone
}

// Session returns the trading of the day that the instant falls on at the exchange. False: there is none.
func (c *Calendar) Session(day time.Time) (Session, bool) {
	local := day.In(c.zone)
	year, month, number := local.Date()
	closing, exceptional := c.exceptions[date{year, month, number}]
	if !exceptional {
		closing = c.close
	}
	if weekday := local.Weekday(); weekday == time.Saturday || weekday == time.Sunday || closing == noTrading {
		return Session{}, false
	}
	at := func(minute int) time.Time {
		// Wall-clock time, not hours after midnight: on the day of a clock change the two differ. A time that the change
		// skips or repeats is one of the two that it may mean.
		return time.Date(year, month, number, 0, minute, 0, 0, c.zone)
	}
	return Session{Open: at(c.open), Close: at(closing), Half: exceptional}, true
}

// longestRest is how far ahead a session is looked for, in days: a calendar may close a year, not more.
const longestRest = 366

// Next returns the session that is under way, or the one that opens next. False: none within 366 days.
func (c *Calendar) Next(now time.Time) (Session, bool) {
	year, month, day := now.In(c.zone).Date()
	for ahead := range longestRest + 1 {
		// Noon, because a clock change may skip midnight, but never noon.
		session, ok := c.Session(time.Date(year, month, day+ahead, 12, 0, 0, 0, c.zone))
		if ok && now.Before(session.Close) {
			return session, true
		}
	}
	return Session{}, false
}

// Prewarm is how the stock rises before an open.
type Prewarm struct {
	// Lead is how long before the open the rise begins, and Full how long before it the rise has ended, so that the
	// last hosts can join and the last workers start.
	Lead, Full time.Duration
}

// Expected returns the share of the peak, 0 to 1, that should stand ready: rising evenly before the open, all of it
// while the market is open, nothing after the close.
func (c *Calendar) Expected(now time.Time, p Prewarm) float64 {
	if c == nil {
		return 0
	}
	session, ok := c.Next(now)
	if !ok {
		return 0
	}
	// Within a session until is negative, so it is whole without a case of its own.
	switch until := session.Open.Sub(now); {
	case until <= p.Full:
		return 1
	case until >= p.Lead:
		return 0
	default:
		return float64(p.Lead-until) / float64(p.Lead-p.Full)
	}
}
