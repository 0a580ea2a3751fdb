package sim_test

import (
	"flag"
	"os"
	"strings"
	"testing"
	"time"

	"workerfleet/runtime/sim"
)

// How many histories are played, and from which on. One seed alone is played with its whole trace:
//
//	go test ./runtime/sim -run Seeds -seed 17 -v
//	go test ./runtime/sim -run Seeds -seeds 5000
var (
	seed     = flag.Uint64("seed", 0, "plays this seed alone, and logs its whole trace; 0: as many as -seeds")
	seeds    = flag.Uint64("seeds", 60, "how many seeds to play")
	failures = flag.Uint64("failures", 10, "how many may fail before no more are played")
	from     = flag.Uint64("from", 1, "the first of them")
	into     = flag.String("into", "", "writes the trace of -seed into this file, and logs none")
)

// Every seed's history ends as it must: see the package. A seed that does not is played again for its trace, of which the
// end is logged. What no seed of these draws is not shown.
func TestSeeds(t *testing.T) {
	if *seed != 0 {
		replay(t, *seed)
		return
	}
	began, failed, steps := time.Now(), uint64(0), 0
	for s := *from; s < *from+*seeds && failed < *failures; s++ {
		r := sim.Run(s, sim.Options{})
		steps += r.Steps
		if r.Err == nil {
			continue
		}
		if failed++; failed == 1 {
			t.Logf("the end of seed %d:\n%s", s, strings.Join(r.Trace[max(0, len(r.Trace)-40):], "\n"))
		}
		t.Errorf("seed %d: %v; its trace: go test ./runtime/sim -run Seeds -seed %d -v", s, r.Err, s)
	}
	took := time.Since(began)
	t.Logf("%d seeds, %d events, in %v: %.0f seeds a minute", *seeds, steps, took, float64(*seeds)/took.Minutes())
}

func replay(t *testing.T, seed uint64) {
	r := sim.Run(seed, sim.Options{Whole: true})
	trace := strings.Join(r.Trace, "\n") + "\n"
	if *into == "" {
		t.Log("\n" + trace)
	} else if err := os.WriteFile(*into, []byte(trace), 0o644); err != nil {
		t.Error(err)
	}
	if r.Err != nil {
		t.Errorf("seed %d: %v", seed, r.Err)
	}
}

// One seed is one history, to the letter: what a failing seed printed can be looked at again. Two seeds are two.
func TestReplay(t *testing.T) {
	digests := map[uint64]bool{}
	for s := uint64(1); s <= 8; s++ {
		first, again := sim.Run(s, sim.Options{}), sim.Run(s, sim.Options{Whole: true})
		if first.Digest != again.Digest || first.Steps != again.Steps {
			t.Errorf("seed %d was played twice and went two ways", s)
		}
		digests[first.Digest] = true
	}
	if len(digests) != 8 {
		t.Errorf("8 seeds have %d histories", len(digests))
	}
}
