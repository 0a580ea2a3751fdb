package hostlink

import (
	"testing"

	"github.com/stretchr/testify/require"

	"workerfleet/runtime/fleet/fleettest"
)

// What agents and workers of any release have said is read by this one, and what this one says stands among it, in every
// kind: workers of the release before serve on below an agent of this one, and the other way around.
func TestWire(t *testing.T) {
	var written [][]byte
	said := map[Kind]bool{}
	for _, m := range samples() {
		frame, err := encode(m)
		require.NoError(t, err)
		written, said[m.Kind] = append(written, frame[header:]), true
	}
	for _, kind := range []Kind{
		Hello, Alive, Accepted, Refused, Leaving, Reported, Denied, Assign, Confirmed, BeatOk, Announce, Release, Fenced, Execute, Cancel, Withdraw,
		Verify, Committed,
	} {
		require.True(t, said[kind], "no sample of %s", kind)
	}
	fleettest.Wire{File: "testdata/letters.jsonl", Written: written, Read: func(line []byte) (any, error) {
		m, err := read(framed(string(line)))
		return envelope{version, m}, err
	}}.Check(t)
}
