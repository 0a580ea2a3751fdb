// Package ordertest knows what every ledger must do: one suite for the in-memory reference and the databases.
package ordertest

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/require"

	"workerfleet/runtime/fleet"
	"workerfleet/runtime/order"
)

// Keeper is what a ledger is built on.
type Keeper interface {
	order.Store
	order.Reader
	order.Switches
}

// Bench is an empty ledger and its surroundings.
type Bench struct {
	Keeper
	// Account opens the user's account with the service.
	Account func(fleet.User)
	// Session makes one the user's open session; one of epoch 0 closes it.
	Session func(fleet.User, order.Session)
	// Deny has the broker refuse the user's credentials, for a reason; for none it takes them again.
	Deny func(user fleet.User, reason string)
	// Age lets a time pass for the user: it moves every moment that is kept of the orders back, and the day by whole days.
	Age func(fleet.User, time.Duration)
}

// Run holds a ledger to the contract. fresh returns an empty one.
func Run(t *testing.T, fresh func(t *testing.T) Bench) {
	for _, test := range []struct {
		name string
		run  func(*bench)
	}{
		{"an order is accepted once by its key, and kept whole", acceptedOnce},
		{"what is refused leaves nothing behind", refusalsLeaveNothing},
		{"a day has its limit", dailyLimit},
		{"one order is in flight, in its user's sequence", oneInFlight},
		{"a user whom nobody serves gets a claim, and the order once somebody does", nobodyServes},
		{"a long queue is worked off in its sequence, and expires whole", longQueue},
		{"an order behind another one is left alone", waitsQuietly},
		{"a cancelled order ends at once, or as its worker says", cancelled},
		{"an order that nobody executed in time expires, whatever it waits for", expires},
		{"the broker's word stands over what was concluded without it", evidenceStands},
		{"an order's end counts once", endsCounted},
		{"each execution is kept once, whatever the state", fillsKept},
		{"nobody speaks for an order but its own session and the user's current one", foreignEpochs},
		{"texts of others are kept in a form that can be written", legibleTexts},
		{"an order that was not sent is marked again, or ends", unsent},
		{"a word is not taken for the answer to a later mark", staleWords},
		{"a word about an earlier mark is none about the last one", earlierMarks},
		{"a word that others have overtaken counts no more", overtakenWords},
		{"an order in doubt is looked up at once", doubt},
		{"an order in doubt never ends without a look-up", doubtedReturned},
		{"an absent order is sent again where nothing can happen twice", absentAgain},
		{"an absent order ends only when no call can land any more", absentSettles},
		{"an absent order that must not be sent again ends", absentUnwanted},
		{"an absence counts from when the broker was asked", absentAsked},
		{"an order that may be at the broker never ends by itself", doubtedLookedUp},
		{"an order outlives its worker: it is looked up by the next one", takeover},
		{"a reversal opens after it closed", reversal},
		{"a reversal that cannot go on ends half-way", reversalHalfway},
		{"a letter is repeated until the call is too late", letterRepeated},
		{"look-ups are bounded, and free the next order", lookupsBounded},
		{"what was given up is looked up by the user's next session", givenUpAtBegin},
		{"what ended by its absence is looked up once more, when somebody can be asked", lateLook},
		{"a working order is verified now and then", workingVerified},
		{"events are numbered without a gap", eventsNumbered},
		{"lists are paged, the latest first", listsPaged},
		{"switches are kept by user", switches},
		{"an operator's switch is not the user's", twoSwitches},
		{"while the broker refuses the credentials nothing is accepted, marked or claimed for", denied},
		{"what was marked for a session whose login was refused was not sent", deniedUnsent},
		{"what was marked for a session that was logged in may have been sent, and is not given up", deniedAfterCalls},
		{"what was marked before orders were switched off is taken back", withdrawn},
		{"after a restore everything is unknown, and nothing is dispatched", recovers},
		{"after a restore a user's orders keep their sequence", recoversInSequence},
		{"a reversal whose second leg's word comes alone is asked what closed its position", recoversReversal},
		{"… also when it was working before it ended", recoversReversalAtWork},
		{"… as often when nobody could be asked for a while", recoversReversalUnserved},
		{"what waits and what is due is found", waitingAndDue},
		{"a name or a text is data, whatever stands in it", textsAreData},
		{"the lowest number that may come is known", beginAt},
		{"who begins to act for a user looks at what is at the broker, one order a second", workingAtBegin},
		{"users whose orders are all at the broker are looked at last", workingLast},
		{"a turn sees what it asked for", sheetHasWanted},
		{"the mark passes from one order to another in one turn", markPasses},
		{"a turn that fails leaves nothing behind", failedTurn},
		{"crowds accept one order a key", crowdAccepts},
		{"crowds commit one outcome once", crowdCommits},
		{"turns of one user follow each other", turnsFollow},
	} {
		t.Run(test.name, func(t *testing.T) {
			b := &bench{T: t, Bench: fresh(t), ctx: t.Context()}
			b.ledger = order.New(b.Keeper, order.Rules{})
			b.Account("ann")
			test.run(b)
		})
	}
}

// bench says what the tests do in their own words. "ann" has an account, and no session.
type bench struct {
	*testing.T
	Bench
	ctx    context.Context
	ledger *order.Ledger
	number uint64
}

// served makes the epoch ann's session.
func (b *bench) served(epoch fleet.Epoch) order.Session {
	s := order.Session{Epoch: epoch, Worker: fleet.Worker(fmt.Sprint("w", epoch)), Host: fleet.Host(fmt.Sprint("h", epoch)), Life: 3}
	b.Session("ann", s)
	return s
}

func draft(key string) order.Draft {
	return order.Draft{Key: key, Symbol: "AAPL", Side: fleet.Buy, Quantity: amount("2"), Type: fleet.Market, TimeInForce: fleet.Day}
}

func amount(text string) decimal.Decimal { return decimal.RequireFromString(text) }

func (b *bench) accept(key string) order.Acceptance {
	b.Helper()
	return b.acceptDraft(draft(key))
}

func (b *bench) acceptDraft(d order.Draft) order.Acceptance {
	b.Helper()
	a, err := b.ledger.Accept(b.ctx, "ann", d)
	require.NoError(b, err)
	return a
}

func (b *bench) reversal(key string) order.Acceptance {
	b.Helper()
	d := draft(key)
	d.Side = fleet.Reverse
	return b.acceptDraft(d)
}

// says makes an outcome with the next number, of the session of that epoch.
func (b *bench) says(id fleet.OrderID, epoch fleet.Epoch, state fleet.OutcomeState, changes ...func(*fleet.Outcome)) fleet.Outcome {
	b.number++
	o := fleet.Outcome{
		Worker: fleet.Worker(fmt.Sprint("w", epoch)), Host: fleet.Host(fmt.Sprint("h", epoch)), Life: 3, User: "ann", Epoch: epoch,
		Order: id, Number: b.number, State: state,
	}
	for _, change := range changes {
		change(&o)
	}
	return o
}

func leg(n int) func(*fleet.Outcome)        { return func(o *fleet.Outcome) { o.Leg = n } }
func because(s string) func(*fleet.Outcome) { return func(o *fleet.Outcome) { o.Reason = s } }
func uncalled(o *fleet.Outcome)             { o.Uncalled = true }
func absence(settle time.Duration, resend bool) func(*fleet.Outcome) {
	return func(o *fleet.Outcome) { o.Settle, o.Resend = settle, resend }
}

func fill(id, quantity string) func(*fleet.Outcome) {
	return func(o *fleet.Outcome) {
		o.Fills = append(o.Fills, fleet.Fill{ID: id, Quantity: amount(quantity), Price: amount("10.25"), At: time.Now().Truncate(time.Millisecond)})
	}
}

// commit commits outcomes and returns the mail that is not their confirmation.
func (b *bench) commit(outcomes ...fleet.Outcome) []fleet.Mail {
	b.Helper()
	next, strays, err := b.ledger.Commit(b.ctx, "ann", outcomes)
	require.NoError(b, err)
	require.Empty(b, strays)
	var confirmed []uint64
	var other []fleet.Mail
	for _, mail := range mails(next.Mail) {
		if mail.Kind == fleet.MailCommitted {
			confirmed = append(confirmed, mail.Number)
		} else {
			other = append(other, mail)
		}
	}
	var numbers []uint64
	for _, o := range outcomes {
		numbers = append(numbers, o.Number)
	}
	require.ElementsMatch(b, numbers, confirmed)
	return other
}

func mails(letters []order.Letter) []fleet.Mail {
	var all []fleet.Mail
	for _, l := range letters {
		all = append(all, l.Mail)
	}
	return all
}

// attend lets the time pass and has ann's orders looked at.
func (b *bench) attend(after time.Duration) ([]fleet.Mail, order.Next) {
	b.Helper()
	if after > 0 {
		b.Age("ann", after)
	}
	next, err := b.ledger.Attend(b.ctx, "ann")
	require.NoError(b, err)
	return mails(next.Mail), next
}

func (b *bench) read(id fleet.OrderID) order.Record {
	b.Helper()
	r, err := b.Order(b.ctx, "ann", id)
	require.NoError(b, err)
	return r
}

// stands requires an order's state, and returns the order.
func (b *bench) stands(id fleet.OrderID, state order.State) order.Record {
	b.Helper()
	r := b.read(id)
	require.Equal(b, state, r.State, "reason: %s", r.Reason)
	return r
}

func (b *bench) halt(user fleet.User, on bool) {
	b.Helper()
	require.NoError(b, b.Halt(b.ctx, user, on, "a test"))
}

// sent requires that the mail is one letter about the order.
func (b *bench) sent(mail []fleet.Mail, kind fleet.MailKind, id fleet.OrderID) {
	b.Helper()
	require.Len(b, mail, 1)
	require.Equal(b, kind, mail[0].Kind)
	require.Equal(b, id, mail[0].Order.ID)
}
