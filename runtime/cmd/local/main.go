// Command local runs the platform on this machine: real servers where they are installed, the programs as they ship,
// and users who come to the market's open over HTTPS. It needs no account, and Ctrl-C leaves nothing behind.
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
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := run(ctx, os.Args[1:], os.Getenv, os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}

// run returns 0 when every user was served by one worker at a time and every order was accepted and came to one end, 1 when
// not, when that was not judged or when something failed, 2 for a command line that is not understood.
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
	summary, notes, err := play(ctx, o, stdout)
	if err != nil && ctx.Err() == nil {
		fmt.Fprintln(stderr, "local:", err)
		return 1
	}
	if err := summary.print(stdout, o.json); err != nil {
		return 1
	}
	if !summary.clean() {
		for _, note := range notes {
			fmt.Fprintln(stderr, "local:", note)
		}
		return 1
	}
	return 0
}
