package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"

	"workerfleet/offline/engine"
)

// errUsage marks a command line that cannot be followed.
var errUsage = errors.New("usage: offline up|preview|destroy --stack NAME [--from NAME] [--json]")

// help is what --help prints.
const help = `offline plans and applies the platform's stacks with the real Pulumi engine and no AWS account.

  offline up --stack tier-100                          plan and apply; STACK is a tier or any Pulumi.<name>.yaml
  offline preview --stack tier-5k                      show what up would do
  offline preview --stack tier-5k --from tier-1k       show what moving a stack from one tier to the other would do
  offline preview --stack tier-5k --json               one JSON object: {"resources": […], "diff": […]}
  offline destroy --stack tier-100                     forget the stack

Exit status: 0 when all went well, 2 when the command, the stack file or a rule refuses the input, 1 otherwise.`

type command struct {
	verb, stack, from string
	json              bool
}

// parse reads the command line. An empty --stack or --from counts as not given, because the Makefile always passes them.
func parse(args []string, stderr io.Writer) (command, error) {
	if len(args) == 0 {
		return command{}, errUsage
	}
	if args[0] == "help" || args[0] == "-h" || args[0] == "--help" {
		return command{}, flag.ErrHelp
	}
	c := command{verb: args[0]}
	flags := flag.NewFlagSet("offline "+c.verb, flag.ContinueOnError)
	flags.SetOutput(stderr)
	flags.StringVar(&c.stack, "stack", "", "the stack: tier-100 … tier-100k, or the name of any file Pulumi.<name>.yaml")
	flags.StringVar(&c.from, "from", "", "preview only: the stack whose configuration is moved to this one")
	flags.BoolVar(&c.json, "json", false, "preview only: print one JSON object {resources, diff} and nothing else")
	if err := flags.Parse(args[1:]); errors.Is(err, flag.ErrHelp) {
		return c, err
	} else if err != nil {
		return c, fmt.Errorf("%w\n%w", err, errUsage)
	}
	if flags.NArg() > 0 {
		return c, fmt.Errorf("%q is not understood\n%w", flags.Arg(0), errUsage)
	}
	if c.stack == "" {
		c.stack = "tier-100"
	}
	switch c.verb {
	case "up", "destroy":
		if c.from != "" || c.json {
			return c, fmt.Errorf("--from and --json go with preview\n%w", errUsage)
		}
	case "preview":
	default:
		return c, fmt.Errorf("%q is no command; allowed: up, preview, destroy\n%w", c.verb, errUsage)
	}
	return c, nil
}

func execute(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	c, err := parse(args, stderr)
	if errors.Is(err, flag.ErrHelp) {
		_, err = fmt.Fprintln(stdout, help)
		return err
	}
	if err != nil {
		return err
	}
	dir, err := os.Getwd()
	if err != nil {
		return fmt.Errorf("find the working folder: %w", err)
	}
	root, err := engine.FindRoot(dir)
	if err != nil {
		return err
	}
	progress := stdout
	if c.json {
		progress = stderr
	}
	e := engine.Engine{Root: root, Out: stdout, Progress: progress}
	switch c.verb {
	case "up":
		return e.Up(ctx, c.stack)
	case "destroy":
		return e.Destroy(ctx, c.stack)
	default:
		return e.Preview(ctx, c.stack, c.from, c.json)
	}
}
