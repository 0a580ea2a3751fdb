package claimtest

import (
	"fmt"
	"slices"
	"time"

	"github.com/stretchr/testify/require"

	"workerfleet/runtime/claim"
	"workerfleet/runtime/fleet"
)

func beatStandings(b *bench) {
	b.open()
	require.Equal(b, claim.Announce, b.beat("h1", "w1", 1, 0), "unknown")
	b.idle("w1", "h1", 5)
	require.Equal(b, claim.Ok, b.beat("h1", "w1", 5, 0))
	require.Equal(b, claim.Fenced, b.beat("h1", "w1", 5, 9), "warm, yet it says that it serves")
	require.Equal(b, claim.Fenced, b.beat("h1", "w1", 4, 0), "older life")
	require.Equal(b, claim.Announce, b.beat("h1", "w1", 6, 0), "newer life that has not registered")
	require.Equal(b, claim.Announce, b.beat("h2", "w1", 5, 0), "another host")
	bound := b.bound("ann")
	require.Equal(b, claim.Ok, b.beat("h1", "w1", 5, 0), "assigned, has not accepted")
	require.Equal(b, claim.Ok, b.beat("h1", "w1", 5, bound.Epoch), "assigned, has accepted")
	require.Equal(b, claim.Fenced, b.beat("h1", "w1", 5, bound.Epoch-1))
	require.NoError(b, b.store.Confirm(b.ctx, "w1", 5, bound.Epoch))
	require.Equal(b, claim.Ok, b.beat("h1", "w1", 5, bound.Epoch))
	require.Equal(b, claim.Fenced, b.beat("h1", "w1", 5, 0))

	b.idle("w2", "h1", 1)
	standings, err := b.store.Beat(b.ctx, "h1", []claim.Beat{{Worker: "w2", Life: 1}, {Worker: "ghost", Life: 1}, {Worker: "w1", Life: 5, Epoch: bound.Epoch}}, b.terms)
	require.NoError(b, err)
	require.Equal(b, []claim.Standing{claim.Ok, claim.Announce, claim.Ok}, standings, "answers keep the order of the batch")
}

func lapsedIsSkipped(b *bench) {
	b.open()
	b.idleWith("late", "full", 1, b.past())
	b.idle("fine", "other", 1)
	require.Equal(b, 2, b.census().Free)
	require.Equal(b, fleet.Worker("fine"), b.bound("ann").Worker)
	require.Nil(b, b.claim("bea").Bound)
	require.Equal(b, claim.Announce, b.beat("full", "late", 1, 0), "only its own word makes it free again")
	require.Nil(b, b.claim("bea").Bound)
	b.idle("late", "full", 1)
	require.Equal(b, fleet.Worker("late"), b.bound("bea").Worker)
}

func reapDrops(b *bench) {
	b.open()
	b.heard(9)
	b.idle("w1", "h1", 1)
	ann := b.serving("ann")
	b.idleWith("w2", "h1", 1, b.past())
	require.Empty(b, dead(b.reap(b.terms), "w1"), "a fresh lease was reaped")
	require.NotEmpty(b, b.bound("ann"))

	// A lease that has run out, but not by the guard, stays.
	edge := b.terms
	edge.TTL = -b.terms.Guard / 2
	b.idleWith("w3", "h1", 1, edge)
	require.Empty(b, b.reap(b.terms).Dead)

	b.idle("w4", "h2", 7)
	bea := b.serving("bea")
	long := b.terms
	long.Guard = -time.Hour  // every lease ran out long ago
	long.TTL = 3 * time.Hour // but no host is silent
	reaped := b.reap(long)
	require.Equal(b, []claim.Death{{Worker: "w4", Host: "h2", Life: 7, User: "bea", Epoch: bea.Epoch}}, dead(reaped, "w4"))
	require.Equal(b, []claim.Death{{Worker: "w1", Host: "h1", Life: 1, User: "ann", Epoch: ann.Epoch}}, dead(reaped, "w1"))
	require.Empty(b, b.reap(long).Dead, "reaped twice")
	require.True(b, must(b, func() (bool, error) { return b.store.Gone(b.ctx, "w4", 7) }))
	require.Equal(b, 2, b.census().Waiting, "the users of the dead do not wait for others")
	require.Equal(b, claim.Announce, b.beat("h2", "w4", 7, bea.Epoch), "a beat brought it back")
	require.Equal(b, map[claim.State]int{}, b.census().Workers)
	b.idle("w4", "h2", 7)
	require.False(b, must(b, func() (bool, error) { return b.store.Gone(b.ctx, "w4", 7) }), "it came back, idle")
}

// dead returns the deaths of one worker.
func dead(r claim.Reaped, worker fleet.Worker) []claim.Death {
	var found []claim.Death
	for _, d := range r.Dead {
		if d.Worker == worker {
			found = append(found, d)
		}
	}
	return found
}

func reapIsBounded(b *bench) {
	b.open()
	b.heard(9)
	for i := range claim.ReapLimit + 3 {
		b.idleWith(fmt.Sprintf("w%03d", i), "host-00", 1, b.past())
	}
	first := b.reap(b.terms)
	require.Len(b, first.Dead, claim.ReapLimit)
	require.True(b, first.More)
	second := b.reap(b.terms)
	require.Len(b, second.Dead, 3)
	require.False(b, second.More)
}

// quick are terms under which a host is silent after half a second.
func quick(b *bench) claim.Terms {
	t := b.terms
	t.TTL, t.Guard = 500*time.Millisecond, 0
	return t
}

// fall makes n hosts silent with a serving worker on each, and keeps the others beating.
func fall(b *bench, n, hosts int, t claim.Terms) (users []fleet.User) {
	b.Helper()
	for i := range n {
		host, worker, user := fmt.Sprintf("host-%02d", i), fmt.Sprintf("on-%02d", i), fmt.Sprintf("user-%02d", i)
		b.idleWith(worker, host, 1, t)
		b.serving(user)
		users = append(users, fleet.User(user))
	}
	time.Sleep(t.TTL + 20*time.Millisecond)
	for i := n; i < hosts; i++ {
		_, err := b.store.Beat(b.ctx, fleet.Host(fmt.Sprintf("host-%02d", i)), nil, t)
		require.NoError(b, err)
	}
	return users
}

func silenceIsHeld(b *bench) {
	b.open()
	t := quick(b)
	b.heard(12)
	fall(b, 3, 12, t) // a tenth of 12, rounded up, is 2
	held := b.reap(t)
	require.True(b, held.Held)
	require.Equal(b, []fleet.Host{"host-00", "host-01", "host-02"}, held.Silent)
	require.Empty(b, held.Dead)

	b.beat("host-02", "on-02", 1, b.bound("user-02").Epoch)
	reaped := b.reap(t)
	require.False(b, reaped.Held, "two of twelve may be silent")
	var users []fleet.User
	for _, d := range reaped.Dead {
		users = append(users, d.User)
	}
	slices.Sort(users)
	require.Equal(b, []fleet.User{"user-00", "user-01"}, users)
	require.Equal(b, 10, b.census().Hosts, "silent hosts without workers are forgotten")

	b.idleWith("last", "host-02", 1, t)
	patient := t
	patient.Hold = -time.Second
	time.Sleep(t.TTL + 20*time.Millisecond)
	require.NotEmpty(b, b.reap(patient).Dead, "the hold does not end")
}

func neverAllHosts(b *bench) {
	b.open()
	t := quick(b)
	b.heard(1)
	fall(b, 1, 1, t)
	held := b.reap(t)
	require.True(b, held.Held, "the only host was reaped unasked")
	require.Empty(b, held.Dead)

	b.heard(2)
	b.beat("host-00", "on-00", 1, b.bound("user-00").Epoch)
	time.Sleep(t.TTL + 20*time.Millisecond)
	_, err := b.store.Beat(b.ctx, "host-01", nil, t)
	require.NoError(b, err)
	short := b.terms
	short.TTL, short.Guard = -b.terms.TTL, b.terms.TTL+500*time.Millisecond
	require.False(b, b.reap(short).Held, "one of two hosts may be silent")
}

func parking(b *bench) {
	b.open()
	t := quick(b)
	b.heard(2)
	b.idleWith("w1", "host-00", 1, t)
	ann := b.serving("ann")
	b.idleWith("elsewhere", "host-01", 1, t)
	require.NoError(b, b.store.Park(b.ctx, "host-00", []fleet.Worker{"w1", "elsewhere", "ghost"}, time.Minute))
	time.Sleep(t.TTL + 20*time.Millisecond)
	b.beat("host-01", "other", 1, 0)
	reaped := b.reap(t)
	require.Empty(b, dead(reaped, "w1"), "a parked worker was reaped")
	require.Len(b, dead(reaped, "elsewhere"), 1, "a host parked another host's worker")
	require.Empty(b, reaped.Silent)
	require.Equal(b, claim.Ok, b.beat("host-00", "w1", 1, ann.Epoch))
}

// parkedWords has a worker's lease go on although nobody has heard of it: it says nothing about its assignment.
func parkedWords(b *bench) {
	b.open()
	b.terms.Acknowledge = time.Millisecond
	b.heard(2)
	b.idle("w1", "host-00", 1)
	ann := b.bound("ann")
	b.idle("w2", "host-00", 1)
	require.NoError(b, b.store.Park(b.ctx, "host-00", []fleet.Worker{"w1", "w2"}, time.Minute))
	time.Sleep(5 * time.Millisecond)
	expire := func(of claim.Binding) bool {
		return must(b, func() (bool, error) { return b.store.Expire(b.ctx, of.Worker, of.Epoch, b.terms) })
	}
	require.False(b, expire(ann), "nobody has heard of it")
	require.Nil(b, b.claim("bea").Bound, "nobody is there to hear of it")
	require.Equal(b, claim.Announce, b.beat("host-00", "w2", 1, 0))
	b.idle("w2", "host-00", 1)
	bea := b.bound("bea")
	require.Equal(b, fleet.Worker("w2"), bea.Worker)
	time.Sleep(5 * time.Millisecond)
	require.False(b, expire(bea), "its parking was no word")
	b.beat("host-00", "w2", 1, 0)
	require.True(b, expire(bea))
}

func exitIsByLife(b *bench) {
	b.open()
	b.idle("w1", "h1", 2)
	ann := b.serving("ann")
	_, err := b.store.Exit(b.ctx, "w1", 1, b.terms)
	require.ErrorIs(b, err, claim.ErrFenced)
	require.Equal(b, ann, b.bound("ann"))
	death, err := b.store.Exit(b.ctx, "w1", 2, b.terms)
	require.NoError(b, err)
	require.Equal(b, claim.Death{Worker: "w1", Host: "h1", Life: 2, User: "ann", Epoch: ann.Epoch}, death)
	death, err = b.store.Exit(b.ctx, "w1", 2, b.terms)
	require.NoError(b, err)
	require.Empty(b, death.User, "the session ended twice")
	for life, gone := range map[fleet.Life]bool{1: false, 2: true, 3: false} {
		require.Equal(b, gone, must(b, func() (bool, error) { return b.store.Gone(b.ctx, "w1", life) }), "life %d", life)
	}
	b.claim("bea")
	b.idle("w2", "h1", 1)
	require.Equal(b, fleet.Worker("w2"), b.bound("ann").Worker)
}

func endsInAnyLife(b *bench) {
	b.open()
	b.idle("w1", "h1", 2)
	ann := b.serving("ann")
	b.idle("w2", "h1", 5)
	b.idle("w3", "h2", 1)
	dead, err := b.store.End(b.ctx, []fleet.Worker{"w1", "ghost", "w2", "w1"}, b.terms)
	require.NoError(b, err)
	require.Equal(b, []claim.Death{{Worker: "w1", Host: "h1", Life: 2, User: "ann", Epoch: ann.Epoch}, {Worker: "w2", Host: "h1", Life: 5}}, dead)
	require.Equal(b, fleet.Worker("w3"), b.bound("ann").Worker, "the user was first in the queue")
	require.Greater(b, b.bound("ann").Epoch, ann.Epoch)
	for worker, life := range map[fleet.Worker]fleet.Life{"w1": 2, "w2": 5} {
		require.True(b, must(b, func() (bool, error) { return b.store.Gone(b.ctx, worker, life) }))
	}
	require.Equal(b, claim.Announce, b.beat("h1", "w2", 5, 0), "what beats all the same has to say who it is")
	dead, err = b.store.End(b.ctx, []fleet.Worker{"w1", "w2"}, b.terms)
	require.NoError(b, err)
	require.Empty(b, dead, "nobody dies twice")
	dead, err = b.store.End(b.ctx, nil, b.terms)
	require.NoError(b, err)
	require.Empty(b, dead)
}

func takenBack(b *bench) {
	standing := b.register(claim.Registration{Worker: "w1", Host: "h1", Life: 4, Key: "k", User: "ann", Epoch: 77}, b.terms)
	require.Equal(b, claim.Ok, standing)
	b.open()
	returned := claim.Binding{User: "ann", Worker: "w1", Host: "h1", Life: 4, Epoch: 77, Key: "k", State: claim.Returned, Sent: true}
	require.Equal(b, returned, b.bound("ann"))
	require.Equal(b, claim.Pending, b.beat("h1", "w1", 4, 77), "a beat was confirmed before the database agreed")
	require.Equal(b, claim.Fenced, b.beat("h1", "w1", 4, 76))
	require.Equal(b, claim.Fenced, b.beat("h1", "w1", 4, 0))
	require.Equal(b, claim.Fenced, b.idle("w1", "h1", 4), "in a session and idle in one life")
	require.Equal(b, []claim.Unconfirmed{{Binding: returned}}, must(b, func() ([]claim.Unconfirmed, error) { return b.store.Unconfirmed(b.ctx, 0, 9) }))
	require.False(b, must(b, func() (bool, error) { return b.store.Expire(b.ctx, "w1", 77, b.terms) }), "a returned session has no acknowledgement to miss")
	require.ErrorIs(b, b.store.Confirm(b.ctx, "w1", 4, 77), claim.ErrPending, "an acknowledgement that was on its way took the database's place")
	require.Equal(b, claim.Returned, b.bound("ann").State)
	require.ErrorIs(b, b.store.Agree(b.ctx, "w1", 4, 76), claim.ErrFenced)
	require.ErrorIs(b, b.store.Agree(b.ctx, "w1", 3, 77), claim.ErrFenced)
	require.ErrorIs(b, b.store.Agree(b.ctx, "nobody", 4, 77), claim.ErrFenced)
	for range 2 {
		require.NoError(b, b.store.Agree(b.ctx, "w1", 4, 77))
	}
	require.NoError(b, b.store.Confirm(b.ctx, "w1", 4, 77))
	require.Equal(b, claim.Serving, b.bound("ann").State)
	require.Equal(b, claim.Ok, b.register(claim.Registration{Worker: "w1", Host: "h2", Life: 4, Key: "k", User: "ann", Epoch: 77}, b.terms), "its agent was replaced")
	require.Equal(b, claim.Ok, b.beat("h2", "w1", 4, 77))
	require.Equal(b, claim.Fenced, b.register(claim.Registration{Worker: "w1", Host: "h1", Life: 4, User: "bea", Epoch: 77}, b.terms))
	require.Equal(b, claim.Fenced, b.register(claim.Registration{Worker: "w1", Host: "h1", Life: 4, User: "ann", Epoch: 76}, b.terms))

	far := fleet.Epoch(time.Now().Add(time.Hour).UnixMilli()) * 4096
	require.Equal(b, claim.Ok, b.register(claim.Registration{Worker: "w2", Host: "h1", Life: 1, Key: "k", User: "cid", Epoch: far}, b.terms))
	b.idle("w3", "h1", 1)
	require.Equal(b, far+1, b.bound("dot").Epoch, "an epoch that workers act under was given again")
	require.NoError(b, b.store.Release(b.ctx, "cid", far), "the database disagrees")
	require.Equal(b, claim.Fenced, b.beat("h1", "w2", 1, far))
}

func outlived(b *bench) {
	b.open()
	b.heard(9)
	b.idle("w1", "h1", 1)
	old := b.serving("ann")
	_, err := b.store.Exit(b.ctx, "w1", 1, b.terms) // wrongly reported: it lives
	require.NoError(b, err)
	b.idle("w2", "h1", 1)
	current := b.serving("ann")
	require.Equal(b, claim.Fenced, b.register(claim.Registration{Worker: "w1", Host: "h1", Life: 1, Key: "k", User: "ann", Epoch: old.Epoch}, b.terms))
	require.Equal(b, current, b.bound("ann"))

	_, err = b.store.Exit(b.ctx, "w2", 1, b.terms)
	require.NoError(b, err)
	require.Nil(b, b.claim("ann").Bound)
	require.Equal(b, claim.Ok, b.register(claim.Registration{Worker: "w2", Host: "h1", Life: 1, Key: "k", User: "ann", Epoch: current.Epoch}, b.terms),
		"the predecessor came back before anyone else had the user: it keeps the user")
	require.Equal(b, current.Epoch, b.bound("ann").Epoch)
	require.Equal(b, 0, b.census().Waiting, "a user with a worker does not wait")
	require.False(b, must(b, func() (bool, error) { return b.store.Gone(b.ctx, "w2", 1) }), "it came back")
}

func healIsQuiet(b *bench) {
	b.open()
	b.idle("w1", "h1", 1)
	b.idle("w2", "h1", 1)
	b.idle("w3", "h2", 1)
	b.serving("ann")
	bound := b.bound("bea")
	require.NoError(b, b.store.Sent(b.ctx, bound.Worker, bound.Epoch))
	require.NoError(b, b.store.Release(b.ctx, "bea", bound.Epoch))
	cursor := 0
	for range 3 {
		healed, err := b.store.Heal(b.ctx, cursor, 1, b.terms)
		require.NoError(b, err)
		require.Empty(b, healed.Repairs)
		cursor = healed.Next
	}
	require.Zero(b, cursor)
	before := b.census()
	require.Equal(b, map[claim.State]int{claim.Serving: 1, claim.Resetting: 1, claim.Warm: 1}, before.Workers)
	require.Equal(b, 1, before.Free)
}
