package fleet_test

import (
	"encoding/json"
	"math"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"workerfleet/runtime/fleet"
)

// An epoch survives JSON at its full 64 bits: as a JSON number the highest ones would come back rounded.
func TestEpochsAreCarriedAsText(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		in := struct {
			E fleet.Epoch
			L fleet.Life
		}{fleet.Epoch(rapid.Uint64().Draw(t, "epoch")), fleet.Life(rapid.Uint64().Draw(t, "life"))}
		text, err := json.Marshal(in)
		require.NoError(t, err)
		out := in
		out.E, out.L = 0, 0
		require.NoError(t, json.Unmarshal(text, &out))
		require.Equal(t, in, out)
	})
	text, err := json.Marshal(fleet.Epoch(math.MaxUint64))
	require.NoError(t, err)
	require.Equal(t, `"18446744073709551615"`, string(text))
}

// Epochs rise whatever the clock does, never fall under the floor, and follow a clock that runs ahead.
func TestNextEpochRises(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		last := fleet.Epoch(rapid.Uint64Max(1<<60).Draw(t, "last"))
		floor := fleet.Epoch(rapid.Uint64Max(1<<60).Draw(t, "floor"))
		now := rapid.Int64Range(0, 1<<45).Draw(t, "now")
		next := fleet.NextEpoch(last, floor, now)
		require.Greater(t, next, last)
		require.GreaterOrEqual(t, next, floor)
		require.GreaterOrEqual(t, next, fleet.Epoch(now)*4096)
	})
}

// Names that would move a key to another hash slot, or break a log line, are refused with what is allowed.
func TestNames(t *testing.T) {
	for _, good := range []string{"u1", "auth0|64", "arn:aws:ecs:ap-southeast-1:111122223333:task/c/0a", strings.Repeat("x", 255)} {
		_, err := fleet.ParseUser(good)
		require.NoError(t, err, good)
	}
	for _, bad := range []string{"", "a b", "{pool}", "a}", "ü", "a\n", strings.Repeat("x", 256)} {
		_, err := fleet.ParseUser(bad)
		require.ErrorContains(t, err, "user: ", bad)
		require.ErrorContains(t, err, "allowed: ", bad)
		_, err = fleet.ParseWorker(bad)
		require.ErrorContains(t, err, "worker: ", bad)
		_, err = fleet.ParseHost(bad)
		require.ErrorContains(t, err, "host: ", bad)
	}
	for _, bad := range []string{"", "-1", "01", "1e3", "18446744073709551616"} {
		_, err := fleet.ParseEpoch(bad)
		require.ErrorContains(t, err, "epoch: ")
	}
}
