// Package program is what every process of the platform does first and last: it reads its settings, hears when it is asked
// to end, and ends with a code that says why.
package program

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

// Surroundings are what a process has beside its settings.
type Surroundings struct {
	Getenv func(string) string
	// Environ is looked through for variables that no process knows.
	Environ []string
	// Output takes logs and metrics, as lines.
	Output io.Writer
	Log    *slog.Logger
}

// Serve does what a process is for, until ctx ends.
type Serve[T settings.Process] func(ctx context.Context, set T, s Surroundings) error

// Main runs a process in the surroundings that it has, and ends it.
func Main[T settings.Process](name string, serve Serve[T]) {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := Run(ctx, name, Surroundings{Getenv: os.Getenv, Environ: os.Environ(), Output: os.Stdout}, serve)
	stop()
	os.Exit(code)
}

// Run serves until ctx ends: 0 when the process did what it is for, 1 when it could not, 2 for an environment that is not
// allowed.
func Run[T settings.Process](ctx context.Context, name string, s Surroundings, serve Serve[T]) int {
	s.Log = slog.New(slog.NewJSONHandler(s.Output, nil))
	set, err := settings.Read[T](s.Getenv, s.Environ)
	if err != nil {
		fmt.Fprintln(s.Output, name+":", err)
		return 2
	}
	if err := serve(ctx, set, s); err != nil {
		s.Log.Error(name+" ends", "error", err)
		return 1
	}
	return 0
}
