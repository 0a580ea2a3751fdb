package pool

import (
	"strings"
	"time"
	_ "time/tzdata" // function images and bare machines have no time zones of their own
)

// Market is a calendar in words, as the settings carry it.
type Market struct {
	// TimeZone is a name of the IANA database: Asia/Singapore.
	TimeZone string
	// Open and Close are HH:MM of one day; Close may be 24:00.
	Open, Close string
	// Holidays are days without trading, 2026-12-25, and half days with their early close, 2026-12-24=12:30.
	Holidays []string
}

// NewCalendar reads the words. Its error is of type [Problems] and holds everything that is wrong.
func NewCalendar(m Market) (*Calendar, error) {
	var wrong Problems
	c := &Calendar{exceptions: map[date]int{}}
	zone, err := time.LoadLocation(m.TimeZone)
	if err != nil || m.TimeZone == "" || m.TimeZone == "Local" {
		wrong.refuse("timeZone", m.TimeZone, "a zone of the IANA database, as Asia/Singapore")
	}
	c.zone = zone // nil only beside a problem
	// known: open and close are times in their order, so that half days can be held against them.
	var opens, closes bool
	if c.open, opens = minutes(m.Open); !opens {
		wrong.refuse("open", m.Open, "a time of day HH:MM, 00:00 to 23:59")
	}
	if c.close, closes = minutes(m.Close); !closes {
		wrong.refuse("close", m.Close, "a time of day HH:MM, 00:01 to 24:00")
	}
	known := opens && closes
	if known && c.close <= c.open {
		wrong.refuse("close", m.Close, "a time after the open at "+m.Open)
		known = false
	}
	for _, words := range m.Holidays {
		c.except(words, known, &wrong)
	}
	if len(wrong) > 0 {
		return nil, wrong
	}
	return c, nil
}

// except adds one holiday or half day. The early close is held against the ordinary hours only where those are known.
func (c *Calendar) except(words string, hours bool, wrong *Problems) {
	day, early, half := strings.Cut(words, "=")
	at, err := time.Parse(time.DateOnly, day)
	if err != nil {
		wrong.refuse("holidays", words, "dates 2026-12-25, and half days with their close 2026-12-24=12:30")
		return
	}
	closing := noTrading
	if half {
		minute, ok := minutes(early)
		if !ok {
			wrong.refuse("holidays", words, "a half day's close HH:MM, as 2026-12-24=12:30")
			return
		}
		if hours && (minute <= c.open || minute >= c.close) {
			wrong.refuse("holidays", words, "a half day's close between the open and the close of other days")
			return
		}
		closing = minute
	}
	key := date{at.Year(), at.Month(), at.Day()}
	if before, twice := c.exceptions[key]; twice && before != closing {
		wrong.refuse("holidays", words, "one meaning a date; "+day+" has another one already")
		return
	}
	c.exceptions[key] = closing
}

// minutes reads HH:MM as minutes after midnight, 24:00 included.
func minutes(text string) (int, bool) {
	if text == "24:00" {
		return 24 * 60, true
	}
	at, err := time.Parse("15:04", text)
	if err != nil || len(text) != len("15:04") {
		return 0, false
	}
	return at.Hour()*60 + at.Minute(), true
}
