package hostlink

import (
	"bytes"
	"strings"
	"testing"

	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"workerfleet/runtime/fleet"
)

// samples has one message of every kind, with every field that counts for it.
func samples() []Message {
	return []Message{
		{Kind: Hello, Worker: "w1", Life: 2, Revision: 7, Key: "k"},
		{Kind: Hello, Worker: "w1", Life: 2, Key: "k", User: "ann", Epoch: 9, Serving: true, Sequence: 4},
		{Kind: Alive},
		{Kind: Accepted, Epoch: 9},
		{Kind: Refused, Epoch: 9, Reason: "occupied"},
		{Kind: Leaving, Epoch: 9, Reason: "released"},
		{Kind: Assign, Life: 2, User: "ann", Epoch: 9, Sealed: []byte{0, 255}, BeginAt: 1},
		{Kind: Confirmed, Epoch: 9},
		{Kind: BeatOk, Epoch: 9, SentAt: 12345},
		{Kind: BeatOk, SentAt: 12345},
		{Kind: Announce},
		{Kind: Release, Epoch: 9},
		{Kind: Fenced, Life: 2, Epoch: 9},
		{Kind: BeatOk, Epoch: 9, SentAt: 12345, Off: true},
		{Kind: Execute, Epoch: 9, Order: &fleet.Order{ID: "o", Sequence: 1, Symbol: "A", Quantity: decimal.RequireFromString("1.5")}},
		{Kind: Cancel, Epoch: 9, Order: &fleet.Order{ID: "o", Quantity: decimal.RequireFromString("1")}},
		{Kind: Withdraw, Epoch: 9, Order: &fleet.Order{ID: "o", Quantity: decimal.RequireFromString("3")}},
		{Kind: Verify, Epoch: 9, Order: &fleet.Order{ID: "o", Quantity: decimal.RequireFromString("2")}},
		{Kind: Reported, Epoch: 9, Outcome: &fleet.Outcome{User: "ann", Epoch: 9, Order: "o", Number: 1, State: fleet.OutcomeFilled}},
		{Kind: Denied, Outcome: &fleet.Outcome{User: "ann", Epoch: 9, Number: 2, State: fleet.OutcomeDenied, Reason: "refused", Uncalled: true}},
		{Kind: Committed, Epoch: 9, Number: 1},
	}
}

// Every kind comes out as it went in. It proves nothing about what either side does with it.
func TestEveryKindTravels(t *testing.T) {
	for _, sent := range samples() {
		frame, err := encode(sent)
		require.NoError(t, err)
		got, err := read(bytes.NewReader(frame))
		require.NoError(t, err)
		require.Equal(t, sent, got)
	}
}

// The largest credentials fit under the longest names that escape worst, and epochs keep all 64 bits.
func TestTheLargestAssignmentFits(t *testing.T) {
	sent := Message{
		Kind: Assign, Life: 1<<64 - 1, User: fleet.User(strings.Repeat("<", 255)), Epoch: 1<<64 - 1,
		Sealed: bytes.Repeat([]byte{0xff}, maxSealed), BeginAt: 1<<64 - 1,
	}
	frame, err := encode(sent)
	require.NoError(t, err)
	got, err := read(bytes.NewReader(frame))
	require.NoError(t, err)
	require.Equal(t, sent, got)

	sent.Sealed = append(sent.Sealed, 0)
	_, err = encode(sent)
	require.ErrorContains(t, err, "sealed: has 65601 bytes")
}

// What no honest peer says is refused on both sides, and the error names the field.
func TestDishonestMessages(t *testing.T) {
	for want, m := range map[string]Message{
		"kind: is empty":          {},
		"worker: is empty":        {Kind: Hello, Life: 1, Key: "k"},
		"life: is 0":              {Kind: Hello, Worker: "w", Key: "k"},
		"key: has 0 bytes":        {Kind: Hello, Worker: "w", Life: 1},
		"key: has 257 bytes":      {Kind: Hello, Worker: "w", Life: 1, Key: strings.Repeat("k", 257)},
		"user and epoch":          {Kind: Hello, Worker: "w", Life: 1, Key: "k", User: "ann"},
		"serving: is set":         {Kind: Hello, Worker: "w", Life: 1, Key: "k", Serving: true},
		`user: "a b"`:             {Kind: Hello, Worker: "w", Life: 1, Key: "k", User: "a b", Epoch: 1},
		"accepted: epoch: is 0":   {Kind: Accepted},
		"refused: epoch: is 0":    {Kind: Refused},
		"confirmed: epoch: is 0":  {Kind: Confirmed},
		"release: epoch: is 0":    {Kind: Release},
		"assign: user":            {Kind: Assign, Life: 1, Epoch: 1, Sealed: []byte{1}},
		"life or epoch: is 0":     {Kind: Assign, User: "ann", Epoch: 1, Sealed: []byte{1}},
		"sealed: has 0 bytes":     {Kind: Assign, User: "ann", Life: 1, Epoch: 1},
		"sentAt: is 0":            {Kind: BeatOk},
		"execute: epoch or order": {Kind: Execute, Epoch: 1},
		"cancel: epoch or order":  {Kind: Cancel, Order: &fleet.Order{ID: "o"}},
		"verify: epoch or order":  {Kind: Verify, Epoch: 1, Order: &fleet.Order{}},
		"names no order, epoch":   {Kind: Reported, Outcome: &fleet.Outcome{Order: "o", Epoch: 1}},
		"reason: has 1025 bytes":  {Kind: Leaving, Reason: strings.Repeat("r", 1025)},
	} {
		require.ErrorContains(t, m.check(), want)
		_, err := encode(m)
		require.ErrorContains(t, err, want)
	}
}

// Kinds and fields of a later release are passed over; another version is refused.
func TestOtherReleases(t *testing.T) {
	m, err := read(framed(`{"v":1,"kind":"from-the-future","worker":"","new":[1]}`))
	require.NoError(t, err)
	require.Equal(t, Kind("from-the-future"), m.Kind)
	_, err = read(framed(`{"v":2,"kind":"alive"}`))
	require.ErrorIs(t, err, ErrFrame)
	_, err = read(framed(`{"kind":"alive"}`))
	require.ErrorContains(t, err, "v: is 0; allowed: 1")
}

// Any session's numbers and texts come out as they went in.
func TestAnySessionTravels(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		sent := Message{
			Kind: Hello, Worker: "w", Life: fleet.Life(rapid.Uint64Min(1).Draw(t, "life")), Key: "k", Revision: rapid.Int64().Draw(t, "revision"),
			User: fleet.User(rapid.StringMatching(`[!-z|~]{1,255}`).Draw(t, "user")), Epoch: fleet.Epoch(rapid.Uint64Min(1).Draw(t, "epoch")),
			Serving: rapid.Bool().Draw(t, "serving"), Sequence: rapid.Uint64().Draw(t, "sequence"),
		}
		frame, err := encode(sent)
		require.NoError(t, err)
		got, err := read(bytes.NewReader(frame))
		require.NoError(t, err)
		require.Equal(t, sent, got)
	})
}
