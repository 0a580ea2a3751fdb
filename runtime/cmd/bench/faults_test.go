package main

import (
	"bytes"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"workerfleet/runtime/claim"
	"workerfleet/runtime/fleet"
	"workerfleet/runtime/parts"
	"workerfleet/runtime/parts/partstest"
	"workerfleet/runtime/session"
)

// Every fault is played on a small fleet with a short lease, on real servers: nothing is seen that must never be, everybody
// is served again, and in the end workers, database and index agree. How soon, and how many sessions a fault costs, a
// machine that does other things as well cannot show.
func TestFaults(t *testing.T) {
	partstest.Need(t, parts.Redis)
	partstest.Need(t, parts.Postgres)
	f := last[faultFigures](t, "faults", "--workers", "300", "--hosts", "6", "--ttl", "1500ms", "--rate", "8")
	require.Len(t, f.Faults, len(deeds()))
	for i, fault := range f.Faults {
		require.Equal(t, deeds()[i].name, fault.Name)
		require.Equal(t, verdict{Confirmed: fault.Confirmed, Calls: fault.Calls}, fault.verdict, fault.Name)
		require.Positive(t, fault.Calls, fault.Name)
		require.Positive(t, fault.Comings, fault.Name)
		require.Equal(t, []any{0, 0, ""}, []any{fault.Unserved, fault.Healed, fault.Disagree}, fault.Name)
	}
	of := func(name string) faultFigure {
		for _, fault := range f.Faults {
			if fault.Name == name {
				return fault
			}
		}
		return faultFigure{}
	}
	// What a fault must have done to have been one.
	require.Positive(t, of("restart").Without, "nobody's lease ran out")
	require.Positive(t, of("restart").Silent, "nobody waited without asking")
	require.Positive(t, of("restart").Failed, "no round of a keeper failed")
	require.Positive(t, of("frozen").Lost, "nobody was given up")
	require.Positive(t, of("race").Lost, "nobody died")
}

// A fault that leaves something wrong makes the command fail, and says which and what.
func TestFaultsAreJudged(t *testing.T) {
	for want, spoil := range map[string]func(f *faultFigure){
		"1 times two workers": func(f *faultFigure) { f.TwoAtOnce = 1 }, "1 epochs": func(f *faultFigure) { f.EpochsBack = 1 },
		"1 calls were late": func(f *faultFigure) { f.LateCalls = 1 }, "1 users were not": func(f *faultFigure) { f.Unserved = 1 },
		"1 keys": func(f *faultFigure) { f.Healed = 1 }, "somebody": func(f *faultFigure) { f.Disagree = "somebody" },
		"0 sessions and 7": func(f *faultFigure) { f.Confirmed = 0 }, "8 sessions and 0": func(f *faultFigure) { f.Calls = 0 },
		"the last user was served again after 10.5 s; allowed: 10.0": func(f *faultFigure) { f.AgainMax = 10.5 },
		"who does not ask was served again after 12.5 s":             func(f *faultFigure) { f.SilentMax = 12.5 },
		"ann and bea": func(f *faultFigure) { f.TwoAtOnce, f.notes = 1, []string{"ann and bea"} },
	} {
		f := faultFigure{Name: "slow", Lost: 3, Without: 5, Failed: 2, AgainMax: 10, SilentMax: 12, verdict: verdict{Confirmed: 8, Calls: 7}}
		figures := faultFigures{LimitSeconds: 10, SilentLimitSeconds: 12, Faults: []faultFigure{f, f}}
		require.NoError(t, figures.wrong())
		spoil(&figures.Faults[1])
		require.ErrorContains(t, figures.wrong(), "slow: ")
		require.ErrorContains(t, figures.wrong(), want)
	}
}

// annServed is an index with a worker that serves ann and an idle one, both on one host.
func annServed() *indexed {
	return &indexed{
		workers: map[fleet.Worker]claim.Worker{
			"w1": {ID: "w1", Host: "h1", Life: 1, State: claim.Serving, Revision: 1, User: "ann", Epoch: 5}, "w2": {ID: "w2", Host: "h1", Life: 1, State: claim.Warm, Revision: 1},
		},
		users:   map[fleet.User]session.Session{"ann": {User: "ann", Worker: "w1", Epoch: 5}},
		sets:    map[string][]string{"lease": {"w1", "w2"}, "free": {"w2"}, "hosts": {"h1"}},
		shelves: []string{"w2"}, counts: map[string]string{"h1 1 serving": "1", "h1 1 warm": "1"}, onHost: map[fleet.Host]int{"h1": 2},
	}
}

// Whatever of the index's keys does not agree with the others is noticed.
func TestIndexIsJudged(t *testing.T) {
	require.Empty(t, annServed().broken())
	change := func(x *indexed, id fleet.Worker, do func(w *claim.Worker)) {
		w := x.workers[id]
		do(&w)
		x.workers[id] = w
	}
	for want, spoil := range map[string]func(x *indexed){
		"w2 is assigned":              func(x *indexed) { change(x, "w2", func(w *claim.Worker) { w.State = claim.Assigned }) },
		`w2 is warm for "bea"`:        func(x *indexed) { change(x, "w2", func(w *claim.Worker) { w.User = "bea" }) },
		"w1 serves ann under 6":       func(x *indexed) { change(x, "w1", func(w *claim.Worker) { w.Epoch = 6 }) },
		"2 users have a record":       func(x *indexed) { x.users["bea"] = session.Session{User: "bea", Worker: "w2", Epoch: 6} },
		"in lease there are 1":        func(x *indexed) { x.sets["lease"] = []string{"w1"} },
		"in free w1 should not be":    func(x *indexed) { x.sets["free"] = []string{"w1"} },
		"in ack there are 1":          func(x *indexed) { x.sets["ack"] = []string{"w1"} },
		"in waiting there are 1":      func(x *indexed) { x.sets["waiting"] = []string{"ann"} },
		"on the hosts' shelves there": func(x *indexed) { x.shelves = nil },
		"h1 1 warm: 2 workers":        func(x *indexed) { x.counts["h1 1 warm"] = "2" },
		"3 kinds of workers":          func(x *indexed) { x.counts["h1 1 resetting"] = "0" },
		"h1 is said to have 3":        func(x *indexed) { x.onHost["h1"] = 3 },
		"h9 is said to have 1":        func(x *indexed) { x.onHost["h9"] = 1 },
		"have one epoch": func(x *indexed) {
			change(x, "w2", func(w *claim.Worker) { w.State, w.User, w.Epoch = claim.Serving, "bea", 5 })
			x.users["bea"] = session.Session{User: "bea", Worker: "w2", Epoch: 5}
		},
	} {
		x := annServed()
		spoil(x)
		require.Contains(t, x.broken(), want)
	}
}

// What cannot be played is refused with what can.
func TestFaultRefusals(t *testing.T) {
	for want, args := range map[string]string{
		`--fault: "fire" is not allowed; allowed: restart, flush, partition, slow, reconnect, frozen, race, failover`: "--fault slow,fire",
		"--hosts: 2 is not allowed; allowed: 3 to":         "--hosts 2",
		"--users: 9 is not allowed; allowed: 1 to 5":       "--workers 5 --users 9",
		"--ttl: 999 is not allowed":                        "--ttl 999ms",
		"--rate: is not allowed":                           "--rate 0",
		"--valkey: is not allowed; allowed: none, because": "--valkey redis://127.0.0.1:1",
	} {
		var out, errs bytes.Buffer
		require.Equal(t, 2, run(t.Context(), append([]string{"faults"}, strings.Fields(args)...), &out, &errs), args)
		require.Contains(t, errs.String(), want)
	}
}
