package ordertest

import (
	"fmt"
	"strings"
	"time"

	"github.com/stretchr/testify/require"

	"workerfleet/runtime/fleet"
	"workerfleet/runtime/order"
)

func evidenceStands(b *bench) {
	b.served(7)
	a := b.accept("1")
	b.attend(time.Minute)
	b.commit(b.says(a.ID, 7, fleet.OutcomeAbsent, absence(time.Second, false)))
	require.False(b, b.stands(a.ID, order.Expired).Proven)
	b.commit(b.says(a.ID, 7, fleet.OutcomeWorking))
	require.True(b, b.stands(a.ID, order.Working).Proven, "the broker has it all the same")
	b.commit(b.says(a.ID, 7, fleet.OutcomeFilled, fill("f", "2"), func(o *fleet.Outcome) { o.BrokerID = "broker-1" }))
	r := b.stands(a.ID, order.Filled)
	require.Equal(b, "broker-1", r.BrokerID)
	require.True(b, r.CheckAt.IsZero())
	b.commit(b.says(a.ID, 7, fleet.OutcomeRejected), b.says(a.ID, 7, fleet.OutcomeWorking), b.says(a.ID, 7, fleet.OutcomeAbsent),
		b.says(a.ID, 7, fleet.OutcomeUnsent), b.says(a.ID, 7, fleet.OutcomeDoubt))
	again := b.stands(a.ID, order.Filled)
	require.True(b, again.Proven, "the broker's first final word counts")
	require.True(b, again.CheckAt.IsZero())
}

// What replaces an end, or comes after the end of all look-ups, is a correction, also with a state between.
func endsCounted(b *bench) {
	var ended []order.State
	corrected := 0
	count := func(next order.Next, err error) {
		b.Helper()
		require.NoError(b, err)
		for _, c := range next.Changes {
			if c.End {
				ended = append(ended, c.To)
			}
			if c.Corrected {
				corrected++
			}
		}
	}
	commit := func(o fleet.Outcome) {
		next, _, err := b.ledger.Commit(b.ctx, "ann", []fleet.Outcome{o})
		count(next, err)
	}
	b.served(7)
	a := b.accept("1")
	b.attend(time.Minute)
	commit(b.says(a.ID, 7, fleet.OutcomeAbsent, absence(time.Second, false)))
	require.Equal(b, []order.State{order.Expired}, ended)
	commit(b.says(a.ID, 7, fleet.OutcomeWorking))
	require.Zero(b, corrected)
	commit(b.says(a.ID, 7, fleet.OutcomeFilled))
	require.Equal(b, 1, corrected)
	b.stands(a.ID, order.Filled)

	lost := b.accept("2")
	commit(b.says(lost.ID, 7, fleet.OutcomeDoubt))
	for range 21 {
		_, next := b.attend(2 * time.Minute)
		count(next, nil)
	}
	require.Equal(b, []order.State{order.Expired, order.Unknown}, ended)
	commit(b.says(lost.ID, 7, fleet.OutcomeFilled))
	require.Equal(b, 2, corrected)
	c := b.accept("3")
	commit(b.says(c.ID, 7, fleet.OutcomeFilled))
	require.Equal(b, []order.State{order.Expired, order.Unknown, order.Filled}, ended)
}

func fillsKept(b *bench) {
	b.served(7)
	a := b.accept("1")
	half := b.says(a.ID, 7, fleet.OutcomeWorking, fill("f1", "0.5"))
	b.commit(half, half)
	b.commit(half)
	b.commit(b.says(a.ID, 7, fleet.OutcomeWorking, fill("f1", "0.5"), fill("f2", "0.25")))
	r := b.stands(a.ID, order.Working)
	require.Len(b, r.Fills, 2)
	require.Equal(b, "0.75", r.FilledQuantity().String())
	b.commit(b.says(a.ID, 7, fleet.OutcomeCancelled, fill("f2", "0.25")))
	b.commit(b.says(a.ID, 7, fleet.OutcomeFilled, fill("f3", "0.1")))
	r = b.stands(a.ID, order.Cancelled)
	require.Equal(b, "0.85", r.FilledQuantity().String(), "an execution is one, after whatever end")
	for _, f := range r.Fills {
		require.Equal(b, "10.25", f.Price.String())
		require.WithinDuration(b, time.Now(), f.At, time.Minute)
	}
	events, err := b.Events(b.ctx, "ann", 0, 100)
	require.NoError(b, err)
	require.Equal(b, "0.85", events[len(events)-1].Filled, "the user was not told")
}

func foreignEpochs(b *bench) {
	b.served(7)
	a, behind := b.accept("1"), b.accept("2")
	for name, o := range map[string]fleet.Outcome{
		"an older session":   b.says(a.ID, 6, fleet.OutcomeFilled, fill("f", "2")),
		"no session":         b.says(a.ID, 0, fleet.OutcomeFilled),
		"another user":       b.says(a.ID, 7, fleet.OutcomeFilled, func(o *fleet.Outcome) { o.User = "bea" }),
		"an unmarked order":  b.says(behind.ID, 0, fleet.OutcomeFilled),
		"an older absence":   b.says(a.ID, 6, fleet.OutcomeAbsent),
		"an older hesitance": b.says(a.ID, 6, fleet.OutcomeUnsent),
	} {
		require.Empty(b, b.commit(o), name)
		require.Empty(b, b.stands(a.ID, order.Dispatched).Fills, name)
		b.stands(behind.ID, order.Accepted)
	}
	b.served(9)
	require.Empty(b, b.commit(b.says(a.ID, 7, fleet.OutcomeAbsent, absence(0, true))), "absent, by one who may still call")
	b.stands(a.ID, order.Dispatched)
	require.Empty(b, b.commit(b.says(a.ID, 9, fleet.OutcomeUnsent)), "unsent, by one who cannot know")
	b.stands(a.ID, order.Dispatched)
	for name, o := range map[string]fleet.Outcome{
		"in doubt, by one who did not try":    b.says(a.ID, 9, fleet.OutcomeDoubt),
		"filled, by a session in the middle":  b.says(a.ID, 8, fleet.OutcomeFilled),
		"filled, by one who is not there yet": b.says(a.ID, 10, fleet.OutcomeFilled),
	} {
		require.Empty(b, b.commit(o), name)
		b.stands(a.ID, order.Dispatched)
	}
	b.sent(b.commit(b.says(a.ID, 7, fleet.OutcomeFilled)), fleet.MailOrder, behind.ID)
	b.stands(a.ID, order.Filled)

	stray := b.says("lost", 9, fleet.OutcomeFilled)
	next, strays, err := b.ledger.Commit(b.ctx, "ann", []fleet.Outcome{stray})
	require.NoError(b, err)
	require.Equal(b, []fleet.Outcome{stray}, strays)
	require.Equal(b, fleet.MailCommitted, next.Mail[0].Mail.Kind)
}

func legibleTexts(b *bench) {
	b.served(7)
	a := b.accept("1")
	b.commit(b.says(a.ID, 7, fleet.OutcomeRejected, because("no\x00 \xff "+strings.Repeat("ü", 1000)), fill("f\x00", "1"),
		func(o *fleet.Outcome) { o.BrokerID = "\xc3" }))
	r := b.stands(a.ID, order.Rejected)
	require.True(b, strings.HasPrefix(r.Reason, "no? ? ü"), r.Reason)
	require.LessOrEqual(b, len(r.Reason), 500)
	require.Equal(b, "f?", r.Fills[0].ID)
	require.Equal(b, "?", r.BrokerID)
}

func unsent(b *bench) {
	b.served(7)
	a := b.accept("1")
	require.Empty(b, b.commit(b.says(a.ID, 7, fleet.OutcomeUnsent, because("the line is down"))), "at once it would be down again")
	mail, _ := b.attend(600 * time.Millisecond)
	b.sent(mail, fleet.MailOrder, a.ID)
	r := b.stands(a.ID, order.Dispatched)
	require.True(b, mail[0].Order.EmitBy.Truncate(time.Millisecond).Equal(r.EmitBy.Truncate(time.Millisecond)), "it has a moment of its own")
	b.served(0)
	require.Empty(b, b.commit(b.says(a.ID, 7, fleet.OutcomeUnsent)))
	r = b.stands(a.ID, order.Accepted)
	require.Zero(b, r.Epoch)
	b.served(8)
	mail, _ = b.attend(0)
	b.sent(mail, fleet.MailOrder, a.ID)
	b.Age("ann", time.Minute)
	b.commit(b.says(a.ID, 8, fleet.OutcomeUnsent, because("too late")))
	require.Equal(b, "too late", b.stands(a.ID, order.Expired).Reason)

	second := b.accept("2")
	b.halt("ann", true)
	b.commit(b.says(second.ID, 8, fleet.OutcomeUnsent))
	b.stands(second.ID, order.Cancelled)
}

func staleWords(b *bench) {
	b.served(7)
	a := b.accept("1")
	first := b.says(a.ID, 7, fleet.OutcomeUnsent)
	b.sent(b.commit(first), fleet.MailOrder, a.ID)
	_, _, err := b.ledger.Cancel(b.ctx, "ann", a.ID)
	require.NoError(b, err)
	b.commit(first)
	b.stands(a.ID, order.Dispatched)
	b.commit(b.says(a.ID, 7, fleet.OutcomeFilled))
	require.True(b, b.stands(a.ID, order.Filled).Proven)

	second := b.reversal("2")
	early := b.says(second.ID, 7, fleet.OutcomeAbsent, leg(1), absence(0, false))
	b.commit(b.says(second.ID, 7, fleet.OutcomeFilled, leg(1)))
	b.Age("ann", time.Minute)
	b.commit(early)
	b.stands(second.ID, order.Unknown)
}

// overtakenWords has a worker's words come late, after others have spoken: what an earlier mark came to, or a session before
// the one that was heard last, is no answer to a later mark.
func overtakenWords(b *bench) {
	b.served(7)
	a := b.accept("1")
	unsent := b.says(a.ID, 7, fleet.OutcomeUnsent)
	b.commit(b.says(a.ID, 7, fleet.OutcomeDoubt))
	b.served(9)
	b.commit(b.says(a.ID, 9, fleet.OutcomeAbsent, absence(time.Minute, false)))
	require.Empty(b, b.commit(unsent), "it is sent again, and may be there")
	b.stands(a.ID, order.Unknown)

	refused := b.says(a.ID, 9, fleet.OutcomeRejected, because("not today"))
	b.sent(b.commit(b.says(a.ID, 9, fleet.OutcomeAbsent, absence(time.Minute, true))), fleet.MailOrder, a.ID)
	b.commit(refused)
	b.stands(a.ID, order.Dispatched)
	b.commit(b.says(a.ID, 9, fleet.OutcomeFilled, fill("f", "2")))
	b.stands(a.ID, order.Filled)
}

// earlierMarks has the broker's absence make an order marked again, while its worker executes the mark before: what that one comes
// to says nothing about the next, which the broker may take.
func earlierMarks(b *bench) {
	b.served(7)
	marked := func(mail []fleet.Mail) func(*fleet.Outcome) {
		b.sent(mail, fleet.MailOrder, mail[0].Order.ID)
		return func(o *fleet.Outcome) { o.Mark = mail[0].Order.EmitBy }
	}
	for i, state := range []fleet.OutcomeState{fleet.OutcomeRejected, fleet.OutcomeUnsent, fleet.OutcomeDoubt} {
		a := b.accept(fmt.Sprint(i))
		first := marked(b.repeated())
		time.Sleep(2 * time.Millisecond) // a mark's moment is the time that it was made
		second := marked(b.commit(b.says(a.ID, 7, fleet.OutcomeAbsent, absence(time.Minute, true))))
		_, _, err := b.ledger.Cancel(b.ctx, "ann", a.ID) // which has what is not on its way end
		require.NoError(b, err)
		b.commit(b.says(a.ID, 7, state, first))
		b.stands(a.ID, order.Dispatched)
		b.commit(b.says(a.ID, 7, fleet.OutcomeRejected, second, because("not today")))
		r := b.stands(a.ID, order.Rejected)
		require.Equal(b, state != fleet.OutcomeDoubt, r.Proven)
		require.Equal(b, r.Proven, r.CheckAt.IsZero(), "a call that is in doubt may still land")
		b.commit(b.says(a.ID, 7, fleet.OutcomeFilled, fill("f", "2")))
		b.stands(a.ID, map[bool]order.State{true: order.Rejected, false: order.Filled}[r.Proven])
	}
}

// repeated are the letters of the order that is on its way, said again.
func (b *bench) repeated() []fleet.Mail {
	b.Helper()
	mail, _ := b.attend(1100 * time.Millisecond)
	return mail
}

func doubt(b *bench) {
	b.served(7)
	a := b.accept("1")
	b.sent(b.commit(b.says(a.ID, 7, fleet.OutcomeDoubt, because("no answer"))), fleet.MailVerify, a.ID)
	r := b.stands(a.ID, order.Unknown)
	require.Equal(b, "no answer", r.Reason)
	require.False(b, r.CheckAt.IsZero())
}

// doubtedReturned has an order in doubt come back as one that nobody is asked to execute; the call that was in doubt may
// still land, whatever is said of the next one.
func doubtedReturned(b *bench) {
	b.served(7)
	returned := func(key string) order.Acceptance {
		a := b.accept(key)
		b.commit(b.says(a.ID, 7, fleet.OutcomeDoubt))
		b.commit(b.says(a.ID, 7, fleet.OutcomeAbsent, absence(time.Hour, true)))
		require.Empty(b, b.commit(b.says(a.ID, 7, fleet.OutcomeUnsent, because("the line is down"))))
		require.True(b, b.stands(a.ID, order.Accepted).Doubted)
		return a
	}
	cancelled := returned("1")
	_, next, err := b.ledger.Cancel(b.ctx, "ann", cancelled.ID)
	require.NoError(b, err)
	b.sent(mails(next.Mail), fleet.MailCancel, cancelled.ID)
	b.stands(cancelled.ID, order.Unknown)
	b.commit(b.says(cancelled.ID, 7, fleet.OutcomeFilled, fill("late", "2")))
	b.stands(cancelled.ID, order.Filled)

	expired := returned("2")
	mail, _ := b.attend(61 * time.Second)
	b.sent(mail, fleet.MailVerify, expired.ID)
	b.stands(expired.ID, order.Unknown)
	b.commit(b.says(expired.ID, 7, fleet.OutcomeAbsent, absence(time.Second, true)))
	b.stands(expired.ID, order.Expired)
}

func absentAgain(b *bench) {
	b.served(7)
	a := b.accept("1")
	b.commit(b.says(a.ID, 7, fleet.OutcomeDoubt))
	before := b.read(a.ID)
	b.sent(b.commit(b.says(a.ID, 7, fleet.OutcomeAbsent, absence(time.Hour, true))), fleet.MailOrder, a.ID)
	r := b.stands(a.ID, order.Dispatched)
	require.False(b, r.EmitBy.Before(before.EmitBy))
	b.Age("ann", time.Minute)
	b.commit(b.says(a.ID, 7, fleet.OutcomeAbsent, absence(time.Second, true)))
	require.False(b, b.stands(a.ID, order.Expired).CheckAt.IsZero(), "it is not looked up once more")
}

func absentSettles(b *bench) {
	b.served(7)
	a, behind := b.accept("1"), b.accept("2")
	const settle = 5 * time.Second
	require.Empty(b, b.commit(b.says(a.ID, 7, fleet.OutcomeAbsent, absence(settle, false))), "a call may still land")
	r := b.stands(a.ID, order.Unknown)
	require.WithinDuration(b, a.EmitBy.Add(settle), r.CheckAt, 2*time.Millisecond)
	b.Age("ann", 11*time.Second)
	require.Empty(b, b.commit(b.says(a.ID, 7, fleet.OutcomeAbsent, absence(settle, false))), "no call starts, but one may land")
	b.stands(a.ID, order.Unknown)
	mail, _ := b.attend(5 * time.Second)
	b.sent(mail, fleet.MailVerify, a.ID)
	b.sent(b.commit(b.says(a.ID, 7, fleet.OutcomeAbsent, absence(settle, false))), fleet.MailOrder, behind.ID)
	r = b.stands(a.ID, order.Expired)
	require.False(b, r.Proven)
	b.commit(b.says(behind.ID, 7, fleet.OutcomeFilled))

	mail, _ = b.attend(50 * time.Second)
	require.Empty(b, mail)
	mail, _ = b.attend(11 * time.Second)
	b.sent(mail, fleet.MailVerify, a.ID)
	require.True(b, b.stands(a.ID, order.Expired).CheckAt.IsZero())
	b.commit(b.says(a.ID, 7, fleet.OutcomeFilled, fill("late", "2")))
	r = b.stands(a.ID, order.Filled)
	require.Equal(b, "2", r.FilledQuantity().String())
}

func absentUnwanted(b *bench) {
	b.served(7)
	absent := func(id fleet.OrderID) fleet.Outcome {
		return b.says(id, 7, fleet.OutcomeAbsent, absence(-time.Minute, true)) // nothing can land any more
	}
	reversed := b.reversal("1")
	require.Empty(b, b.commit(b.says(reversed.ID, 7, fleet.OutcomeAbsent, leg(1), absence(-time.Minute, true))), "a reversal is not sent again")
	b.stands(reversed.ID, order.Expired)

	unwanted := b.accept("2")
	_, _, err := b.ledger.Cancel(b.ctx, "ann", unwanted.ID)
	require.NoError(b, err)
	require.Empty(b, b.commit(absent(unwanted.ID)))
	b.stands(unwanted.ID, order.Cancelled)

	halted := b.accept("3")
	b.halt("", true)
	require.Empty(b, b.commit(absent(halted.ID)))
	b.stands(halted.ID, order.Expired)
}

func takeover(b *bench) {
	b.served(7)
	a, behind := b.accept("1"), b.accept("2")
	b.served(0)
	mail, next := b.attend(time.Second)
	require.Empty(b, mail)
	require.True(b, next.Claim)
	r := b.stands(a.ID, order.Unknown)
	require.Equal(b, fleet.Epoch(7), r.Epoch)
	b.served(9)
	mail, _ = b.attend(2 * time.Second)
	b.sent(mail, fleet.MailVerify, a.ID)
	require.Equal(b, fleet.Epoch(9), mail[0].Epoch)
	require.Equal(b, fleet.Worker("w9"), mail[0].Worker)
	b.stands(behind.ID, order.Accepted)
	b.sent(b.commit(b.says(a.ID, 9, fleet.OutcomeWorking, fill("f", "1"))), fleet.MailOrder, behind.ID)
	b.stands(a.ID, order.Working)
	b.commit(b.says(a.ID, 7, fleet.OutcomeFilled, fill("f", "1"), fill("g", "1")))
	r = b.stands(a.ID, order.Filled)
	require.Equal(b, "2", r.FilledQuantity().String(), "who sent it has its word too")

	b.served(10)
	mail, _ = b.attend(time.Second)
	b.sent(mail, fleet.MailVerify, behind.ID)
	b.stands(behind.ID, order.Unknown)
}

func reversal(b *bench) {
	b.served(7)
	a, behind := b.reversal("1"), b.accept("2")
	require.Equal(b, 1, a.Leg)
	b.commit(b.says(a.ID, 7, fleet.OutcomeWorking, leg(1), fill("c1", "3")))
	r := b.stands(a.ID, order.Dispatched)
	require.Len(b, r.Fills, 1)
	closed := b.says(a.ID, 7, fleet.OutcomeFilled, leg(1), fill("c1", "3"), fill("c2", "1"))
	require.Empty(b, b.commit(closed, closed))
	r = b.stands(a.ID, order.Dispatched)
	require.Equal(b, 2, r.Leg)
	require.WithinDuration(b, time.Now().Add(order.LegLimit), r.EmitBy, 2*time.Second)
	require.True(b, r.FilledQuantity().IsZero())
	b.stands(behind.ID, order.Accepted)
	b.sent(b.commit(b.says(a.ID, 7, fleet.OutcomeWorking, leg(2), fill("c1", "1"))), fleet.MailOrder, behind.ID)
	b.commit(b.says(a.ID, 7, fleet.OutcomeFilled, leg(2), fill("o2", "1")), closed)
	r = b.stands(a.ID, order.Filled)
	require.Equal(b, "2", r.FilledQuantity().String(), "fills of the legs are told apart")
	require.Len(b, r.Fills, 4)

	refused := b.reversal("3")
	b.commit(b.says(behind.ID, 7, fleet.OutcomeFilled))
	b.commit(b.says(refused.ID, 7, fleet.OutcomeRejected, leg(1), because("closed")))
	r = b.stands(refused.ID, order.Rejected)
	require.True(b, r.Proven)
	require.Contains(b, r.Reason, "closed")
}

func reversalHalfway(b *bench) {
	b.served(7)
	half := func(id fleet.OrderID) {
		b.Helper()
		require.Contains(b, b.stands(id, order.Cancelled).Reason, "ended after it closed the position")
	}
	unsent := b.reversal("1")
	closed, stopped := b.says(unsent.ID, 7, fleet.OutcomeFilled, leg(1)), b.says(unsent.ID, 7, fleet.OutcomeUnsent, leg(2), because("too late"))
	b.commit(stopped, closed)
	half(unsent.ID)
	require.Contains(b, b.read(unsent.ID).Reason, "too late", "what was said first is taken first")

	overtaken := b.reversal("6")
	closed, stopped = b.says(overtaken.ID, 7, fleet.OutcomeFilled, leg(1), fill("f6", "1")), b.says(overtaken.ID, 7, fleet.OutcomeUnsent, leg(2), because("too late"))
	b.commit(stopped)
	require.Contains(b, b.stands(overtaken.ID, order.Unknown).Reason, "too late", "what was filled may be lost on its way")
	mail, _ := b.attend(5 * time.Second)
	b.sent(mail, fleet.MailVerify, overtaken.ID)
	b.commit(closed)
	require.Len(b, b.stands(overtaken.ID, order.Unknown).Fills, 1, "what was filled counts, whenever it is heard")
	b.Age("ann", time.Minute)
	b.commit(b.says(overtaken.ID, 7, fleet.OutcomeAbsent, leg(2), absence(time.Second, true)))
	half(overtaken.ID)

	absent := b.reversal("2")
	b.commit(b.says(absent.ID, 7, fleet.OutcomeFilled, leg(1)))
	b.commit(b.says(absent.ID, 7, fleet.OutcomeAbsent, leg(2), absence(time.Second, true)))
	b.stands(absent.ID, order.Unknown)
	b.Age("ann", order.LegLimit+2*time.Second)
	b.commit(b.says(absent.ID, 7, fleet.OutcomeAbsent, leg(2), absence(time.Second, true)))
	half(absent.ID)

	orphan := b.reversal("3")
	b.commit(b.says(orphan.ID, 7, fleet.OutcomeFilled, leg(1)))
	b.served(9)
	mail, _ = b.attend(order.LegLimit + 3*time.Second)
	b.sent(mail, fleet.MailVerify, orphan.ID)
	b.commit(b.says(orphan.ID, 9, fleet.OutcomeAbsent, leg(2), absence(time.Second, false)))
	half(orphan.ID)

	late := b.reversal("4")
	b.attend(2 * time.Minute)
	b.commit(b.says(late.ID, 9, fleet.OutcomeAbsent, leg(1), absence(time.Second, false)))
	b.stands(late.ID, order.Expired)
	second := b.accept("5")
	b.commit(b.says(late.ID, 9, fleet.OutcomeWorking, leg(1)))
	b.stands(late.ID, order.Working)
	b.commit(b.says(late.ID, 9, fleet.OutcomeFilled, leg(1)))
	half(late.ID)
	b.stands(second.ID, order.Dispatched)
}
