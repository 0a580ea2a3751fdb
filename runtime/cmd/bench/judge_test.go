package main

import (
	"testing"

	"github.com/stretchr/testify/require"

	"workerfleet/runtime/hostlink"
	"workerfleet/runtime/session"
)

// Sessions of one user, of whom the judge is told below.
var (
	first  = session.Session{User: "ann", Epoch: 5, Worker: "w1", Host: "h1", Life: 1}
	second = session.Session{User: "ann", Epoch: 6, Worker: "w2", Host: "h2", Life: 1}
)

// Each count of the judge rises for a history that deserves it, and only that one.
func TestJudgeOfSessions(t *testing.T) {
	// begin is a session that was confirmed at 10 and may act until 20.
	begin := func(j *judge) {
		j.confirm(first)
		j.acts(first, 10, 20)
		j.calls(first, 15)
	}
	for name, c := range map[string]struct {
		play func(j *judge)
		want verdict
	}{
		"served":        {func(*judge) {}, verdict{}},
		"goes on":       {func(j *judge) { j.acts(first, 18, 28); j.calls(first, 27) }, verdict{}},
		"a lapse":       {func(j *judge) { j.acts(first, 40, 50); j.calls(first, 45) }, verdict{}},
		"a later one":   {func(j *judge) { j.over(first); j.confirm(second); j.acts(second, 12, 30); j.calls(second, 29) }, verdict{}},
		"after a lease": {func(j *judge) { j.confirm(second); j.acts(second, 20, 30) }, verdict{}},
		"another user's": {func(j *judge) {
			other := session.Session{User: "bea", Epoch: 4, Worker: "w3", Life: 1}
			j.confirm(other)
			j.acts(other, 12, 30)
		}, verdict{}},

		"the next one acts in its lease": {func(j *judge) { j.confirm(second); j.acts(second, 19, 30) }, verdict{TwoAtOnce: 1}},
		"… and goes on":                  {func(j *judge) { j.confirm(second); j.acts(second, 18, 30); j.acts(second, 19, 31) }, verdict{TwoAtOnce: 1}},
		"goes on in the next one's":      {func(j *judge) { j.confirm(second); j.acts(second, 21, 30); j.acts(first, 25, 35) }, verdict{TwoAtOnce: 1, LateCalls: 1}},
		"confirmed under an earlier epoch": {func(j *judge) {
			j.over(first)
			j.confirm(session.Session{User: "ann", Epoch: 4, Worker: "w2", Life: 1})
		}, verdict{EpochsBack: 1}},
		"confirmed under one epoch": {func(j *judge) {
			j.over(first)
			j.confirm(session.Session{User: "ann", Epoch: 5, Worker: "w2", Life: 1})
		}, verdict{EpochsBack: 1}},
		"calls after its lease":                 {func(j *judge) { j.calls(first, 20) }, verdict{LateCalls: 1}},
		"calls after its end":                   {func(j *judge) { j.over(first); j.calls(first, 15) }, verdict{LateCalls: 1}},
		"calls before its first beat":           {func(j *judge) { j.over(first); j.confirm(second); j.calls(second, 15) }, verdict{LateCalls: 1}},
		"calls after the next one is confirmed": {func(j *judge) { j.confirm(second); j.calls(first, 15); j.calls(first, 16) }, verdict{LateCalls: 1}},
		"acts after the next one is confirmed":  {func(j *judge) { j.confirm(second); j.acts(first, 15, 25) }, verdict{LateCalls: 1}},
	} {
		t.Run(name, func(t *testing.T) {
			j := newJudge()
			begin(j)
			c.play(j)
			got := j.since(verdict{})
			require.Len(t, got.notes, c.want.TwoAtOnce+c.want.EpochsBack+c.want.LateCalls)
			require.Positive(t, got.Confirmed)
			require.Positive(t, got.Calls)
			got.notes, got.Confirmed, got.Calls = nil, 0, 0
			require.Equal(t, c.want, got)
		})
	}
}

// Who is served, since when, and whose lease has ended, the judge can tell.
func TestJudgeTellsWhoIsServed(t *testing.T) {
	j := newJudge()
	served := func(now hostlink.Instant) hostlink.Instant {
		_, since, _ := j.serving("ann", now)
		return since
	}
	j.confirm(first)
	require.Zero(t, served(10), "confirmed, without a beat")
	j.acts(first, 10, 20)
	j.acts(first, 15, 25)
	require.EqualValues(t, 10, served(24))
	require.Zero(t, served(25))
	j.acts(first, 30, 40)
	require.EqualValues(t, 30, served(31), "a lease that ran out is an interruption")
	acting, lapsed := j.acting(31)
	require.Equal(t, first, acting["ann"])
	require.Zero(t, lapsed)
	_, lapsed = j.acting(40)
	require.Equal(t, 1, lapsed)
	j.over(first)
	require.Zero(t, served(32))
}
