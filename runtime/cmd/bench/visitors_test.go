package main

import (
	"math/rand/v2"
	"net/http"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
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
