package ordertest

import (
	"fmt"
	"time"

	"github.com/stretchr/testify/require"

	"workerfleet/runtime/fleet"
	"workerfleet/runtime/order"
)

func letterRepeated(b *bench) {
	b.served(7)
	a := b.accept("1")
	mail, _ := b.attend(50 * time.Millisecond)
	require.Empty(b, mail)
	for n, pause := range []time.Duration{500 * time.Millisecond, 600 * time.Millisecond, 1100 * time.Millisecond, 2100 * time.Millisecond, 2100 * time.Millisecond} {
		mail, _ = b.attend(pause)
		b.sent(mail, fleet.MailOrder, a.ID)
		require.True(b, mail[0].Order.EmitBy.After(time.Now()), "letter %d", n)
	}
	mail, _ = b.attend(5 * time.Second)
	b.sent(mail, fleet.MailVerify, a.ID)
	b.stands(a.ID, order.Unknown)
}

func lookupsBounded(b *bench) {
	b.served(7)
	a, behind := b.accept("1"), b.accept("2")
	b.commit(b.says(a.ID, 7, fleet.OutcomeDoubt))
	looks := 1
	for ; looks < 100; looks++ {
		b.Age("ann", 61*time.Second)
		if _, next := b.attend(0); len(next.Mail) == 0 {
			break
		}
	}
	require.Equal(b, 20, looks)
	r := b.stands(a.ID, order.Unknown)
	require.True(b, r.CheckAt.IsZero(), "it is given up")
	require.Contains(b, r.Reason, "given up")
	b.stands(behind.ID, order.Expired)
	third := b.accept("3")
	require.Equal(b, order.Dispatched, third.State, "what was given up holds nobody back")
	b.commit(b.says(a.ID, 7, fleet.OutcomeFilled))
	b.stands(a.ID, order.Filled)
	b.stands(third.ID, order.Dispatched)
}

func givenUpAtBegin(b *bench) {
	b.served(7)
	a := b.accept("1")
	b.commit(b.says(a.ID, 7, fleet.OutcomeDoubt, because("the line was cut")))
	giveUp := func() (changes []order.Change) {
		for looks := 0; !b.read(a.ID).CheckAt.IsZero(); looks++ {
			require.Less(b, looks, 100)
			_, next := b.attend(61 * time.Second)
			changes = append(changes, next.Changes...)
		}
		return changes
	}
	require.Len(b, giveUp(), 1, "operators are told")
	r := b.stands(a.ID, order.Unknown)
	require.Equal(b, "given up after many look-ups: the line was cut", r.Reason)
	told, err := b.Events(b.ctx, "ann", 0, 100)
	require.NoError(b, err)
	later := b.accept("2")
	b.commit(b.says(later.ID, 7, fleet.OutcomeFilled))
	b.Account("bea")
	_, err = b.BeginAt(b.ctx, "bea")
	require.NoError(b, err)
	require.True(b, b.read(a.ID).CheckAt.IsZero(), "another user's session")

	begin := func(epoch fleet.Epoch, kind fleet.MailKind) {
		b.served(epoch)
		lowest, err := b.BeginAt(b.ctx, "ann")
		require.NoError(b, err)
		require.Equal(b, a.Sequence, lowest, "the worker would not take the letter")
		r := b.read(a.ID)
		require.WithinDuration(b, time.Now().Add(order.LookPause), r.CheckAt, 400*time.Millisecond)
		require.Zero(b, r.Checks)
		next, err := b.ledger.Serve(b.ctx, "ann")
		require.NoError(b, err)
		require.Len(b, next.Mail, 1)
		b.sent(mails(next.Mail), kind, a.ID)
	}
	begin(8, fleet.MailVerify)
	require.Empty(b, giveUp(), "operators are told again")
	require.Equal(b, r.Reason, b.stands(a.ID, order.Unknown).Reason)
	events, err := b.Events(b.ctx, "ann", told[len(told)-1].Number, 100)
	require.NoError(b, err)
	for _, e := range events {
		require.Equal(b, later.ID, e.Order, "the user is told again")
	}
	_, next, err := b.ledger.Cancel(b.ctx, "ann", a.ID)
	require.NoError(b, err)
	b.sent(mails(next.Mail), fleet.MailCancel, a.ID)
	mail, _ := b.attend(time.Second)
	b.sent(mail, fleet.MailCancel, a.ID)
	giveUp()
	begin(9, fleet.MailCancel)
	b.commit(b.says(a.ID, 9, fleet.OutcomeFilled))
	b.stands(a.ID, order.Filled)
}

func lateLook(b *bench) {
	b.served(7)
	a := b.accept("1")
	b.commit(b.says(a.ID, 7, fleet.OutcomeDoubt))
	b.Age("ann", 2*time.Minute)
	b.commit(b.says(a.ID, 7, fleet.OutcomeAbsent, absence(time.Second, true)))
	b.stands(a.ID, order.Expired)
	b.served(0)
	for range 3 {
		mail, next := b.attend(11 * time.Minute)
		require.Empty(b, mail)
		require.True(b, next.Claim, "nobody is wanted who could be asked")
	}
	b.served(8)
	mail, _ := b.attend(11 * time.Minute)
	b.sent(mail, fleet.MailVerify, a.ID)
	require.True(b, b.read(a.ID).CheckAt.IsZero())
	b.commit(b.says(a.ID, 8, fleet.OutcomeFilled, fill("late", "2")))
	b.stands(a.ID, order.Filled)
}

func workingVerified(b *bench) {
	b.served(7)
	a := b.accept("1")
	b.commit(b.says(a.ID, 7, fleet.OutcomeWorking))
	mail, _ := b.attend(29 * time.Second)
	require.Empty(b, mail)
	for _, pause := range []time.Duration{2 * time.Second, 31 * time.Second, 61 * time.Second, 121 * time.Second} {
		mail, _ = b.attend(pause)
		b.sent(mail, fleet.MailVerify, a.ID)
	}
	b.served(0)
	mail, next := b.attend(time.Hour)
	require.Empty(b, mail)
	require.True(b, next.Claim)
	b.stands(a.ID, order.Working)
}

func recovers(b *bench) {
	b.served(7)
	ended, working := b.accept("0"), b.accept("1")
	b.commit(b.says(ended.ID, 7, fleet.OutcomeFilled))
	b.commit(b.says(working.ID, 7, fleet.OutcomeWorking))
	marked, waiting := b.accept("2"), b.accept("3")
	b.Account("bea")
	other, err := b.ledger.Accept(b.ctx, "bea", draft("1"))
	require.NoError(b, err)

	unsettled := func(want int) {
		b.Helper()
		n, err := b.Unsettled(b.ctx)
		require.NoError(b, err)
		require.Equal(b, want, n)
	}
	unsettled(0)
	unknown, err := b.Recover(b.ctx)
	require.NoError(b, err)
	require.Equal(b, 4, unknown)
	unsettled(4)
	b.stands(ended.ID, order.Filled)
	for _, id := range []fleet.OrderID{working.ID, marked.ID, waiting.ID} {
		r := b.stands(id, order.Unknown)
		require.Equal(b, order.Recovering, r.Reason)
		require.True(b, r.Doubted, "it ends by itself, though it may be at the broker")
		require.False(b, r.Proven, "what followed from an absence would never be replaced")
	}
	r, err := b.Order(b.ctx, "bea", other.ID)
	require.NoError(b, err)
	require.Equal(b, order.Unknown, r.State)
	halts, err := b.Halts(b.ctx)
	require.NoError(b, err)
	require.Len(b, halts, 1)
	require.Equal(b, order.Recovering, halts[0].Reason)

	mail, _ := b.attend(time.Millisecond)
	require.Len(b, mail, 3)
	for _, m := range mail {
		require.Equal(b, fleet.MailVerify, m.Kind)
	}
	b.halt("", false)
	mail, _ = b.attend(0)
	require.Empty(b, mail)
	b.commit(b.says(working.ID, 7, fleet.OutcomeFilled), b.says(marked.ID, 7, fleet.OutcomeFilled))
	require.Empty(b, b.commit(b.says(waiting.ID, 7, fleet.OutcomeAbsent, absence(0, false))))
	r = b.stands(waiting.ID, order.Unknown)
	require.True(b, r.EmitBy.Equal(r.ValidUntil), "a mark that was lost may let a worker call until then")
	b.sent(b.commit(b.says(waiting.ID, 7, fleet.OutcomeAbsent, absence(0, true))), fleet.MailOrder, waiting.ID)
}

// Of several orders that are looked up at once, a later one may be found absent first. It goes when the one before it ended.
func recoversInSequence(b *bench) {
	b.served(7)
	first, second := b.accept("1"), b.accept("2")
	_, err := b.Recover(b.ctx)
	require.NoError(b, err)
	b.halt("", false)
	b.sent(b.commit(b.says(second.ID, 7, fleet.OutcomeAbsent, absence(0, true))), fleet.MailVerify, first.ID)
	b.stands(second.ID, order.Accepted)
	mail := b.commit(b.says(first.ID, 7, fleet.OutcomeFilled))
	if len(mail) == 0 {
		mail, _ = b.attend(2100 * time.Millisecond)
	}
	b.sent(mail, fleet.MailOrder, second.ID)
}

// What the first leg executed was written after the backup, and the second one's word came after the restore: the order has
// ended, and is asked for until the ledger has both, or for as long as others are.
func recoversReversal(b *bench) {
	b.served(7)
	r := b.reversal("1")
	_, err := b.Recover(b.ctx)
	require.NoError(b, err)
	b.commit(b.says(r.ID, 7, fleet.OutcomeFilled, leg(2)))
	b.stands(r.ID, order.Filled)
	for range 2 {
		mail, _ := b.attend(10 * time.Minute)
		b.sent(mail, fleet.MailVerify, r.ID)
	}
	b.commit(b.says(r.ID, 7, fleet.OutcomeFilled, leg(1), fill("f1", "3")))
	b.commit(b.says(r.ID, 7, fleet.OutcomeFilled, leg(2)))
	b.attend(10 * time.Minute) // one more look, as for others
	mail, _ := b.attend(10 * time.Minute)
	require.Empty(b, mail)
	require.True(b, b.stands(r.ID, order.Filled).CheckAt.IsZero())
}

// The second leg was working before it ended: that is no word of the first one.
func recoversReversalAtWork(b *bench) {
	b.served(7)
	r := b.reversal("1")
	_, err := b.Recover(b.ctx)
	require.NoError(b, err)
	b.commit(b.says(r.ID, 7, fleet.OutcomeWorking, leg(2)), b.says(r.ID, 7, fleet.OutcomeFilled, leg(2)))
	b.stands(r.ID, order.Filled)
	mail, _ := b.attend(10 * time.Minute)
	b.sent(mail, fleet.MailVerify, r.ID)
}

// Nobody can be asked for a while what the first leg executed. That takes none of the looks away: the first one's answer may be lost.
func recoversReversalUnserved(b *bench) {
	b.served(7)
	r := b.reversal("1")
	_, err := b.Recover(b.ctx)
	require.NoError(b, err)
	b.commit(b.says(r.ID, 7, fleet.OutcomeFilled, leg(2)))
	b.Session("ann", order.Session{})
	for range 10 {
		mail, next := b.attend(10 * time.Minute)
		require.Empty(b, mail)
		require.True(b, next.Claim, "somebody has to be asked")
	}
	b.served(8)
	for range 2 {
		mail, _ := b.attend(10 * time.Minute)
		b.sent(mail, fleet.MailVerify, r.ID)
	}
}

func waitingAndDue(b *bench) {
	waits, err := b.Waiting(b.ctx)
	require.NoError(b, err)
	require.Zero(b, waits)
	for n, user := range []fleet.User{"ann", "bea", "cid"} {
		b.Account(user)
		_, err := b.ledger.Accept(b.ctx, user, draft("1"))
		require.NoError(b, err)
		b.Age(user, time.Duration(10+n)*time.Second)
	}
	waits, err = b.Waiting(b.ctx)
	require.NoError(b, err)
	require.InDelta(b, 12, waits.Seconds(), 2)
	for limit, want := range map[int][]fleet.User{10: {"cid", "bea", "ann"}, 2: {"cid", "bea"}} {
		due, err := b.Due(b.ctx, limit)
		require.NoError(b, err)
		require.Equal(b, want, due)
	}
	_, err = b.ledger.Attend(b.ctx, "cid")
	require.NoError(b, err)
	due, err := b.Due(b.ctx, 10)
	require.NoError(b, err)
	require.Equal(b, []fleet.User{"bea", "ann"}, due)
	b.served(7)
	b.attend(0)
	for _, user := range []fleet.User{"bea", "cid"} {
		b.Session(user, order.Session{Epoch: 7, Worker: "w", Host: "h", Life: 1})
		_, err := b.ledger.Attend(b.ctx, user)
		require.NoError(b, err)
	}
	waits, err = b.Waiting(b.ctx)
	require.NoError(b, err)
	require.Zero(b, waits, "what is dispatched does not wait")
}

func beginAt(b *bench) {
	lowest := func(want uint64) {
		b.Helper()
		at, err := b.BeginAt(b.ctx, "ann")
		require.NoError(b, err)
		require.Equal(b, want, at)
	}
	lowest(1)
	ids := make([]fleet.OrderID, 4)
	for i := range ids {
		ids[i] = b.accept(fmt.Sprint(i)).ID
	}
	lowest(1)
	_, _, err := b.ledger.Cancel(b.ctx, "ann", ids[0])
	require.NoError(b, err)
	lowest(2)
	b.served(7)
	b.attend(0)
	lowest(2)
	b.commit(b.says(ids[1], 7, fleet.OutcomeDoubt))
	lowest(2)
	b.commit(b.says(ids[1], 7, fleet.OutcomeWorking))
	lowest(3)
	b.commit(b.says(ids[2], 7, fleet.OutcomeFilled))
	lowest(4)
	b.commit(b.says(ids[3], 7, fleet.OutcomeFilled))
	lowest(5)
	at, err := b.BeginAt(b.ctx, "nobody")
	require.NoError(b, err)
	require.Equal(b, uint64(1), at)
}

func workingAtBegin(b *bench) {
	b.served(7)
	var ids []fleet.OrderID
	for n := range 4 {
		ids = append(ids, b.accept(fmt.Sprint(n)).ID)
		if n < 3 {
			b.commit(b.says(ids[n], 7, fleet.OutcomeWorking))
		}
	}
	b.commit(b.says(ids[3], 7, fleet.OutcomeFilled))
	b.Account("bea")
	b.Session("bea", order.Session{Epoch: 7, Worker: "w", Host: "h", Life: 1})
	other, err := b.ledger.Accept(b.ctx, "bea", draft("1"))
	require.NoError(b, err)
	b.Age("ann", 28500*time.Millisecond) // each is looked at in a second and a half
	b.served(8)
	lowest, err := b.BeginAt(b.ctx, "ann")
	require.NoError(b, err)
	require.Equal(b, uint64(5), lowest)
	for i, want := range []time.Duration{time.Second, 1500 * time.Millisecond, 1500 * time.Millisecond} {
		require.WithinDuration(b, time.Now().Add(want), b.read(ids[i]).CheckAt, 400*time.Millisecond, "order %d", i)
	}
	b.Age("ann", -time.Hour)
	_, err = b.BeginAt(b.ctx, "ann")
	require.NoError(b, err)
	mail, _ := b.attend(0)
	require.Empty(b, mail)
	b.Age("ann", time.Second)
	mail, _ = b.attend(0)
	b.sent(mail, fleet.MailVerify, ids[0])
	b.Age("ann", time.Second)
	mail, _ = b.attend(0)
	b.sent(mail, fleet.MailVerify, ids[1])
	r, err := b.Order(b.ctx, "bea", other.ID)
	require.NoError(b, err)
	require.Equal(b, plain(other.Record), plain(r), "another user's")
	require.True(b, b.read(ids[3]).CheckAt.IsZero(), "what has ended is looked at again")
}

func workingLast(b *bench) {
	accept := func(user fleet.User, overdue time.Duration) order.Acceptance {
		b.Account(user)
		b.Session(user, order.Session{Epoch: 7, Worker: "w7", Host: "h7", Life: 3})
		a, err := b.ledger.Accept(b.ctx, user, draft("1"))
		require.NoError(b, err)
		b.Age(user, overdue)
		return a
	}
	first := accept("ann", 0)
	b.commit(b.says(first.ID, 7, fleet.OutcomeWorking))
	b.Age("ann", time.Hour)
	accept("bea", 10*time.Second)
	accept("cid", 20*time.Second)
	for limit, want := range map[int][]fleet.User{10: {"cid", "bea", "ann"}, 1: {"cid"}} {
		due, err := b.Due(b.ctx, limit)
		require.NoError(b, err)
		require.Equal(b, want, due)
	}
}
