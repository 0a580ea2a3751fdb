package fleet_test

import (
	"bytes"
	"encoding/json"
	"testing"
	"time"

	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/require"

	"workerfleet/runtime/fleet"
	"workerfleet/runtime/fleet/fleettest"
)

var noon = time.Date(2026, 3, 2, 12, 0, 0, 5e8, time.UTC)

// orderOnTheWay has every field that an order may have.
func orderOnTheWay() *fleet.Order {
	return &fleet.Order{
		ID: "O1", Sequence: 7, Symbol: "AAPL", Side: fleet.Reverse, Quantity: decimal.RequireFromString("1.5"), Type: fleet.Limit,
		LimitPrice: decimal.RequireFromString("9.99"), TimeInForce: fleet.GoodTillCancelled, EmitBy: noon,
	}
}

// mails are one of each kind, with every field that counts for it.
func mails() []fleet.Mail {
	of := fleet.Mail{Worker: "w1", Life: 2, User: "ann", Epoch: 9}
	var all []fleet.Mail
	add := func(kind fleet.MailKind, fill func(m *fleet.Mail)) {
		m := of
		m.Kind = kind
		fill(&m)
		all = append(all, m)
	}
	add(fleet.MailAssign, func(m *fleet.Mail) { m.Sealed, m.ReplyTo, m.BeginAt = []byte{0, 255}, "api-1", 3 })
	add(fleet.MailRelease, func(*fleet.Mail) {})
	for _, kind := range []fleet.MailKind{fleet.MailOrder, fleet.MailCancel, fleet.MailWithdraw, fleet.MailVerify} {
		add(kind, func(m *fleet.Mail) { m.Order = orderOnTheWay() })
	}
	add(fleet.MailCommitted, func(m *fleet.Mail) { m.Number = 4 })
	return all
}

// outcomes are one of each state.
func outcomes() []fleet.Outcome {
	of := fleet.Outcome{Worker: "w1", Host: "h1", Life: 2, User: "ann", Epoch: 9, Order: "O1", Number: 4, At: noon}
	var all []fleet.Outcome
	for _, state := range []fleet.OutcomeState{
		fleet.OutcomeWorking, fleet.OutcomeFilled, fleet.OutcomeRejected, fleet.OutcomeCancelled, fleet.OutcomeExpired,
		fleet.OutcomeUnsent, fleet.OutcomeDoubt, fleet.OutcomeAbsent, fleet.OutcomeDenied,
	} {
		o := of
		o.State = state
		switch state {
		case fleet.OutcomeFilled:
			o.Leg, o.BrokerID = 2, "b-1"
			o.Fills = []fleet.Fill{{ID: "f-1", Quantity: decimal.RequireFromString("1.5"), Price: decimal.RequireFromString("9.98"), At: noon}}
		case fleet.OutcomeRejected, fleet.OutcomeUnsent:
			o.Reason = "no reason"
		case fleet.OutcomeAbsent:
			o.Settle, o.Resend = 40*time.Second, true
		case fleet.OutcomeDenied:
			o.Order = ""
		}
		all = append(all, o)
	}
	uncalled := of
	uncalled.State, uncalled.Order, uncalled.Uncalled = fleet.OutcomeDenied, "", true
	of.State, of.Mark = fleet.OutcomeUnsent, noon
	return append(all, uncalled, of)
}

// reads is how a process reads a form: what it understands of a line.
func reads[T any](line []byte) (any, error) {
	var read T
	err := json.Unmarshal(line, &read)
	return read, err
}

// Mail from APIs to agents, outcomes from agents to whoever commits them, and the word to whoever waits are read whatever
// release wrote them, and by the release before. What each does with it is the rolls' matter.
func TestWire(t *testing.T) {
	fleettest.Wire{File: "testdata/mail.jsonl", Written: fleettest.Lines(t, mails()), Read: reads[fleet.Mail]}.Check(t)
	fleettest.Wire{File: "testdata/outcomes.jsonl", Written: fleettest.Lines(t, outcomes()), Read: reads[fleet.Outcome]}.Check(t)
	fleettest.Wire{File: "testdata/ready.jsonl", Read: reads[fleet.Ready], Written: fleettest.Lines(t, []fleet.Ready{
		{Worker: "w1", User: "ann", Epoch: 9}, {Worker: "w1", User: "ann", Epoch: 9, Refused: "occupied"},
	})}.Check(t)
}

// What a release does not understand any more is noticed.
func TestLost(t *testing.T) {
	said := []byte(`{"a":1,"b":{"c":"x","d":[1,2]},"e":{"f":1}}`)
	require.Empty(t, fleettest.Lost(said, said))
	require.Empty(t, fleettest.Lost(said, []byte(`{"a":1,"b":{"c":"x","d":[1,2],"more":1},"e":{"f":1},"g":0}`)))
	require.Equal(t, []string{"b.d"}, fleettest.Lost(said, bytes.Replace(said, []byte("[1,2]"), []byte("[1]"), 1)))
	require.Equal(t, []string{"a"}, fleettest.Lost(said, bytes.Replace(said, []byte(`"a"`), []byte(`"A"`), 1)))
	require.Equal(t, []string{"e"}, fleettest.Lost(said, []byte(`{"a":1,"b":{"c":"x","d":[1,2]}}`)))
	require.NotEmpty(t, fleettest.Lost(said, []byte("null text")))
}
