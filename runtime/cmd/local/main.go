// Command local runs the platform on this machine: real servers where they are installed, real worker processes behind
// real agents, and users who come to the market's open over HTTP. It needs no account, and Ctrl-C leaves nothing behind.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
	"time"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := run(ctx, os.Args[1:], os.Getenv, os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}

// run returns 0 when every user was served by one worker at a time, 1 when not or when something failed, 2 for a
// command line that is not understood.
func run(ctx context.Context, args []string, getenv func(string) string, stdout, stderr io.Writer) int {
	o, err := parse(args, stderr)
	if errors.Is(err, flag.ErrHelp) {
		return 0
	}
	if err != nil {
		fmt.Fprintln(stderr, "local:", err)
		return 2
	}
	o.databaseURL = getenv("FLEET_DATABASE_URL")
	summary, err := play(ctx, o, stdout)
	if err != nil && ctx.Err() == nil {
		fmt.Fprintln(stderr, "local:", err)
		return 1
	}
	if err := summary.print(stdout, o.json); err != nil {
		return 1
	}
	if summary.DoubleAssigned > 0 || summary.Lost > 0 {
		return 1
	}
	return 0
}

// options are what the command line says.
type options struct {
	users, workers, hosts, kill int
	open, stay                  time.Duration
	seed                        uint64
	json, embedded              bool
	worker, databaseURL         string
}

func parse(args []string, stderr io.Writer) (options, error) {
	var o options
	flags := flag.NewFlagSet("local", flag.ContinueOnError)
	flags.SetOutput(stderr)
	flags.IntVar(&o.users, "users", 35, "users who come to the market's open")
	flags.IntVar(&o.workers, "workers", 40, "worker processes; the fleet keeps this size")
	flags.IntVar(&o.hosts, "hosts", 2, "worker hosts, each with an agent of its own")
	flags.IntVar(&o.kill, "kill", 3, "serving workers to kill, one after the other")
	flags.DurationVar(&o.open, "open", 2*time.Second, "time within which all users come")
	flags.DurationVar(&o.stay, "for", 3*time.Second, "time to go on after the last kill")
	flags.Uint64Var(&o.seed, "seed", 1, "seed of the arrivals and of who is killed")
	flags.BoolVar(&o.json, "json", false, "end with one JSON object")
	flags.BoolVar(&o.embedded, "embedded", false, "use the embedded store and database even where real ones are installed")
	flags.StringVar(&o.worker, "worker", ".workerfleet/bin/worker", "the worker's program")
	if err := flags.Parse(args); err != nil {
		return o, err
	}
	var problems []error
	for _, limit := range []struct {
		name     string
		value    int
		from, to int
	}{
		{"users", o.users, 1, 100_000}, {"workers", o.workers, 1, 2_000}, {"hosts", o.hosts, 1, 100}, {"kill", o.kill, 0, o.users},
	} {
		if limit.value < limit.from || limit.value > limit.to {
			problems = append(problems, fmt.Errorf("--%s: %d is not allowed; allowed: %d to %d", limit.name, limit.value, limit.from, limit.to))
		}
	}
	if o.open < 0 || o.stay < 0 {
		problems = append(problems, errors.New("--open, --for: a negative time is not allowed"))
	}
	if _, err := os.Stat(o.worker); err != nil {
		problems = append(problems, fmt.Errorf("--worker: %w; make local builds it", err))
	}
	if flags.NArg() > 0 {
		problems = append(problems, fmt.Errorf("%q is not understood", flags.Arg(0)))
	}
	return o, errors.Join(problems...)
}
