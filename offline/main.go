// Command offline plans and applies the platform's stacks with the real Pulumi engine and no AWS account.
//
//	offline up --stack tier-100
//	offline preview --stack tier-5k --from tier-1k [--json]
//	offline destroy --stack tier-100
//
// Started under the name pulumi-resource-aws it is the simulated AWS provider that the engine talks to.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"

	"workerfleet/offline/engine"
	"workerfleet/offline/provider"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if filepath.Base(os.Args[0]) == provider.Program {
		if err := provider.Serve(ctx, os.Stdout); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	os.Exit(run(ctx, os.Args[1:], os.Stdout, os.Stderr))
}

// run returns 0 when all went well, 2 when the command, the stack file or a rule refuses the input, 1 otherwise.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	err := execute(ctx, args, stdout, stderr)
	if err == nil {
		return 0
	}
	fmt.Fprintln(stderr, err)
	if errors.Is(err, errUsage) || errors.Is(err, engine.ErrRefused) {
		return 2
	}
	return 1
}
