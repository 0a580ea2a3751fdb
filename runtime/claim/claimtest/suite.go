package claimtest

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"workerfleet/runtime/claim"
	"workerfleet/runtime/fleet"
)

// Run holds a store to the contract. fresh returns an empty store that is not open; each case asks for its own.
func Run(t *testing.T, fresh func(t *testing.T) claim.Store) {
	for _, c := range []struct {
		name string
		run  func(b *bench)
	}{
		{"a claim binds an idle worker, and asking again returns the same binding", claimBinds},
		{"a confirmed worker serves; confirming is idempotent and fenced by life and epoch", confirmIsFenced},
		{"nobody is bound while the pool is rebuilt", rebuilding},
		{"epochs rise over every loss of the last one, and reach the floor", epochsRise},
		{"a released worker is free only on its own word in its next life", releaseResets},
		{"a claim that is undone before its worker was told costs no stock", untoldIsFree},
		{"a release of an older epoch leaves the newer session alone", releaseIsFenced},
		{"users queue in order, a freed worker serves the head at once", queueIsFair},
		{"a bonus moves a user ahead by thirty seconds at most", bonusIsBounded},
		{"departed waiters get nothing", departedWaiters},
		{"the newest image is taken first, then the fullest host", preference},
		{"beats are answered by life and epoch", beatStandings},
		{"a worker whose lease ran out is not bound, and must announce itself", lapsedIsSkipped},
		{"a reap drops what is silent beyond the guard, and names the sessions to fence", reapDrops},
		{"a reap is bounded and says that there is more", reapIsBounded},
		{"one silent host of many is reaped, many silent hosts are held", silenceIsHeld},
		{"a host is never the last one to be reaped unasked", neverAllHosts},
		{"after a time in which the index was deaf nobody is given up for a lease, until all could be heard", deafIndex},
		{"nobody is given up while no host at all is heard", unheardHosts},
		{"one silent host of two is given up in its time", oneSilentHost},
		{"gaps without end spare nobody for ever", endlessGaps},
		{"the database is asked about a session whose worker's word comes late", lateWords},
		{"no assignment is taken back before its worker was heard of again after a gap", forgottenAcknowledgement},
		{"parking keeps a host's workers through its silence", parking},
		{"a parked worker's lease is no word of it", parkedWords},
		{"an exit ends the session of that life and of no newer one", exitIsByLife},
		{"workers that are known to have ended are dropped in any life, and their users served again", endsInAnyLife},
		{"a missed acknowledgement frees the user, not the worker", missedAcknowledgement},
		{"an acknowledgement that was lost is said again by a beat", lostAcknowledgement},
		{"a worker in a session is taken back after the data was lost, when the database agrees", takenBack},
		{"a worker that the user has outlived is fenced", outlived},
		{"an idle word from before an assignment does not undo it", lateIdleWord},
		{"workers are counted by host and image, on hosts that beat", stockByHostAndImage},
		{"of two plans that saw one version the second is stale", plansAreExclusive},
		{"calls to the provider come from one bucket", callsAreShared},
		{"what was asked for is coming until it registers, or until its deadline", comingUntilRegistered},
		{"idle workers of any host can be retired, however many others are free", retireFromTheMiddle},
		{"what was noted stays beside whatever plan", notesStay},
		{"silence of too many hosts makes the stock doubtful", silenceIsDoubtful},
		{"a retired worker is nobody's, beats on, and is gone when it exits", retiredIsNobodys},
		{"a draining host gets no user, and its idle workers can be retired or given back", drainingHostsServeNobody},
		{"the mark of a host is its owner's, and an operator's outranks any", marksHaveOwners},
		{"an operator's mark outlasts its host's silence", marksOutlastSilence},
		{"one worker retires when it is idle, in whatever life", oneWorkerRetires},
		{"workers, waiting users and hosts are listed", overview},
		{"users are counted in the minute in which they come, once while they wait", arrivalsAreCounted},
		{"a user's name is data, whatever stands in it", namesAreData},
		{"healing finds nothing to repair after ordinary work", healIsQuiet},
	} {
		t.Run(c.name, func(t *testing.T) {
			c.run(&bench{T: t, store: fresh(t), ctx: t.Context(), terms: claim.DefaultTerms()})
		})
	}
}

// bench drives one store in one case.
type bench struct {
	*testing.T
	store claim.Store
	ctx   context.Context
	terms claim.Terms
}

func (b *bench) open() {
	b.Helper()
	_, err := b.store.Open(b.ctx, "first")
	require.NoError(b, err)
}

// past returns the terms with a lease that ran out longer ago than the guard.
func (b *bench) past() claim.Terms {
	t := b.terms
	t.TTL = -t.TTL - 10*t.Guard
	return t
}

// idle registers a fresh idle worker on a host, in a life, with the image's revision 1.
func (b *bench) idle(worker, host string, life fleet.Life) claim.Standing {
	b.Helper()
	return b.idleWith(worker, host, life, b.terms)
}

func (b *bench) idleWith(worker, host string, life fleet.Life, t claim.Terms) claim.Standing {
	b.Helper()
	return b.register(claim.Registration{Worker: fleet.Worker(worker), Host: fleet.Host(host), Life: life, Revision: 1, Key: worker + "-key-" + life.String()}, t)
}

func (b *bench) register(r claim.Registration, t claim.Terms) claim.Standing {
	b.Helper()
	standing, err := b.store.Register(b.ctx, r, t)
	require.NoError(b, err)
	return standing
}

func (b *bench) claim(user string) claim.Answer {
	b.Helper()
	answer, err := b.store.Claim(b.ctx, claim.Request{User: fleet.User(user)}, b.terms)
	require.NoError(b, err)
	return answer
}

// bound claims and requires a binding.
func (b *bench) bound(user string) claim.Binding {
	b.Helper()
	answer := b.claim(user)
	require.NotNil(b, answer.Bound, "%s waits at rank %d", user, answer.Rank)
	return *answer.Bound
}

// serving claims, confirms and returns the binding.
func (b *bench) serving(user string) claim.Binding {
	b.Helper()
	bound := b.bound(user)
	require.NoError(b, b.store.Confirm(b.ctx, bound.Worker, bound.Life, bound.Epoch))
	bound.State = claim.Serving
	return bound
}

func (b *bench) beat(host, worker string, life fleet.Life, epoch fleet.Epoch) claim.Standing {
	b.Helper()
	return b.beatWith(host, worker, life, epoch, b.terms)
}

func (b *bench) beatWith(host, worker string, life fleet.Life, epoch fleet.Epoch, t claim.Terms) claim.Standing {
	b.Helper()
	standings, err := b.store.Beat(b.ctx, fleet.Host(host), []claim.Beat{{Worker: fleet.Worker(worker), Life: life, Epoch: epoch}}, t)
	require.NoError(b, err)
	require.Len(b, standings, 1)
	return standings[0]
}

func (b *bench) reap(t claim.Terms) claim.Reaped {
	b.Helper()
	reaped, err := b.store.Reap(b.ctx, t)
	require.NoError(b, err)
	return reaped
}

func (b *bench) census() claim.Census {
	b.Helper()
	census, err := b.store.Census(b.ctx)
	require.NoError(b, err)
	return census
}

// heard makes n hosts beat, so that they count as registered.
func (b *bench) heard(n int) {
	b.Helper()
	for i := range n {
		_, err := b.store.Beat(b.ctx, fleet.Host(fmt.Sprintf("host-%02d", i)), nil, b.terms)
		require.NoError(b, err)
	}
}

// soon is long enough for every clock to show another millisecond.
func soon() { time.Sleep(2 * time.Millisecond) }
