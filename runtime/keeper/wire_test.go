package keeper

import (
	"testing"
	"time"

	"workerfleet/runtime/fleet/fleettest"
	"workerfleet/runtime/pool"
)

// What one round leaves to the next stands in the index while keepers and functions of two releases make rounds in turn.
func TestWire(t *testing.T) {
	at := time.Date(2026, 3, 2, 12, 0, 0, 0, time.UTC)
	full := memory{
		Decision: Decision{At: at, Target: 20, Reason: "buffer", Said: []string{"launch 2"}},
		Record:   []pool.Sample{{At: at, Highest: 20, Stopped: 1}},
		Tried:    map[string]time.Time{"k1": at},
		Group:    group{At: at, Desired: 3, Until: at.Add(time.Minute)},
		Lesson:   lesson{At: at, Counted: at},
	}
	fleettest.Wire{File: "testdata/plan.jsonl", Written: fleettest.Lines(t, []memory{full}), Read: func(line []byte) (any, error) {
		return read[memory](string(line))
	}}.Check(t)
	beside := notes{Launches: refused{Why: failed, Last: at, Times: 2}, Hosts: refused{Why: failed, Last: at, Times: 1}}
	fleettest.Wire{File: "testdata/note.jsonl", Written: fleettest.Lines(t, []notes{beside}), Read: func(line []byte) (any, error) {
		return read[notes](string(line))
	}}.Check(t)
}
