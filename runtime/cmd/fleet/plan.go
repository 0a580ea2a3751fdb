package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"

	"workerfleet/stacks/sizing"

	"github.com/spf13/cobra"
)

const planExamples = `  fleet plan --tier 10k                      a published tier: 100, 500, 1k, 5k, 10k, 50k, 100k
  fleet plan --users 12000                   any number from 1 to 1,000,000
  fleet plan --users 12000 --write           and write Pulumi.users-12000.yaml
  fleet plan --tier 50k --architecture x86_64
  fleet plan --tier 100k --json | tail -1    one JSON object, on the last line`

type planFlags struct {
	users        string
	tier         string
	architecture string
	write, force bool
	dir          string
	json         bool
}

func planCommand() *cobra.Command {
	var f planFlags
	c := &cobra.Command{
		Use:   "plan (--users N | --tier T)",
		Short: "What a number of users needs: capacity, connections, quotas, cost",
		Long: "plan prints what a number of users needs. Costs are on demand with everything at its peak count in every\n" +
			"hour; each line names the source of its price, and whether that price was read there.",
		Example: planExamples,
		Args:    cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			return printPlan(c, f)
		},
	}
	flags := c.Flags()
	flags.StringVar(&f.users, "users", "", "registered users, `N` from 1 to 1,000,000")
	flags.StringVar(&f.tier, "tier", "", "a published tier `T`; 10k, tier-10k and 10000 are the same")
	flags.StringVar(&f.architecture, "architecture", "", "x86_64 or arm64 (default: arm64 from 50,000 users)")
	flags.BoolVar(&f.write, "write", false, "write the stack file, Pulumi.tier-<name>.yaml or Pulumi.users-<N>.yaml")
	flags.BoolVar(&f.force, "force", false, "with --write: replace a file that exists")
	flags.StringVar(&f.dir, "dir", ".", "with --write: the project's folder")
	flags.BoolVar(&f.json, "json", false, "end with the plan as one JSON object on the last line")
	return c
}

func printPlan(c *cobra.Command, f planFlags) error {
	plan, err := planFor(c, f)
	if err != nil {
		return err
	}
	out := c.OutOrStdout()
	if f.write { // before the plan is printed: --json promises the last line
		path, err := writeStackFile(plan, f)
		if err != nil {
			return err
		}
		if _, err := fmt.Fprintln(out, "wrote", path); err != nil {
			return failure{err}
		}
	}
	if f.json {
		err = json.NewEncoder(out).Encode(summary(plan))
	} else {
		_, err = io.WriteString(out, table(plan))
	}
	if err != nil {
		return failure{fmt.Errorf("print the plan: %w", err)}
	}
	return nil
}

// planFor reads the command line into a plan. Its errors name the flag and the allowed values.
func planFor(c *cobra.Command, f planFlags) (sizing.Plan, error) {
	byUsers, byTier := c.Flags().Changed("users"), c.Flags().Changed("tier")
	switch {
	case byUsers && byTier:
		return sizing.Plan{}, errors.New("--users and --tier say the same thing; allowed: one of them")
	case !byUsers && !byTier:
		return sizing.Plan{}, errors.New("how many users? allowed: --users 1 to 1,000,000, or --tier with one of " +
			"100, 500, 1k, 5k, 10k, 50k, 100k")
	case f.force && !f.write:
		return sizing.Plan{}, errors.New("--force does nothing without --write; allowed: both, or neither")
	}
	users, err := strconv.Atoi(f.users)
	if byUsers && err != nil {
		return sizing.Plan{}, fmt.Errorf("users: %q is not allowed; allowed: 1 to 1,000,000", f.users)
	}
	if byTier {
		if users, err = sizing.Tier(f.tier); err != nil {
			return sizing.Plan{}, err
		}
	}
	if c.Flags().Changed("architecture") {
		return sizing.ForArchitecture(users, sizing.Architecture(f.architecture))
	}
	return sizing.For(users)
}

// writeStackFile writes the plan's stack file and returns its path; a file that exists is replaced only with --force.
func writeStackFile(p sizing.Plan, f planFlags) (string, error) {
	path := filepath.Join(f.dir, "Pulumi."+p.StackName()+".yaml")
	// O_EXCL rather than a look first: nothing can slip in between.
	flag := os.O_WRONLY | os.O_CREATE | os.O_EXCL
	if f.force {
		flag = os.O_WRONLY | os.O_CREATE | os.O_TRUNC
	}
	file, err := os.OpenFile(path, flag, 0o644)
	if errors.Is(err, os.ErrExist) {
		return "", failure{fmt.Errorf("%s exists; --force replaces it", path)}
	}
	if err != nil {
		return "", failure{fmt.Errorf("write the stack file: %w", err)}
	}
	_, err = file.Write(sizing.StackFile(p))
	if err = errors.Join(err, file.Close()); err != nil {
		return "", failure{fmt.Errorf("write the stack file: %w", err)}
	}
	return path, nil
}
