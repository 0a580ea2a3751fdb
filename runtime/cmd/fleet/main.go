// Command fleet is the operator's tool: it plans what a number of users needs, before anything exists, and shows and steers
// what runs.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := run(ctx, os.Args[1:], surroundings{os.Getenv, os.Stdin, os.Stdout, os.Stderr})
	stop()
	os.Exit(code)
}

// failure is an error of the world (a file that cannot be written), as opposed to one of the command line.
type failure struct{ error }

func (f failure) Unwrap() error { return f.error }

// surroundings are what the tool has beside its command line.
type surroundings struct {
	getenv         func(string) string
	stdin          io.Reader
	stdout, stderr io.Writer
}

// run executes one command line: 0 success, 1 failure, 2 a command line that is not allowed, said in one line.
func run(ctx context.Context, args []string, s surroundings) int {
	root := &cobra.Command{
		Use:   "fleet",
		Short: "Plan and operate a fleet of workers, one for every active user",
		Long: "fleet plan answers, before anything is bought, what a number of users needs: hosts, connections, account\n" +
			"quotas to raise, and a bill with the source of every price. It needs no AWS account and reads none.\n\n" +
			"The other commands ask a platform that runs, and take hosts out of service. They end no session.",
		Example:       planExamples + "\n" + operateExamples,
		SilenceErrors: true,
		SilenceUsage:  true,
	}
	// One line of error: no completion command, no list of near names after it.
	root.CompletionOptions.DisableDefaultCmd = true
	root.DisableSuggestions = true
	root.SetFlagErrorFunc(flagAllowed)
	root.AddCommand(planCommand(), workersCommand(s), claimsCommand(s), drainCommand(s), deadCommand(s))
	root.SetArgs(args)
	root.SetIn(s.stdin)
	root.SetOut(s.stdout)
	root.SetErr(s.stderr)
	err := root.ExecuteContext(ctx)
	if err == nil {
		return 0
	}
	fmt.Fprintln(s.stderr, "fleet:", commandAllowed(root, err))
	var failed failure
	if errors.As(err, &failed) {
		return 1
	}
	return 2
}
