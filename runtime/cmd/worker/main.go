// Command worker holds one user's broker session at a time, for the agent of its host.
package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"runtime"
	"syscall"

	"workerfleet/runtime/settings"
)

func main() {
	// Hundreds of workers share a host's processors, a sixteenth of one each: more than two threads at work would only
	// cost each of them memory.
	runtime.GOMAXPROCS(min(2, runtime.NumCPU()))
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := run(ctx, os.Getenv, os.Environ(), os.Stderr)
	stop()
	os.Exit(code)
}

// run lives as the environment says: 0 when the process was asked to end or has had its last life, 1 where it must end
// because a next life would not begin clean, 2 for an environment that is not allowed.
func run(ctx context.Context, getenv func(string) string, environ []string, stderr io.Writer) int {
	set, err := settings.Read[settings.Worker](getenv, environ)
	if err != nil {
		fmt.Fprintln(stderr, "worker:", err)
		return 2
	}
	config, body, err := wire(ctx, set, parts{getenv: getenv, environ: environ, log: slog.New(slog.NewJSONHandler(stderr, nil))})
	if err != nil {
		fmt.Fprintln(stderr, "worker:", err)
		return 2
	}
	if err := body.Live(ctx, config); err != nil {
		config.Log.Error("worker ends", "error", err)
		return 1
	}
	return 0
}
