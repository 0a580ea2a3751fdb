package pool_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"workerfleet/runtime/pool"
)

func market(t testing.TB, m pool.Market) *pool.Calendar {
	t.Helper()
	calendar, err := pool.NewCalendar(m)
	require.NoError(t, err)
	return calendar
}

func utc(text string) time.Time {
	at, err := time.Parse("2006-01-02 15:04", text)
	if err != nil {
		panic(err)
	}
	return at
}

// The open stays on the exchange's wall clock through clock changes: New York and London change on different days, so
// their distance changes twice a spring, and Singapore never does. The rules are those of the time zone database in use.
func TestClockChanges(t *testing.T) {
	for _, c := range []struct{ zone, open, day, opensUTC string }{
		{"America/New_York", "09:30", "2026-03-06", "14:30"}, // winter, both
		{"America/New_York", "09:30", "2026-03-09", "13:30"}, // New York changed on Sunday the 8th
		{"Europe/London", "08:00", "2026-03-09", "08:00"},
		{"Europe/London", "08:00", "2026-03-27", "08:00"},
		{"Europe/London", "08:00", "2026-03-30", "07:00"}, // London on Sunday the 29th
		{"Europe/London", "08:00", "2026-10-26", "08:00"}, // and back on October 25th
		{"America/New_York", "09:30", "2026-10-30", "13:30"},
		{"America/New_York", "09:30", "2026-11-02", "14:30"}, // and back on November 1st
		{"Asia/Singapore", "09:00", "2026-03-09", "01:00"},
		{"Asia/Singapore", "09:00", "2026-11-02", "01:00"},
	} {
		calendar := market(t, pool.Market{TimeZone: c.zone, Open: c.open, Close: "16:00"})
		session, ok := calendar.Session(utc(c.day + " 12:00"))
		require.True(t, ok, c)
		require.Equal(t, c.day+" "+c.opensUTC, session.Open.UTC().Format("2006-01-02 15:04"), c)
	}
}

// The clock changes at night; a session on the very day is measured by the clock, not by hours after midnight. Cairo
// changed on a Friday, 2026-04-24.
func TestSessionOnTheDayOfAChange(t *testing.T) {
	calendar := market(t, pool.Market{TimeZone: "Africa/Cairo", Open: "10:00", Close: "14:30"})
	session, ok := calendar.Session(utc("2026-04-24 12:00"))
	require.True(t, ok)
	require.Equal(t, "10:00", session.Open.In(calendar.Zone()).Format("15:04"))
	require.Equal(t, "14:30", session.Close.In(calendar.Zone()).Format("15:04"))
	require.Equal(t, "07:00", session.Open.UTC().Format("15:04"), "the day before it was 08:00")
}

// Weekends, holidays and half days, and whose day it is: Friday evening in New York is Saturday in Singapore.
func TestSessions(t *testing.T) {
	calendar := market(t, pool.Market{TimeZone: "America/New_York", Open: "09:30", Close: "16:00",
		Holidays: []string{"2026-12-25", "2026-12-24=13:00"}})
	for _, none := range []string{"2026-12-25 18:00", "2026-12-26 18:00", "2026-12-27 18:00", "2026-12-28 04:00"} {
		_, ok := calendar.Session(utc(none))
		require.False(t, ok, none)
	}
	session, ok := calendar.Session(utc("2026-12-19 01:00")) // Friday evening in New York
	require.True(t, ok)
	require.Equal(t, pool.Session{Open: session.Open, Close: session.Close}, session)
	require.Equal(t, utc("2026-12-18 21:00"), session.Close.UTC())
	half, ok := calendar.Session(utc("2026-12-24 18:00"))
	require.True(t, ok)
	require.True(t, half.Half)
	require.Equal(t, utc("2026-12-24 18:00"), half.Close.UTC())

	next, ok := calendar.Next(utc("2026-12-24 17:59"))
	require.True(t, ok)
	require.Equal(t, half, next, "under way")
	next, ok = calendar.Next(utc("2026-12-24 18:00"))
	require.True(t, ok)
	require.Equal(t, utc("2026-12-28 14:30"), next.Open.UTC(), "over Christmas and the weekend")
}

// The rise before the open: nothing before its lead, even, whole a while before the open, whole until the close and
// nothing after it; across midnight too.
func TestExpected(t *testing.T) {
	rise := pool.Prewarm{Lead: 30 * time.Minute, Full: 10 * time.Minute}
	calendar := market(t, pool.Market{TimeZone: "Asia/Singapore", Open: "09:00", Close: "17:00", Holidays: []string{"2026-11-26=12:00"}})
	for text, share := range map[string]float64{
		"2026-11-24 08:29": 0, "2026-11-24 08:30": 0, "2026-11-24 08:40": 0.5, "2026-11-24 08:45": 0.75, "2026-11-24 08:50": 1, "2026-11-24 09:00": 1,
		"2026-11-24 16:59": 1, "2026-11-24 17:00": 0, "2026-11-26 11:59": 1, "2026-11-26 12:00": 0, "2026-11-28 09:30": 0,
	} {
		require.InDelta(t, share, calendar.Expected(at(t, text), rise), 1e-12, text)
	}
	early := market(t, pool.Market{TimeZone: "Asia/Singapore", Open: "00:10", Close: "24:00"})
	require.InDelta(t, 0.5, early.Expected(at(t, "2026-11-22 23:50"), rise), 1e-12, "Sunday night")
	require.InDelta(t, 1, early.Expected(at(t, "2026-11-24 23:59"), rise), 1e-12)
	require.Zero(t, (*pool.Calendar)(nil).Expected(at(t, "2026-11-24 10:00"), rise))
	step := pool.Prewarm{Lead: 10 * time.Minute, Full: 10 * time.Minute}
	require.InDelta(t, 1, calendar.Expected(at(t, "2026-11-24 08:50"), step), 1e-12)
	require.Zero(t, calendar.Expected(at(t, "2026-11-24 08:49"), step))
}

// A calendar without a session within a year answers, rather than looking for ever.
func TestNoSessions(t *testing.T) {
	var holidays []string
	for day := utc("2026-01-01 00:00"); day.Year() < 2028; day = day.AddDate(0, 0, 1) {
		holidays = append(holidays, day.Format(time.DateOnly))
	}
	calendar := market(t, pool.Market{TimeZone: "UTC", Open: "09:00", Close: "17:00", Holidays: holidays})
	_, ok := calendar.Next(utc("2026-06-01 00:00"))
	require.False(t, ok)
	require.Zero(t, calendar.Expected(utc("2026-06-01 09:00"), pool.Prewarm{Lead: time.Hour}))
}

// In any zone of the list and at any time of twenty years: a session opens and closes at the configured wall-clock
// times of a weekday, the next one has not closed, and there is no earlier one that has not. Times that a clock change
// skips are left out: nothing trades before three in the morning here.
func TestCalendarLaws(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		zone := rapid.SampledFrom([]string{"UTC", "Asia/Singapore", "America/New_York", "Europe/London", "Africa/Cairo", "Australia/Lord_Howe",
			"Pacific/Apia", "Asia/Kathmandu"}).Draw(t, "zone")
		open := rapid.IntRange(3*60+1, 22*60).Draw(t, "open")
		closing := rapid.IntRange(open+1, 24*60-1).Draw(t, "close")
		clock := func(minute int) string { return time.Unix(int64(minute)*60, 0).UTC().Format("15:04") }
		calendar, err := pool.NewCalendar(pool.Market{TimeZone: zone, Open: clock(open), Close: clock(closing)})
		require.NoError(t, err)
		now := time.Unix(rapid.Int64Range(1_700_000_000, 2_300_000_000).Draw(t, "now"), 0)

		next, ok := calendar.Next(now)
		require.True(t, ok)
		local := next.Open.In(calendar.Zone())
		require.Equal(t, clock(open), local.Format("15:04"))
		require.Equal(t, clock(closing), next.Close.In(calendar.Zone()).Format("15:04"))
		require.NotContains(t, []time.Weekday{time.Saturday, time.Sunday}, local.Weekday())
		require.True(t, now.Before(next.Close))
		for day := now; day.Before(next.Open.Add(-24 * time.Hour)); day = day.Add(12 * time.Hour) {
			earlier, ok := calendar.Session(day)
			require.False(t, ok && now.Before(earlier.Close), "%v comes before %v", earlier, next)
		}
		if now.Before(next.Open) {
			require.Less(t, next.Open.Sub(now), 90*time.Hour, "further away than a weekend")
		}
	})
}

// Every wrong word is named with what would be allowed, all at once; what is right is taken.
func TestMarketWords(t *testing.T) {
	_, err := pool.NewCalendar(pool.Market{TimeZone: "Mars", Open: "9:00", Close: "25:00", Holidays: []string{"2026-02-30", "2026-12-24=noon"}})
	require.EqualError(t, err, `timeZone: "Mars" is not allowed; allowed: a zone of the IANA database, as Asia/Singapore
open: "9:00" is not allowed; allowed: a time of day HH:MM, 00:00 to 23:59
close: "25:00" is not allowed; allowed: a time of day HH:MM, 00:01 to 24:00
holidays: "2026-02-30" is not allowed; allowed: dates 2026-12-25, and half days with their close 2026-12-24=12:30
holidays: "2026-12-24=noon" is not allowed; allowed: a half day's close HH:MM, as 2026-12-24=12:30`)

	day := pool.Market{TimeZone: "UTC", Open: "09:00", Close: "17:00"}
	for _, c := range []struct {
		change func(*pool.Market)
		says   string
	}{
		{func(m *pool.Market) { m.TimeZone = "" }, "timeZone: "},
		{func(m *pool.Market) { m.TimeZone = "Local" }, "timeZone: "},
		{func(m *pool.Market) { m.Close = "09:00" }, "close: \"09:00\" is not allowed; allowed: a time after the open at 09:00"},
		{func(m *pool.Market) { m.Open = "24:00" }, "close: "},
		{func(m *pool.Market) { m.Open, m.Holidays = "18:00", []string{"2026-12-24=12:00"} }, "close: "},
		{func(m *pool.Market) { m.Holidays = []string{"2026-12-24=09:00"} }, "holidays: "},
		{func(m *pool.Market) { m.Holidays = []string{"2026-12-24=17:00"} }, "holidays: "},
		{func(m *pool.Market) { m.Holidays = []string{"2026-12-24=00:00"} }, "holidays: "},
		{func(m *pool.Market) { m.Holidays = []string{""} }, "holidays: "},
		{func(m *pool.Market) { m.Holidays = []string{"2026-12-24", "2026-12-24=12:00"} }, "one meaning a date; 2026-12-24 has another one already"},
	} {
		wrong := day
		c.change(&wrong)
		_, err := pool.NewCalendar(wrong)
		require.ErrorContains(t, err, c.says, "%+v", wrong)
		require.ErrorContains(t, err, "allowed: ", "%+v", wrong)
		require.Len(t, err.(pool.Problems), 1, "%+v", wrong)
	}
	for _, fine := range []pool.Market{day, {TimeZone: "Asia/Singapore", Open: "00:00", Close: "24:00"},
		{TimeZone: "UTC", Open: "09:00", Close: "17:00", Holidays: []string{"2026-12-24=12:30", "2026-12-25", "2026-12-25"}}} {
		_, err := pool.NewCalendar(fine)
		require.NoError(t, err)
	}
}
