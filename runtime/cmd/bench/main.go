// Command bench measures the platform and prints what it saw, with the machine and its load: open loop, on a schedule
// that was drawn before the first request, so that a slow answer delays no other request and hides none.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}

// benchmarks by name.
func benchmarks() map[string]func(ctx context.Context, args []string, out, errs io.Writer) error {
	return map[string]func(context.Context, []string, io.Writer, io.Writer) error{
		"burst": runBurst, "claims": runClaims, "compare": runCompare, "costs": runCosts, "faults": runFaults, "functions": runFunctions, "host": runHost, "hostloss": runHostLoss, "launches": runLaunches, "orders": runOrders, "reap": runReap, "tracking": runTracking, "workers": runWorkers,
	}
}

// run returns 0 when everything was measured, 1 when not, 2 for a command line that is not understood.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	all := benchmarks()
	names := make([]string, 0, len(all))
	for name := range all {
		names = append(names, name)
	}
	slices.Sort(names)
	if len(args) == 0 || all[args[0]] == nil {
		fmt.Fprintf(stderr, "bench: state what to measure; allowed: %s\n", strings.Join(names, ", "))
		return 2
	}
	err := all[args[0]](ctx, args[1:], stdout, stderr)
	var wrong usage
	switch {
	case err == nil, errors.Is(err, flag.ErrHelp):
		return 0
	case errors.As(err, &wrong):
		fmt.Fprintln(stderr, "bench:", err)
		return 2
	default:
		fmt.Fprintln(stderr, "bench:", err)
		return 1
	}
}

// usage is the error of a command line that cannot be followed.
type usage struct{ error }
