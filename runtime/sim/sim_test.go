package sim_test

import (
	"flag"
	"os"
	"strings"
	"testing"

	"workerfleet/runtime/sim"
)

// How many histories are played, and from which on. One seed alone writes its whole trace.
var (
	seed  = flag.Uint64("seed", 0, "plays this seed alone, and logs its whole trace; 0: as many as -seeds")
	seeds = flag.Uint64("seeds", 100, "how many seeds to play")
	from  = flag.Uint64("from", 1, "the first of them")
	into  = flag.String("into", "", "writes the trace of the seed that failed, or of -seed, into this file")
)

func write(t *testing.T, r sim.Result) {
	if *into == "" {
		return
	}
	if err := os.WriteFile(*into, []byte(strings.Join(r.Trace, "\n")+"\n"), 0o644); err != nil {
		t.Error(err)
	}
}

func TestSeeds(t *testing.T) {
	if *seed != 0 {
		r := sim.Run(*seed, true)
		write(t, r)
		if *into == "" {
			for _, line := range r.Trace {
				t.Log(line)
			}
		}
		if r.Err != nil {
			t.Fatalf("seed %d: %v", *seed, r.Err)
		}
		return
	}
	failed := 0
	for s := *from; s < *from+*seeds; s++ {
		if r := sim.Run(s, false); r.Err != nil {
			t.Errorf("seed %d: %v", s, r.Err)
			if failed++; failed == 20 {
				break
			}
		}
	}
}
