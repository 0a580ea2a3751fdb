package settings

import (
	"errors"
	"strings"
	"time"
	_ "time/tzdata" // function images have no time zones of their own
)

// Market is when the exchange trades, in its own time zone, Monday to Friday.
type Market struct {
	TimeZone TimeZone  `env:"FLEET_MARKET_TIME_ZONE"`
	Open     TimeOfDay `env:"FLEET_MARKET_OPEN"`
	Close    TimeOfDay `env:"FLEET_MARKET_CLOSE"`
	Holidays Holidays  `env:"FLEET_MARKET_HOLIDAYS,optional"`
}

func (m Market) problems() []Problem {
	if m.Open >= m.Close { // both are HH:MM, so text sorts as time does
		return []Problem{{EnvMarketOpen, "is " + string(m.Open) + ", which is not before " + EnvMarketClose + " " + string(m.Close)}}
	}
	for _, h := range m.Holidays {
		if h.Close != "" && (h.Close <= m.Open || h.Close >= m.Close) {
			return []Problem{{EnvMarketHolidays, "has a half day that does not end between " + string(m.Open) + " and " + string(m.Close)}}
		}
	}
	return nil
}

// TimeZone is a name of the IANA database, such as Asia/Singapore.
type TimeZone string

func (z *TimeZone) parse(text string) error {
	if _, err := time.LoadLocation(text); err != nil || text == "Local" {
		return errors.New("is not a time zone of the IANA database, such as Asia/Singapore")
	}
	*z = TimeZone(text)
	return nil
}

// TimeOfDay is HH:MM, 00:00 to 24:00.
type TimeOfDay string

func (t *TimeOfDay) parse(text string) error {
	if _, err := time.Parse("15:04", text); (err != nil || len(text) != len("15:04")) && text != "24:00" {
		return errors.New("is not a time of day HH:MM, 00:00 to 24:00")
	}
	*t = TimeOfDay(text)
	return nil
}

// Minutes is the time since midnight.
func (t TimeOfDay) Minutes() int {
	if t == "24:00" {
		return 24 * 60
	}
	at, err := time.Parse("15:04", string(t))
	if err != nil {
		return 0
	}
	return at.Hour()*60 + at.Minute()
}

// Holiday is a day without trading, or a half day that ends at Close.
type Holiday struct {
	Date  string // YYYY-MM-DD
	Close TimeOfDay
}

// Holidays are dates with commas between them, half days with their close: 2026-12-25,2026-12-24=12:30.
type Holidays []Holiday

func (h *Holidays) parse(text string) error {
	var days Holidays
	for part := range strings.SplitSeq(text, ",") {
		date, closing, half := strings.Cut(part, "=")
		day := Holiday{Date: date}
		if _, err := time.Parse(time.DateOnly, date); err != nil {
			return errors.New("is not a list of dates 2026-12-25 and half days 2026-12-24=12:30 with commas between them")
		}
		if half && day.Close.parse(closing) != nil {
			return errors.New("has a half day whose close is not HH:MM")
		}
		days = append(days, day)
	}
	*h = days
	return nil
}

func (h Holidays) text() string {
	parts := make([]string, len(h))
	for i, day := range h {
		parts[i] = day.Date
		if day.Close != "" {
			parts[i] += "=" + string(day.Close)
		}
	}
	return strings.Join(parts, ",")
}
