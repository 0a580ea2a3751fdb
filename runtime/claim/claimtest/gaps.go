package claimtest

import (
	"fmt"
	"time"

	"github.com/stretchr/testify/require"

	"workerfleet/runtime/claim"
	"workerfleet/runtime/fleet"
)

// hurried are terms of which a lease, and a gap, pass within a test.
func hurried(b *bench) claim.Terms {
	t := b.terms
	t.TTL, t.Guard, t.Hold = 400*time.Millisecond, 100*time.Millisecond, 5*time.Second
	return t
}

// lonely has ann served on the first of so many hosts, which is silent from then on.
func lonely(b *bench, hosts int) claim.Binding {
	b.Helper()
	b.open()
	b.terms = hurried(b)
	b.heard(hosts)
	b.idle("w1", "host-00", 1)
	return b.serving("ann")
}

// others makes all hosts beat but the first one.
func (b *bench) others(hosts int) {
	b.Helper()
	for i := 1; i < hosts; i++ {
		_, err := b.store.Beat(b.ctx, fleet.Host(fmt.Sprintf("host-%02d", i)), nil, b.terms)
		require.NoError(b, err)
	}
}

// givenUp goes on until w1 is dropped, and returns how long that took.
func (b *bench) givenUp(every time.Duration, while func()) time.Duration {
	b.Helper()
	began := time.Now()
	for time.Since(began) < 20*time.Second {
		while()
		if len(dead(b.reap(b.terms), "w1")) > 0 {
			return time.Since(began)
		}
		time.Sleep(every)
	}
	b.Fatal("w1 is never given up")
	return 0
}

// deafIndex is an outage of the store, or a failover that loses the last beats: neither round nor host was there.
func deafIndex(b *bench) {
	ann := lonely(b, 2)
	time.Sleep(b.terms.TTL + b.terms.Guard + 20*time.Millisecond)
	require.NoError(b, b.store.Park(b.ctx, "host-02", nil, time.Minute)) // which is nobody's presence
	b.others(2)
	reaped := b.reap(b.terms)
	require.Empty(b, reaped.Dead, "the first host that was heard outlived the other one")
	require.False(b, reaped.Held)
	require.Equal(b, ann.Epoch, b.bound("ann").Epoch)
	took := b.givenUp(20*time.Millisecond, func() { b.others(2) })
	require.Greater(b, took, b.terms.TTL, "it had no time to come back")
}

// unheardHosts is an index that rounds reach, and no host.
func unheardHosts(b *bench) {
	lonely(b, 3)
	require.NoError(b, b.store.Park(b.ctx, "host-09", nil, time.Minute)) // as some are while agents are replaced
	began := time.Now()
	for time.Since(began) < b.terms.TTL/2 {
		b.others(3)
		require.Empty(b, b.reap(b.terms).Dead)
		time.Sleep(20 * time.Millisecond)
	}
	for time.Since(began) < b.terms.TTL+b.terms.Guard+40*time.Millisecond {
		require.Empty(b, b.reap(b.terms).Dead, "one of three, of whom none was heard")
		time.Sleep(20 * time.Millisecond)
	}
	b.others(3)
	require.Empty(b, b.reap(b.terms).Dead)
	require.Greater(b, b.givenUp(20*time.Millisecond, func() { b.others(3) }), b.terms.TTL)
}

// oneSilentHost is one that is silent while others are not: there is no gap, and it is given up in its time.
func oneSilentHost(b *bench) {
	lonely(b, 2)
	b.terms.TTL, b.terms.Guard = 1500*time.Millisecond, 500*time.Millisecond // a busy machine's stops are shorter
	took := b.givenUp(10*time.Millisecond, func() { b.others(2) })
	require.Less(b, took, 2*b.terms.TTL+b.terms.Guard, "a silent host was excused")
}

// endlessGaps are rounds and hosts that are there less often than the guard lasts.
func endlessGaps(b *bench) {
	lonely(b, 2)
	b.terms.Hold = time.Second
	took := b.givenUp(b.terms.Guard+30*time.Millisecond, func() { b.others(2) })
	require.Greater(b, took, b.terms.TTL+b.terms.Guard)
}

// lateWords are those of workers whose sessions may have been ended, which an index that fails over may have forgotten.
func lateWords(b *bench) {
	b.open()
	for i, say := range []func(claim.Binding){
		func(of claim.Binding) {
			require.ErrorIs(b, b.store.Confirm(b.ctx, of.Worker, of.Life, of.Epoch), claim.ErrPending)
		},
		func(of claim.Binding) {
			require.Equal(b, claim.Pending, b.beat("h1", string(of.Worker), of.Life, of.Epoch))
		},
		func(of claim.Binding) {
			require.Equal(b, claim.Ok, b.register(claim.Registration{Worker: of.Worker, Host: "h1", Life: of.Life, Key: of.Key, User: of.User, Epoch: of.Epoch}, b.terms))
		},
	} {
		b.terms.Acknowledge = -time.Second
		b.idle(fmt.Sprintf("w%d", i), "h1", 1)
		late := b.bound(fmt.Sprintf("user%d", i))
		say(late)
		b.agreed(late)
	}
	b.terms = claim.DefaultTerms()
	b.idle("early", "h1", 1)
	early := b.bound("bea")
	require.Equal(b, claim.Ok, b.register(claim.Registration{Worker: "early", Host: "h1", Life: 1, Key: early.Key, User: "bea", Epoch: early.Epoch}, b.terms))
	require.Equal(b, claim.Serving, b.bound("bea").State, "its registration acknowledges")

	b.terms.TTL, b.terms.Guard = time.Second, 300*time.Millisecond
	b.idle("quiet", "h2", 1)
	cid := b.serving("cid")
	b.idle("busy", "h2", 1)
	dot := b.serving("dot")
	require.Equal(b, claim.Ok, b.beat("h2", "busy", 1, dot.Epoch))
	time.Sleep(b.terms.TTL + b.terms.Guard + 10*time.Millisecond)
	require.Equal(b, claim.Pending, b.beat("h2", "quiet", 1, cid.Epoch), "others may have been told that it is gone")
	require.ErrorIs(b, b.store.Confirm(b.ctx, "quiet", 1, cid.Epoch), claim.ErrPending)
	require.Equal(b, claim.Ok, b.register(claim.Registration{Worker: "busy", Host: "h2", Life: 1, Key: dot.Key, User: "dot", Epoch: dot.Epoch}, b.terms))
	b.terms = claim.DefaultTerms()
	b.agreed(cid)
	b.agreed(dot)
}

// agreed requires that a session waits for the database, and goes on when it agrees.
func (b *bench) agreed(of claim.Binding) {
	b.Helper()
	require.Equal(b, claim.Returned, b.bound(string(of.User)).State)
	require.Equal(b, claim.Pending, b.beat(string(of.Host), string(of.Worker), of.Life, of.Epoch))
	require.False(b, must(b, func() (bool, error) { return b.store.Expire(b.ctx, of.Worker, of.Epoch, b.terms) }))
	require.NoError(b, b.store.Agree(b.ctx, of.Worker, of.Life, of.Epoch))
	require.Equal(b, claim.Ok, b.beat(string(of.Host), string(of.Worker), of.Life, of.Epoch))
}

// forgottenAcknowledgement is an index that may have forgotten in a gap what became of an assignment: nobody takes it back before its
// worker was heard of again.
func forgottenAcknowledgement(b *bench) {
	b.open()
	b.terms = hurried(b)
	b.terms.Acknowledge = -time.Second
	b.heard(2)
	b.idle("w1", "host-00", 1)
	b.idle("w2", "host-00", 1)
	ann, bea := b.bound("ann"), b.bound("bea")
	require.Equal(b, claim.Ok, b.beat("host-00", string(ann.Worker), ann.Life, 0))
	require.Equal(b, claim.Ok, b.beat("host-00", string(bea.Worker), bea.Life, 0))
	expired := func() bool {
		return must(b, func() (bool, error) { return b.store.Expire(b.ctx, ann.Worker, ann.Epoch, b.terms) })
	}
	time.Sleep(b.terms.Guard + 20*time.Millisecond)
	require.False(b, expired(), "nobody has noticed the gap so far")
	require.False(b, b.undo("bea", bea.Epoch), "nobody has noticed the gap so far")
	b.reap(b.terms)
	b.others(2)
	require.False(b, expired(), "its worker was not heard of since")
	require.False(b, b.undo("bea", bea.Epoch), "its worker was not heard of since")
	again := func(what func() bool) func() bool {
		return func() bool { // each beat after a busy machine's stop may end another gap
			b.beat("host-00", string(ann.Worker), ann.Life, 0)
			time.Sleep(2 * time.Millisecond)
			b.beat("host-00", string(bea.Worker), bea.Life, 0)
			return what()
		}
	}
	require.Eventually(b, again(func() bool { return b.undo("bea", bea.Epoch) }), 20*time.Second, time.Millisecond)
	require.Eventually(b, again(expired), 20*time.Second, time.Millisecond)
}
