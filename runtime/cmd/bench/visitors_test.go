package main

import (
	"math/rand/v2"
	"net/http"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"workerfleet/runtime/fleet"
	"workerfleet/runtime/hostlink"
	"workerfleet/runtime/session"
)

// staging is a fleet that is nothing but an API, and so many users, who are all away.
func staging(t *testing.T, api http.HandlerFunc, users int) *visitors {
	v := &visitors{theatre: &theatre{simulated: newSimulated(t.Context()), judge: newJudge()}, all: make([]visitor, users)}
	v.api = api
	for i := range v.all {
		v.put(i, isAway)
	}
	return v
}

// A user asks once at a time, and for what they want last: who has begun to ask, or changed their mind, since they were seen
// to be without is left alone.
func TestUsersAskOnceAtATime(t *testing.T) {
	v := staging(t, nil, 3)
	for i := range v.all {
		v.all[i] = visitor{wants: true, changed: 1}
	}
	unhappy := v.unhappy()
	require.Equal(t, map[int]int{0: 1, 1: 1, 2: 1}, unhappy)
	v.all[1].busy = true
	v.all[2] = visitor{changed: 2} // who has left meanwhile
	require.Equal(t, []bool{true, false, false}, []bool{v.occupy(0, unhappy[0]), v.occupy(1, unhappy[1]), v.occupy(2, unhappy[2])})
	require.False(t, v.occupy(0, unhappy[0]), "twice")
	require.Equal(t, counts{Asked: 1}, v.counts)
	require.Empty(t, v.unhappy())
}

// A tenth of the users is silent, by the seed: they do not ask again, and end a session that they do not want as others do.
func TestSilentUsersDoNotAskAgain(t *testing.T) {
	drawn := func(seed uint64) (list []int) {
		v := staging(t, nil, 35)
		v.silence(rand.New(rand.NewPCG(seed, 1)))
		for i, u := range v.all {
			if u.silent {
				list = append(list, i)
			}
		}
		return list
	}
	require.Len(t, drawn(1), 4)
	require.Equal(t, drawn(1), drawn(1))
	require.NotEqual(t, drawn(1), drawn(2))

	v := staging(t, nil, 4)
	for i := range v.all {
		v.all[i] = visitor{wants: i < 2, silent: i%2 == 0}
		if i >= 2 {
			s := session.Session{User: user(i), Epoch: fleet.Epoch(i), Worker: workerName(i)}
			v.judge.confirm(s)
			v.judge.acts(s, hostlink.Now(), hostlink.Now().Add(time.Hour))
		}
	}
	require.Equal(t, map[int]int{1: 0, 2: 0, 3: 0}, v.unhappy())
}

// Who is served after a fault's end counts with the time since then, who is not with all of it, and the silent by themselves.
func TestWaitedAfterAFault(t *testing.T) {
	v := staging(t, nil, 5)
	f := &faulted{theatre: v.theatre, users: v}
	end := ended{hostlink.Now().Add(-10 * time.Second), map[int]int{}}
	for i := range v.all {
		v.all[i], end.wanting[i] = visitor{wants: true, silent: i >= 3}, 0
		if since := []time.Duration{-1, 2, 0, 4, 0}[i] * time.Second; since != 0 {
			s := session.Session{User: user(i), Epoch: fleet.Epoch(i + 1), Worker: workerName(i)}
			v.judge.confirm(s)
			v.judge.acts(s, end.at.Add(since), end.at.Add(time.Hour))
		}
	}
	var figure faultFigure
	f.waited(&figure, end)
	require.Equal(t, []int{4, 2, 2}, []int{figure.Without, figure.Silent, figure.Unserved})
	require.InDelta(t, 10, figure.AgainMax, 5)
	require.InDelta(t, 10, figure.SilentMax, 5)
	v.all[2].wants, v.all[4].wants = false, false
	figure = faultFigure{}
	f.waited(&figure, end)
	require.Equal(t, []float64{2, 4}, []float64{figure.AgainMax, figure.SilentMax})
}

// Who asks is waited for: the connections that their requests go through are closed when none is under way any more.
func TestUsersAreWaitedFor(t *testing.T) {
	var under atomic.Int32
	asked := make(chan struct{}, 1)
	v := staging(t, func(_ http.ResponseWriter, r *http.Request) {
		under.Add(1)
		asked <- struct{}{}
		<-r.Context().Done()
		time.Sleep(20 * time.Millisecond) // longer than the rest of the end takes
		under.Add(-1)
	}, 1)
	v.clean = append(v.clean, func() { require.Zero(t, under.Load()) })
	for random := rand.New(rand.NewPCG(1, 0)); v.busy() == 0; {
		v.turn(random)
	}
	<-asked
	v.stop()
}
