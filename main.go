// Command workerfleet is the Pulumi program of the platform: it builds, on AWS, one dedicated worker for every active
// user of a trading service. Run it with Pulumi (pulumi up -s tier-10k), or without an account (make up).
package main

import (
	"errors"
	"fmt"
	"os"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"workerfleet/stacks"
)

func main() {
	if os.Getenv(pulumi.EnvProject) == "" {
		fmt.Fprintln(os.Stderr, "this program runs inside Pulumi: pulumi up -s tier-100, or without an account make up")
		os.Exit(2)
	}
	err := pulumi.RunErr(stacks.Program)
	if err == nil {
		return
	}
	// A configuration's problems are printed as a list; anything else as it came.
	var problems stacks.Problems
	if errors.As(err, &problems) {
		err = problems
	}
	fmt.Fprintln(os.Stderr, err)
	os.Exit(1)
}
