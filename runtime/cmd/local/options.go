package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"workerfleet/stacks/sizing"
)

// options are what the command line says.
type options struct {
	users, workers, hosts, kill int
	orders                      int // of each user
	open, stay                  time.Duration
	beat, ttl, guard, idle      time.Duration
	seed                        uint64
	json, embedded, chaos       bool
	functions, noKeepers        bool
	rhythm                      time.Duration // of the functions that the clock starts
	turmoil                     time.Duration // mean time between two deeds of chaos
	watching                    time.Duration // time between two looks at what the platform holds; 0 is never
	bin, databaseURL            string
	former                      string // folder of the programs of the release before; empty: there is none
	back                        bool   // return to it half-way, and come again
}

// programNames are the binaries that the platform runs.
func programNames() []string {
	return []string{"agent", "api", "function", "keeper", "migrate", "worker"}
}

// What the platform runs with where nothing is stated: tier 100 at its peak.
const standardTier = "100"

func parse(args []string, stderr io.Writer) (options, error) {
	var o options
	var tier string
	flags := flag.NewFlagSet("local", flag.ContinueOnError)
	flags.SetOutput(stderr)
	flags.StringVar(&tier, "tier", standardTier, "tier whose users, workers and hosts are taken at its peak")
	flags.IntVar(&o.users, "users", 0, "users who come to the market's open (default: the tier's at its peak)")
	flags.IntVar(&o.workers, "workers", 0, "worker processes; the fleet keeps this size (default: an eighth more than users)")
	flags.IntVar(&o.hosts, "hosts", 0, "worker hosts, each with an agent of its own (default: the tier's)")
	flags.IntVar(&o.kill, "kill", 3, "serving workers to kill, one after the other")
	flags.IntVar(&o.orders, "orders", 3, "orders that each user sends, by signed webhooks and by the API")
	flags.BoolVar(&o.chaos, "chaos", false, "kill, stop and restart processes and servers of every kind for the time of --for")
	flags.DurationVar(&o.open, "open", 2*time.Second, "time within which all users come")
	flags.DurationVar(&o.stay, "for", 3*time.Second, "time to go on after the last kill")
	flags.Uint64Var(&o.seed, "seed", 1, "seed of the arrivals and of what is killed")
	flags.BoolVar(&o.json, "json", false, "end with one JSON object")
	flags.BoolVar(&o.embedded, "embedded", false, "use the embedded store and database even where real ones are installed")
	flags.BoolVar(&o.functions, "functions", true, "run the functions claim, control, pool and maintenance beside the keepers")
	flags.DurationVar(&o.rhythm, "rhythm", standardRhythm, "time between two passes of the functions that the clock starts")
	flags.DurationVar(&o.turmoil, "turmoil", 300*time.Millisecond, "mean time between two deeds of --chaos")
	flags.DurationVar(&o.watching, "watch", 0, "time between two looks at what the platform holds: memory, goroutines, descriptors, keys, rows; the first program of each kind is not killed then")
	flags.StringVar(&o.bin, "bin", ".workerfleet/bin", "folder of the platform's programs")
	flags.StringVar(&o.former, "former", "", "folder of the programs of the release before: begin with those, and replace one after the other within --for")
	flags.BoolVar(&o.back, "back", false, "with --former: half-way go back to the release before, and forward again")
	flags.DurationVar(&o.beat, "beat", 2*time.Second, "time between heartbeats")
	flags.DurationVar(&o.ttl, "ttl", 15*time.Second, "life of a lease")
	flags.DurationVar(&o.idle, "idle", 30*time.Minute, "time after which a session that nobody uses ends")
	flags.DurationVar(&o.guard, "guard", 2*time.Second, "what worker and store keep apart around a lease's end")
	if err := flags.Parse(args); err != nil {
		return o, err
	}
	problems := []error{o.fill(tier)}
	if flags.NArg() > 0 {
		problems = append(problems, fmt.Errorf("%q is not understood", flags.Arg(0)))
	}
	bin, err := filepath.Abs(o.bin)
	o.bin = bin
	if o.former != "" {
		former, wrong := filepath.Abs(o.former)
		o.former, err = former, errors.Join(err, wrong)
	}
	return o, errors.Join(append(problems, err, o.check())...)
}

// fill takes from the tier what is not stated.
func (o *options) fill(tier string) error {
	users, err := sizing.Tier(tier)
	if err != nil {
		return fmt.Errorf("--tier: %w", err)
	}
	plan, err := sizing.For(users)
	if err != nil {
		return fmt.Errorf("--tier: %w", err)
	}
	for field, value := range map[*int]int{&o.users: plan.PeakWorkers, &o.hosts: plan.Workers.Instances} {
		if *field == 0 {
			*field = value
		}
	}
	if o.workers == 0 {
		o.workers = o.users + (o.users+7)/8
	}
	return nil
}

func (o *options) check() error {
	var problems []error
	for _, limit := range []struct {
		name     string
		value    int
		from, to int
	}{
		{"users", o.users, 1, 100_000}, {"workers", o.workers, 1, 2_000}, {"hosts", o.hosts, 1, 100}, {"kill", o.kill, 0, o.users}, {"orders", o.orders, 0, 1000},
	} {
		if limit.value < limit.from || limit.value > limit.to {
			problems = append(problems, fmt.Errorf("--%s: %d is not allowed; allowed: %d to %d", limit.name, limit.value, limit.from, limit.to))
		}
	}
	for name, value := range map[string]time.Duration{"rhythm": o.rhythm, "turmoil": o.turmoil} {
		if value < time.Millisecond {
			problems = append(problems, fmt.Errorf("--%s: %s is not allowed; allowed: 1ms or more", name, value))
		}
	}
	if o.open < 0 || o.stay < 0 || o.watching < 0 {
		problems = append(problems, errors.New("--open, --for, --watch: a negative time is not allowed"))
	}
	switch {
	case o.back && o.former == "":
		problems = append(problems, errors.New("--back: is set without --former"))
	case o.former != "" && (o.chaos || o.watching > 0):
		problems = append(problems, errors.New("--former: is not allowed together with --chaos or --watch"))
	}
	for _, name := range programNames() {
		if _, err := os.Stat(filepath.Join(o.bin, name)); err != nil {
			problems = append(problems, fmt.Errorf("--bin: %w; make local builds it", err))
		}
		if _, err := os.Stat(filepath.Join(o.former, name)); o.former != "" && err != nil {
			problems = append(problems, fmt.Errorf("--former: %w; make roll FROM=COMMIT builds it", err))
		}
	}
	return errors.Join(problems...)
}
