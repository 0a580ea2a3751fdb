// Command api answers users over HTTPS: it gives each of them a worker of their own.
package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"syscall"

	"workerfleet/runtime/settings"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := run(ctx, os.Getenv, os.Environ(), os.Stdout)
	stop()
	os.Exit(code)
}

// run serves until ctx ends: 0 when it was asked to end, 1 when it could not serve, 2 for an environment that is not
// allowed. Logs and metrics are lines on the output.
func run(ctx context.Context, getenv func(string) string, environ []string, output io.Writer) int {
	log := slog.New(slog.NewJSONHandler(output, nil))
	set, err := settings.Read[settings.API](getenv, environ)
	if err != nil {
		fmt.Fprintln(output, "api:", err)
		return 2
	}
	if err := serve(ctx, set, parts{getenv: getenv, log: log.With("tier", set.Tier), output: output}); err != nil {
		log.Error("api ends", "error", err)
		return 1
	}
	return 0
}
