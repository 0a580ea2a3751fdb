package pool_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"workerfleet/runtime/pool"
)

// habit is how many users are there on a day of no calendar: eighty come within half a minute on Mondays at nine, and go at
// half past.
func habit(now time.Time) int {
	open := now.Truncate(24 * time.Hour).Add(9 * time.Hour)
	if now.Weekday() != time.Monday || now.Before(open) || !now.Before(open.Add(30*time.Minute)) {
		return 0
	}
	return min(80, int(now.Sub(open).Seconds())*80/30)
}

// monday plays one from a quarter to nine to ten past, with what the history says by then, and returns how many waited at
// most and stood idle at the open.
func monday(t *testing.T, tr *transcript, h pool.History, day string) (waited, atOpen int) {
	t.Helper()
	w, step, users := newWorld(utc(day+" 08:45"), small(), 2), 5*time.Second, 0
	tr.w, tr.before = w, ""
	w.warm(10, 1)
	p, err := w.policy.Complete()
	require.NoError(t, err)
	for w.now.Before(utc(day + " 09:10")) {
		learned, err := pool.Learn(t.Context(), h, w.now, p, time.Minute)
		require.NoError(t, err)
		w.arrivals = learned.Arrivals(p.Calendar)
		there := habit(w.now.Add(step))
		actions := w.step(step, there)
		bounds(t, w, actions)
		if there > users {
			counted(t, h, w.now, there-users)
		}
		users, waited = there, max(waited, w.waiting)
		if w.now.Equal(utc(day + " 09:00")) {
			atOpen = w.count().Idle
		}
		if kinds(actions) != tr.before {
			tr.state()
			tr.actions(actions)
			tr.before = kinds(actions)
		}
	}
	return waited, atOpen
}

// counted adds claims to a minute, as the index and the pass that carries it over do.
func counted(t *testing.T, h pool.History, at time.Time, claims int) {
	t.Helper()
	at = at.Truncate(time.Minute)
	kept, _, err := h.Recall(t.Context(), []pool.Span{{From: at, To: at.Add(time.Second)}})
	require.NoError(t, err)
	for _, m := range kept {
		claims += m.Claims
	}
	require.NoError(t, h.Count(t.Context(), []pool.Minute{{At: at, Claims: claims}}))
}

// On the first Monday nobody is expected and twenty wait until another host has joined; on the next one hosts and workers stand before the users come,
// and nobody does. A Tuesday is no Monday, and a week without a history teaches nothing. How long hosts and workers take
// is the world's; that a market's week is like its last one is the reader's to judge.
func TestLearnedMonday(t *testing.T) {
	h, tr := pool.NewMemory(), &transcript{}
	tr.say("# the first Monday: nothing is known")
	waited, atOpen := monday(t, tr, h, "2026-11-02")
	require.GreaterOrEqual(t, waited, 20, "two hosts hold sixty")
	require.Equal(t, 10, atOpen, "the buffer")
	tr.say("# the next Monday")
	waited, atOpen = monday(t, tr, h, "2026-11-09")
	require.Zero(t, waited)
	require.GreaterOrEqual(t, atOpen, 80)
	quiet := &transcript{}
	waited, atOpen = monday(t, quiet, h, "2026-11-10")
	require.Zero(t, waited)
	require.Equal(t, 10, atOpen, "a Tuesday")
	tr.compare(t, "learned-monday")
}

// Weeks are found by the exchange's clock: the open of the week before a clock change is that of the week after it. Of a
// week before the first count nothing is known; of one after it, that nobody came.
func TestLearn(t *testing.T) {
	p, err := pool.Policy{Peak: 10, PerHost: 10, MaxHosts: 1, Calendar: market(t, pool.Market{TimeZone: "America/New_York", Open: "09:30", Close: "16:00"})}.Complete()
	require.NoError(t, err)
	h := pool.NewMemory()
	learn := func(now time.Time) pool.Learned {
		learned, err := pool.Learn(t.Context(), h, now, p, time.Minute)
		require.NoError(t, err)
		return learned
	}
	winter, summer := utc("2026-03-02 14:30"), utc("2026-03-09 13:30")
	require.Empty(t, learn(summer).Weeks)
	require.Nil(t, learn(summer).Arrivals(p.Calendar))
	require.NoError(t, h.Count(t.Context(), []pool.Minute{{At: winter, Claims: 4}}))
	got := learn(summer)
	require.Len(t, got.Weeks, 1)
	require.Equal(t, []int{4}, got.Arrivals(p.Calendar)[9*60+30])
	require.Equal(t, []int{0}, got.Arrivals(p.Calendar)[9*60+31])
	require.Equal(t, summer.Add(-2*time.Minute), got.From, "two minutes of drift")
	require.Len(t, got.Weeks[0], 1+3+1+2*2+2, "what is decided within a minute looks four ahead")
	require.Equal(t, []int{0, 4}, learn(summer.AddDate(0, 0, 7)).Arrivals(p.Calendar)[9*60+30])
	require.Len(t, learn(summer.AddDate(1, 0, 0)).Weeks, pool.Weeks, "and no week beyond")
}
