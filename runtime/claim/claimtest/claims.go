package claimtest

import (
	"fmt"
	"time"

	"github.com/stretchr/testify/require"

	"workerfleet/runtime/claim"
	"workerfleet/runtime/fleet"
)

func claimBinds(b *bench) {
	b.open()
	require.Equal(b, claim.Ok, b.idle("w1", "h1", 1))
	answer := b.claim("ann")
	require.True(b, answer.Fresh)
	bound := *answer.Bound
	require.Equal(b, claim.Binding{
		User: "ann", Worker: "w1", Host: "h1", Life: 1, Epoch: bound.Epoch, Key: "w1-key-1", State: claim.Assigned,
	}, bound)
	require.NotZero(b, bound.Epoch)

	again := b.claim("ann")
	require.False(b, again.Fresh, "the second claim made a second binding")
	require.Equal(b, bound, *again.Bound)

	record, known, err := b.store.Worker(b.ctx, "w1")
	require.NoError(b, err)
	require.True(b, known)
	require.Equal(b, claim.Worker{
		ID: "w1", Host: "h1", Life: 1, State: claim.Assigned, Revision: 1, Key: "w1-key-1", User: "ann", Epoch: bound.Epoch,
	}, record)
	_, known, err = b.store.Worker(b.ctx, "nobody")
	require.NoError(b, err)
	require.False(b, known)

	require.NoError(b, b.store.Sent(b.ctx, "w1", bound.Epoch))
	require.True(b, b.bound("ann").Sent)
	require.ErrorIs(b, b.store.Sent(b.ctx, "w1", bound.Epoch-1), claim.ErrFenced)
	require.Equal(b, 0, b.claim("bea").Rank)
	require.Equal(b, map[claim.State]int{claim.Assigned: 1}, b.census().Workers)
}

func confirmIsFenced(b *bench) {
	b.open()
	b.idle("w1", "h1", 3)
	bound := b.bound("ann")
	require.ErrorIs(b, b.store.Confirm(b.ctx, "w1", 3, bound.Epoch-1), claim.ErrFenced)
	require.ErrorIs(b, b.store.Confirm(b.ctx, "w1", 2, bound.Epoch), claim.ErrFenced)
	require.ErrorIs(b, b.store.Confirm(b.ctx, "w1", 4, bound.Epoch), claim.ErrFenced)
	require.ErrorIs(b, b.store.Confirm(b.ctx, "nobody", 3, bound.Epoch), claim.ErrFenced)
	require.Equal(b, claim.Assigned, b.bound("ann").State)
	for range 2 {
		require.NoError(b, b.store.Confirm(b.ctx, "w1", 3, bound.Epoch))
		require.Equal(b, claim.Serving, b.bound("ann").State)
	}
	require.NoError(b, b.store.Release(b.ctx, "ann", bound.Epoch))
	require.ErrorIs(b, b.store.Confirm(b.ctx, "w1", 3, bound.Epoch), claim.ErrFenced, "a released session was confirmed")
}

func untoldIsFree(b *bench) {
	b.open()
	b.idle("w1", "h1", 1)
	first := b.bound("ann")
	require.Nil(b, b.claim("bea").Bound)
	require.True(b, b.undo("ann", first.Epoch))
	require.False(b, b.undo("ann", first.Epoch), "it is not there any more")
	second := b.bound("bea")
	require.Equal(b, first.Worker, second.Worker, "it serves the head of the queue at once")
	require.Greater(b, second.Epoch, first.Epoch)
	require.ErrorIs(b, b.store.Confirm(b.ctx, "w1", 1, first.Epoch), claim.ErrFenced, "mail that was on its way all the same")
	require.Equal(b, claim.Fenced, b.beat("h1", "w1", 1, first.Epoch))

	require.NoError(b, b.store.Sent(b.ctx, "w1", second.Epoch))
	require.False(b, b.undo("bea", second.Epoch), "what was delivered stays")
	require.Equal(b, second.Epoch, b.bound("bea").Epoch)
	require.NoError(b, b.store.Confirm(b.ctx, "w1", 1, second.Epoch))
	require.False(b, b.undo("bea", second.Epoch))
	require.False(b, b.undo("bea", second.Epoch+1))
	require.Equal(b, claim.Serving, b.bound("bea").State, "a late undo ends nobody's session")
	require.NoError(b, b.store.Release(b.ctx, "bea", second.Epoch))
	require.Nil(b, b.claim("ann").Bound, "one that was told is free only on its own word")
}

func (b *bench) undo(user fleet.User, epoch fleet.Epoch) bool {
	b.Helper()
	undone, err := b.store.Undo(b.ctx, user, epoch, b.terms)
	require.NoError(b, err)
	return undone
}

func rebuilding(b *bench) {
	require.Equal(b, claim.Ok, b.idle("w1", "h1", 1), "workers register while the pool is rebuilt")
	_, err := b.store.Claim(b.ctx, claim.Request{User: "ann"}, b.terms)
	require.ErrorIs(b, err, claim.ErrRebuilding)
	for round := range 2 {
		_, err = b.store.Reap(b.ctx, b.terms)
		require.NoError(b, err)
		census := must(b, func() (claim.Census, error) { return b.store.Census(b.ctx) })
		require.False(b, census.Closed.IsZero(), "nobody knows since when it is closed")
		require.Equal(b, round == 1, census.ClosedFor >= 20*time.Millisecond, "the first reap's moment counts")
		time.Sleep(20 * time.Millisecond)
	}
	inForce, err := b.store.Open(b.ctx, "first")
	require.NoError(b, err)
	require.Equal(b, "first", inForce)
	inForce, err = b.store.Open(b.ctx, "second")
	require.NoError(b, err)
	require.Equal(b, "first", inForce, "a data set keeps its identity")
	require.Equal(b, fleet.Worker("w1"), b.bound("ann").Worker)
	_, err = b.store.Reap(b.ctx, b.terms)
	require.NoError(b, err)
	require.Zero(b, must(b, func() (claim.Census, error) { return b.store.Census(b.ctx) }).Closed)
}

func epochsRise(b *bench) {
	b.open()
	last := fleet.Epoch(0)
	for i := range 4 {
		b.idle(fmt.Sprintf("w%d", i), "h1", 1)
		bound := b.bound(fmt.Sprintf("user%d", i))
		require.Greater(b, bound.Epoch, last)
		last = bound.Epoch
	}
	// The clock gives 4,096 epochs a millisecond: a floor an hour ahead is above all of them.
	floor := last + fleet.Epoch(time.Hour.Milliseconds())*4096
	require.NoError(b, b.store.Raise(b.ctx, floor))
	require.NoError(b, b.store.Raise(b.ctx, 1), "a lower floor changes nothing")
	b.idle("w9", "h1", 1)
	require.Equal(b, floor, b.bound("late").Epoch)
	b.idle("w10", "h1", 1)
	require.Equal(b, floor+1, b.bound("later").Epoch)
}

func releaseResets(b *bench) {
	b.open()
	b.idle("w1", "h1", 1)
	bound := b.serving("ann")
	for range 2 {
		require.NoError(b, b.store.Release(b.ctx, "ann", bound.Epoch))
	}
	require.Equal(b, map[claim.State]int{claim.Resetting: 1}, b.census().Workers)
	require.Nil(b, b.claim("bea").Bound, "a worker was given away before it was reset")
	require.Equal(b, claim.Fenced, b.beat("h1", "w1", 1, bound.Epoch))
	require.Equal(b, claim.Ok, b.idle("w1", "h1", 2))
	require.True(b, must(b, func() (bool, error) { return b.store.Gone(b.ctx, "w1", 1) }), "its next life is not proof")
	require.False(b, must(b, func() (bool, error) { return b.store.Gone(b.ctx, "w1", 2) }))
	next := b.bound("bea")
	require.Equal(b, fleet.Life(2), next.Life)
	require.Equal(b, "w1-key-2", next.Key)
	require.Greater(b, next.Epoch, bound.Epoch)
}

func releaseIsFenced(b *bench) {
	b.open()
	b.idle("w1", "h1", 1)
	old := b.serving("ann")
	require.NoError(b, b.store.Release(b.ctx, "ann", old.Epoch))
	b.idle("w1", "h1", 2)
	current := b.serving("ann")
	require.ErrorIs(b, b.store.Release(b.ctx, "ann", old.Epoch), claim.ErrFenced)
	require.Equal(b, current, b.bound("ann"))
	require.NoError(b, b.store.Release(b.ctx, "ann", current.Epoch+1), "a session that never was has ended")
	require.Equal(b, current, b.bound("ann"))
	require.NoError(b, b.store.Release(b.ctx, "nobody", 7))
}

func queueIsFair(b *bench) {
	b.open()
	for i, user := range []string{"ann", "bea", "cid"} {
		require.Equal(b, i, b.claim(user).Rank)
		soon()
	}
	require.Equal(b, 1, b.claim("bea").Rank, "asking again keeps the place")
	for _, user := range []string{"ann", "bea", "cid"} {
		b.idle("w-"+user, "h1", 1)
		bound := b.bound(user)
		require.Equal(b, fleet.Worker("w-"+user), bound.Worker, "the head was not served first")
	}
	require.Equal(b, 0, b.census().Waiting)
}

func bonusIsBounded(b *bench) {
	b.open()
	ask := func(user string, bonus time.Duration) {
		_, err := b.store.Claim(b.ctx, claim.Request{User: fleet.User(user), Bonus: bonus}, b.terms)
		require.NoError(b, err)
		soon()
	}
	ask("ann", 0)
	ask("early", claim.LongestBonus)
	ask("greedy", time.Hour)
	ask("negative", -time.Hour)
	for rank, user := range []string{"early", "greedy", "ann", "negative"} {
		require.Equal(b, rank, b.claim(user).Rank, user)
	}
}

func departedWaiters(b *bench) {
	b.open()
	b.claim("leaves")
	soon()
	gone := b.terms
	gone.Renew = -time.Second
	_, err := b.store.Claim(b.ctx, claim.Request{User: "silent"}, gone)
	require.NoError(b, err)
	soon()
	b.claim("stays")
	require.NoError(b, b.store.Leave(b.ctx, "leaves"))
	b.idle("w1", "h1", 1)
	require.Equal(b, fleet.Worker("w1"), b.bound("stays").Worker)
	require.Equal(b, 0, b.census().Waiting)
	require.NoError(b, b.store.Leave(b.ctx, "stays"))
	require.Equal(b, fleet.Worker("w1"), b.bound("stays").Worker, "leaving the queue ends no session")
}

func preference(b *bench) {
	b.open()
	enlist := func(worker, host string, revision int64) {
		b.register(claim.Registration{Worker: fleet.Worker(worker), Host: fleet.Host(host), Life: 1, Revision: revision, Key: "k"}, b.terms)
	}
	enlist("alone", "empty", 1)
	enlist("a", "full", 1)
	enlist("b", "full", 1)
	enlist("new", "other", 2)
	var order []fleet.Worker
	for i := range 4 {
		order = append(order, b.bound(fmt.Sprintf("user%d", i)).Worker)
	}
	require.Equal(b, []fleet.Worker{"new", "b", "a", "alone"}, order)
}

func missedAcknowledgement(b *bench) {
	b.open()
	b.idle("w1", "h1", 1)
	b.terms.Acknowledge = -time.Second
	bound := b.bound("ann")
	list, err := b.store.Unconfirmed(b.ctx, 0, 10)
	require.NoError(b, err)
	require.Equal(b, []claim.Unconfirmed{{Binding: bound, Overdue: true}}, list)
	require.Empty(b, must(b, func() ([]claim.Unconfirmed, error) { return b.store.Unconfirmed(b.ctx, 0, 0) }))

	require.False(b, must(b, func() (bool, error) { return b.store.Expire(b.ctx, "w1", bound.Epoch-1, b.terms) }))
	require.True(b, must(b, func() (bool, error) { return b.store.Expire(b.ctx, "w1", bound.Epoch, b.terms) }), "its worker was heard of since")
	require.False(b, must(b, func() (bool, error) { return b.store.Expire(b.ctx, "w1", bound.Epoch, b.terms) }), "expired twice")
	require.Nil(b, b.claim("ann").Bound, "the worker may still have accepted")
	require.ErrorIs(b, b.store.Confirm(b.ctx, "w1", 1, bound.Epoch), claim.ErrFenced, "a late acknowledgement was taken")
	require.Equal(b, claim.Announce, b.beat("h1", "w1", 1, 0))
	b.terms.Acknowledge = time.Minute
	require.Equal(b, claim.Ok, b.idle("w1", "h1", 1), "it never heard of the assignment")
	next := b.bound("ann")
	require.Greater(b, next.Epoch, bound.Epoch)
	require.False(b, must(b, func() (bool, error) { return b.store.Expire(b.ctx, "w1", next.Epoch, b.terms) }), "not due")
	require.NoError(b, b.store.Confirm(b.ctx, "w1", 1, next.Epoch))
	require.Empty(b, must(b, func() ([]claim.Unconfirmed, error) { return b.store.Unconfirmed(b.ctx, 0, 10) }))
}

// lostAcknowledgement is what a failover to a replica leaves that has not had the last writes.
func lostAcknowledgement(b *bench) {
	b.open()
	b.idle("w1", "h1", 1)
	b.idle("w2", "h1", 1)
	silent := b.terms
	silent.TTL += 10 * time.Second // heard of that long ago
	b.terms.Acknowledge = -time.Second
	ann := b.bound("ann")
	require.False(b, must(b, func() (bool, error) { return b.store.Expire(b.ctx, ann.Worker, ann.Epoch, silent) }), "its worker was not heard of since the deadline")
	require.Equal(b, claim.Pending, b.beat("h1", string(ann.Worker), 1, ann.Epoch), "it may have expired")
	require.False(b, must(b, func() (bool, error) { return b.store.Expire(b.ctx, ann.Worker, ann.Epoch, b.terms) }), "its worker says that it has the user")
	b.agreed(ann)
	require.NoError(b, b.store.Confirm(b.ctx, ann.Worker, 1, ann.Epoch), "which comes late")
	b.terms.Acknowledge = time.Minute
	b.idle("w3", "h1", 1)
	cid := b.bound("cid")
	require.Equal(b, claim.Ok, b.beat("h1", string(cid.Worker), 1, cid.Epoch), "in time")
	require.Equal(b, claim.Serving, b.bound("cid").State)
	b.terms.Acknowledge = -time.Second
	b.idle("w4", "h1", 1)
	bea := b.bound("bea")
	require.Equal(b, claim.Ok, b.beat("h1", string(bea.Worker), 1, 0))
	require.True(b, must(b, func() (bool, error) { return b.store.Expire(b.ctx, bea.Worker, bea.Epoch, b.terms) }), "its worker has said that it is idle")
}

func lateIdleWord(b *bench) {
	b.open()
	b.idle("w1", "h1", 1)
	bound := b.bound("ann")
	require.Equal(b, claim.Ok, b.idle("w1", "h1", 1))
	require.Equal(b, bound, b.bound("ann"))
	require.NoError(b, b.store.Confirm(b.ctx, "w1", 1, bound.Epoch))
	require.Equal(b, claim.Fenced, b.idle("w1", "h1", 1), "a serving worker cannot be idle in the same life")
	require.Equal(b, claim.Serving, b.bound("ann").State)
	require.Equal(b, claim.Ok, b.idle("w1", "h1", 2), "it crashed and began anew")
	require.Equal(b, claim.Fenced, b.idle("w1", "h1", 1), "an older life came back")
	fresh := b.claim("ann")
	require.True(b, fresh.Fresh, "the lost session was not replaced")
	require.Equal(b, fleet.Life(2), fresh.Bound.Life)
}

func must[T any](b *bench, call func() (T, error)) T {
	b.Helper()
	value, err := call()
	require.NoError(b, err)
	return value
}

func arrivalsAreCounted(b *bench) {
	count := func() (n int) {
		list, err := b.store.Arrivals(b.ctx)
		require.NoError(b, err)
		for i, a := range list {
			require.Positive(b, a.Claims)
			require.Equal(b, a.Minute, a.Minute.Truncate(time.Minute))
			require.WithinDuration(b, b.stock().Now, a.Minute, 2*time.Minute)
			require.True(b, i == 0 || list[i-1].Minute.Before(a.Minute))
			n += a.Claims
		}
		return n
	}
	require.Zero(b, count())
	_, err := b.store.Claim(b.ctx, claim.Request{User: "ann"}, b.terms)
	require.ErrorIs(b, err, claim.ErrRebuilding)
	require.Zero(b, count(), "nobody is let in")
	b.open()
	for range 3 {
		b.claim("ann")
	}
	require.Equal(b, 1, count(), "asking again is no arrival")
	b.idle("w1", "h1", 1)
	b.bound("ann")
	require.Equal(b, 1, count(), "nor is asking for the worker that one has")
	b.claim("bea")
	require.Equal(b, 2, count())
	require.NoError(b, b.store.Leave(b.ctx, "bea"))
	b.claim("bea")
	require.Equal(b, 3, count(), "who left comes anew")
	_, err = b.store.Exit(b.ctx, "w1", 1, b.terms)
	require.NoError(b, err)
	b.claim("ann")
	require.Equal(b, 3, count(), "a death is no arrival")
}
