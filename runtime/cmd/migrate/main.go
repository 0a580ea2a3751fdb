// Command migrate brings the database to this version, and makes the role that the other processes sign in as. It runs
// once for each deployment, before the processes of the new version do.
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

// run returns 0 when the database is as it should be, 1 when it could not be brought there, 2 for an environment that is not
// allowed. Logs are lines on the output.
func run(ctx context.Context, getenv func(string) string, environ []string, output io.Writer) int {
	log := slog.New(slog.NewJSONHandler(output, nil))
	set, err := settings.Read[settings.Migrate](getenv, environ)
	if err != nil {
		fmt.Fprintln(output, "migrate:", err)
		return 2
	}
	if err := migrate(ctx, set, parts{getenv: getenv, log: log.With("tier", set.Tier)}); err != nil {
		log.Error("migrate ends", "error", err)
		return 1
	}
	return 0
}
