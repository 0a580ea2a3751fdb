package pool_test

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"workerfleet/runtime/pool"
)

var update = flag.Bool("update", false, "rewrite the transcripts in testdata")

// transcript collects what a scenario decided. The files are for readers; what must hold is asserted beside them.
type transcript struct {
	strings.Builder
	w *world
	// before is the last decision that was written.
	before string
}

func (tr *transcript) say(format string, args ...any) { fmt.Fprintf(tr, format+"\n", args...) }

// state writes one line on how the world stands.
func (tr *transcript) state() {
	c, target := tr.w.count(), pool.Aim(tr.w.snapshot())
	tr.say("%s  idle %d of %d (%s), coming %d, busy %d, resetting %d, waiting %d; hosts %d + %d coming",
		tr.w.now.Format("Mon 15:04:05"), c.Idle, target.Idle, target.Reason,
		len(tr.w.launching), c.Busy, c.Resetting, tr.w.waiting, len(tr.w.hosts), len(tr.w.arriving))
}

// sums writes the state and what was done since the last time.
func (tr *transcript) sums() {
	tr.state()
	w := tr.w
	if w.launched+w.stopped+w.asked+w.removed > 0 {
		tr.say("    launched %d, stopped %d, hosts asked for %d, removed %d", w.launched, w.stopped, w.asked, w.removed)
	}
	w.launched, w.stopped, w.asked, w.removed = 0, 0, 0, 0
}

// actions writes one decision in full; like actions in a row share a line.
func (tr *transcript) actions(actions []pool.Action) {
	for i := 0; i < len(actions); {
		n := 1
		for i+n < len(actions) && actions[i+n].String() == actions[i].String() {
			n++
		}
		line := actions[i].String()
		if n > 1 {
			line = fmt.Sprintf("%d × %s", n, line)
		}
		tr.say("    %s", line)
		i += n
	}
}

// follow steps until the time has passed, and writes each decision that differs in what it does from the one before.
func (tr *transcript) follow(t testing.TB, d, by time.Duration, users int) {
	for end := tr.w.now.Add(d); tr.w.now.Before(end); {
		actions := tr.w.step(by, users)
		bounds(t, tr.w, actions)
		if now := kinds(actions); now != tr.before {
			tr.state()
			tr.actions(actions)
			tr.before = now
		}
	}
}

// kinds tells decisions apart by what they do, not by how much of it.
func kinds(actions []pool.Action) string {
	var b strings.Builder
	for _, action := range actions {
		switch a := action.(type) {
		case pool.Launch:
			fmt.Fprintf(&b, "launch %d;", a.Image)
		case pool.Stop:
			fmt.Fprintf(&b, "stop %d;", a.Image)
		case pool.ScaleHosts:
			fmt.Fprintf(&b, "scale %s %d;", a.Type, a.Hosts)
		case pool.RemoveHosts:
			fmt.Fprintf(&b, "remove %v;", a.Hosts)
		case pool.Wait:
			fmt.Fprintf(&b, "wait %s %v;", a.For, a.Until)
		}
	}
	return strings.ReplaceAll(b.String(), "stop 1;stop 1;", "stop 1;")
}

func (tr *transcript) compare(t *testing.T, name string) {
	t.Helper()
	file := filepath.Join("testdata", name+".txt")
	if *update {
		require.NoError(t, os.WriteFile(file, []byte(tr.String()), 0o644))
		return
	}
	want, err := os.ReadFile(file)
	require.NoError(t, err, "run the tests with -update to write it")
	require.Equal(t, string(want), tr.String(), "the decisions changed; if they should have, run the tests with -update and read the difference")
}

// bounds is what no decision of any scenario may break.
func bounds(t testing.TB, w *world, actions []pool.Action) {
	t.Helper()
	p, err := w.policy.Complete()
	require.NoError(t, err)
	c := w.count()
	require.LessOrEqual(t, c.Idle+c.Busy+c.Resetting+len(w.launching), p.MaxWorkers)
	require.LessOrEqual(t, w.desired[pool.Primary]+w.desired[pool.Fallback], p.MaxHosts)
	require.GreaterOrEqual(t, w.desired[pool.Primary]+w.desired[pool.Fallback], p.MinHosts)
	require.GreaterOrEqual(t, w.tokens, 0.0, "more calls than the bucket held: %v", actions)
}

// largest is the policy of the largest published tier: 35,000 workers at peak, 73 hosts of 480, from 8 to 110.
func largest(t testing.TB, holidays ...string) pool.Policy {
	calendar, err := pool.NewCalendar(pool.Market{TimeZone: "Asia/Singapore", Open: "09:00", Close: "17:00", Holidays: holidays})
	require.NoError(t, err)
	return pool.Policy{Peak: 35_000, PerHost: 480, MinHosts: 8, MaxHosts: 110, Calendar: calendar, CanaryShare: 0.1}
}

// small is a tier with one busy host and room for another: 60 workers at peak, no calendar.
func small() pool.Policy {
	return pool.Policy{Peak: 60, PerHost: 30, MinHosts: 2, MaxHosts: 5, Buffer: 10, CanaryShare: 0.1}
}

// at reads a time in Singapore.
func at(t testing.TB, text string) time.Time {
	zone, err := time.LoadLocation("Asia/Singapore")
	require.NoError(t, err)
	instant, err := time.ParseInLocation("2006-01-02 15:04", text, zone)
	require.NoError(t, err)
	return instant
}

// trading is how many users are there, of the peak: a few early ones, 600 claims a second at the open until all are
// there, a slow decline from noon, and the end of the sessions within the half hour after the close.
func trading(now, open, close time.Time, peak int) int {
	switch {
	case now.Before(open.Add(-15*time.Minute)) || !now.Before(close.Add(30*time.Minute)):
		return peak / 100
	case now.Before(open):
		return peak / 20
	case now.Before(close.Add(-4 * time.Hour)):
		return min(peak, peak/20+600*int(now.Sub(open).Seconds()))
	case now.Before(close):
		return peak - int(float64(peak)*0.3*(1-close.Sub(now).Hours()/4))
	}
	return max(peak/100, int(0.7*float64(peak)*(1-now.Sub(close).Hours()*2)))
}

// A whole day of the largest tier: the night's stock is small, the whole peak stands idle at the open though hosts take
// three minutes and calls are limited, nobody ever waits, and the fleet is small again two hours after the close. How long ECS
// and EC2 really take is not shown.
func TestMarketDay(t *testing.T) {
	w := newWorld(at(t, "2026-11-24 08:00"), largest(t), 8)
	w.warm(1_750, 1)
	tr := &transcript{w: w}
	open, closing := at(t, "2026-11-24 09:00"), at(t, "2026-11-24 17:00")
	for w.now.Before(at(t, "2026-11-24 20:00")) {
		actions := w.step(5*time.Second, trading(w.now.Add(5*time.Second), open, closing, 35_000))
		bounds(t, w, actions)
		require.Zero(t, w.waiting, "users wait at %v", w.now)
		c := w.count()
		switch {
		case w.now.Equal(open.Add(-5 * time.Second)):
			require.GreaterOrEqual(t, c.Idle+c.Busy, 35_000, "the peak does not stand at the open")
			require.Len(t, w.hosts, 73, "the published count")
		case w.now.Equal(closing.Add(time.Hour)):
			require.Less(t, c.Idle, 10_000)
			require.Less(t, len(w.hosts), 25)
		}
		if w.now.Minute()%10 == 0 && w.now.Second() == 0 {
			tr.sums()
		}
	}
	c := w.count()
	require.Less(t, c.Idle, 2_700)
	require.Less(t, len(w.hosts), 12)
	spread := []int{w.inZone("a"), w.inZone("b"), w.inZone("c")}
	for _, n := range spread {
		require.InDelta(t, float64(len(w.hosts))/3, n, 1.5, "hosts by zone: %v", spread)
	}
	tr.compare(t, "market-day")
}

// On a holiday nothing is warmed: the buffer alone stands through the hour of the open.
func TestHoliday(t *testing.T) {
	w := newWorld(at(t, "2026-12-25 08:00"), largest(t, "2026-12-25"), 8)
	w.warm(1_750, 1)
	tr := &transcript{w: w}
	for w.now.Before(at(t, "2026-12-25 10:00")) {
		bounds(t, w, w.step(10*time.Second, 350))
		require.LessOrEqual(t, w.count().Idle, 1_750)
		require.Len(t, w.hosts, 8)
		if w.now.Minute()%30 == 0 && w.now.Second() == 0 {
			tr.sums()
		}
	}
	tr.compare(t, "holiday")
}

// On a half day the stock falls back to the buffer after the early close, and not before it.
func TestHalfDay(t *testing.T) {
	w := newWorld(at(t, "2026-12-24 08:00"), largest(t, "2026-12-24=12:30"), 8)
	w.warm(1_750, 1)
	tr := &transcript{w: w}
	open, closing := at(t, "2026-12-24 09:00"), at(t, "2026-12-24 12:30")
	for w.now.Before(at(t, "2026-12-24 14:30")) {
		bounds(t, w, w.step(5*time.Second, trading(w.now.Add(5*time.Second), open, closing, 35_000)))
		c := w.count()
		if !w.now.Before(open) && w.now.Before(closing) {
			require.GreaterOrEqual(t, c.Idle+c.Busy+c.Resetting, 35_000)
		}
		if w.now.Minute()%10 == 0 && w.now.Second() == 0 {
			tr.sums()
		}
	}
	require.Less(t, w.count().Idle, 20_000)
	require.Less(t, len(w.hosts), 50)
	tr.compare(t, "half-day")
}

// The first host type cannot be had: the fallback is asked at once, the first again when its pause is over, and both
// pauses grow while neither can be had.
func TestStockOut(t *testing.T) {
	p := small()
	p.Fallback = true
	w := newWorld(at(t, "2026-11-24 12:00"), p, 2)
	w.warm(10, 1)
	tr := &transcript{w: w}
	w.full[pool.Primary], w.full[pool.Fallback] = true, true
	tr.say("# neither type can be had; 70 users come to hosts for 60")
	tr.follow(t, 3*time.Minute, time.Second, 70)
	require.Equal(t, 10, w.waiting)
	require.Greater(t, w.refused[pool.Primary].Times, 3)
	require.LessOrEqual(t, w.refused[pool.Primary].Times, 7, "asked more often than the pauses allow")
	tr.say("# the fallback comes back")
	w.full[pool.Fallback] = false
	tr.follow(t, 6*time.Minute, time.Second, 70)
	require.Zero(t, w.waiting)
	require.Equal(t, 1, w.desired[pool.Fallback], "one host more carries them")
	require.Equal(t, 2, w.desired[pool.Primary])
	tr.compare(t, "stock-out")
}

// A throttled launch: the calls pause, doubling, and one call finds out whether it is over; then all resume.
func TestThrottled(t *testing.T) {
	w := newWorld(at(t, "2026-11-24 12:00"), small(), 2)
	tr := &transcript{w: w}
	w.throttled = true
	tr.say("# every launch is throttled")
	tr.follow(t, 20*time.Second, time.Second, 25)
	require.Empty(t, w.launching)
	require.Equal(t, 5, w.launches.Times, "after 1, 2, 4, 8 and 16 seconds")
	tr.say("# no longer")
	w.throttled = false
	tr.follow(t, 40*time.Second, time.Second, 25)
	require.Zero(t, w.waiting)
	require.Equal(t, 10, w.count().Idle)
	tr.compare(t, "throttled")
}

// A zone is lost at the peak with a third of the sessions: every user is served again on the hosts that the maximum
// leaves room for, and what is left over goes when the need has passed. That the provider replaces its dead hosts, and
// how soon, is not shown.
func TestLostZone(t *testing.T) {
	p := largest(t)
	w := newWorld(at(t, "2026-11-24 10:00"), p, 73)
	w.warm(35_000, 1)
	tr := &transcript{w: w}
	tr.follow(t, time.Minute, time.Second, 34_500)
	tr.say("# zone a is lost")
	w.lose("a")
	lost := w.now
	for w.waiting > 0 || w.now.Equal(lost) {
		tr.follow(t, time.Second, time.Second, 34_500)
		require.Less(t, w.now.Sub(lost), 6*time.Minute)
	}
	tr.say("# everyone is served after %v", w.now.Sub(lost))
	require.GreaterOrEqual(t, w.now.Sub(lost), w.joins, "served before a host could join")
	tr.follow(t, 5*time.Minute, time.Second, 34_500)
	require.LessOrEqual(t, w.desired[pool.Primary], 110)
	require.GreaterOrEqual(t, len(w.hosts), 73)
	tr.compare(t, "lost-zone")
}

// A rollout: while the image is unproven a tenth of the workers run it and no more, held nothing moves, promoted the
// idle old ones are replaced in steps without the idle stock ever falling below its target, and the serving ones go when
// their sessions end.
func TestRollout(t *testing.T) {
	p := small()
	p.Buffer = 20
	w := newWorld(at(t, "2026-11-24 12:00"), p, 2)
	w.warm(40, 1)
	tr := &transcript{w: w}
	follow := func(d time.Duration, users int) {
		for end := w.now.Add(d); w.now.Before(end); {
			stopped := w.stopped
			tr.follow(t, time.Second, time.Second, users)
			if w.stopped > stopped {
				require.GreaterOrEqual(t, w.count().Idle, 20, "idle workers that are needed were stopped")
			}
		}
	}
	quiet := func(d time.Duration, users int) {
		before := tr.String()
		follow(d, users)
		tr.Reset()
		tr.WriteString(before)
		tr.state()
	}
	tr.say("# image 1, twenty users")
	quiet(5*time.Minute, 20)

	tr.say("# image 2 is unproven")
	w.rollout = pool.Rollout{Image: 2, Proven: 1, Verdict: pool.Unproven}
	follow(20*time.Second, 20)
	quiet(10*time.Minute, 20)
	require.Equal(t, pool.Stock{Idle: 2}, w.of(2), "a tenth of the idle twenty")
	require.Equal(t, 20, w.count().Idle)

	tr.say("# the next users get the newest image, until a tenth of all is")
	quiet(10*time.Minute, 21)
	require.Equal(t, pool.Stock{Idle: 2, Busy: 1}, w.of(2))
	quiet(10*time.Minute, 25)
	require.Equal(t, 5, w.of(2).Idle+w.of(2).Busy, "a tenth of forty-five, rounded up")

	tr.say("# image 2 is held")
	w.rollout.Verdict = pool.Held
	quiet(10*time.Minute, 28)
	require.Equal(t, 5, w.of(2).Idle+w.of(2).Busy, "a held image was launched, or stopped")

	tr.say("# image 2 is promoted")
	w.rollout.Verdict = pool.Promoted
	follow(4*time.Minute, 28)
	quiet(40*time.Minute, 28)
	require.Zero(t, w.of(1).Idle, "idle workers of the old image are left")
	require.Positive(t, w.of(1).Busy, "a session was ended by the rollout")

	tr.say("# the sessions end")
	quiet(time.Hour, 0)
	require.Equal(t, pool.Stock{}, w.of(1))
	require.Equal(t, 20, w.count().Idle)
	tr.compare(t, "rollout")
}
