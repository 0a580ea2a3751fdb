package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/spf13/cobra"

	"workerfleet/runtime/claim"
	"workerfleet/runtime/cmd/internal/index"
	"workerfleet/runtime/cmd/internal/running"
	"workerfleet/runtime/iam"
	"workerfleet/runtime/settings"
	"workerfleet/runtime/valkey"
)

const operateExamples = `  fleet workers --local                      the platform that make local runs
  fleet claims --stack tier-10k              outputs in tier-10k.json: pulumi stack output --json -s tier-10k
  pulumi stack output --json | fleet dlq list --stack -
  fleet drain HOST --local                   no new users; its sessions end in their own time`

// callLimit bounds a command's calls: a person waits for it.
const callLimit = 30 * time.Second

// choice is the command line's word on which platform is meant.
type choice struct {
	surroundings
	local bool
	stack string
	json  bool
}

// flags adds the flags that every command on a running platform has.
func (c *choice) flags(command *cobra.Command) {
	flags := command.Flags()
	flags.BoolVar(&c.local, "local", false, "the platform that runs on this machine")
	flags.StringVar(&c.stack, "stack", "", "the stack whose outputs are in `FILE`, in FILE.json, or on standard input (-)")
	flags.BoolVar(&c.json, "json", false, "end with one JSON object on the last line")
}

// outputs reads where the platform stands. Without a word about it the environment says so, as it does to a process.
func (c *choice) outputs() (running.Outputs, error) {
	switch {
	case c.local && c.stack != "":
		return running.Outputs{}, errors.New("--local and --stack name two platforms; allowed: one of them")
	case c.local:
		text, err := os.ReadFile(running.File)
		if errors.Is(err, os.ErrNotExist) {
			return running.Outputs{}, failure{errors.New("no platform runs here; make local starts one, and --for keeps it")}
		}
		return decode(running.File, text, err)
	case c.stack == "-":
		text, err := io.ReadAll(c.stdin)
		return decode("standard input", text, err)
	case c.stack != "":
		text, err := os.ReadFile(c.stack)
		if err != nil {
			text, err = os.ReadFile(c.stack + ".json")
		}
		if errors.Is(err, os.ErrNotExist) {
			return running.Outputs{}, failure{fmt.Errorf("stack: neither %[1]s nor %[1]s.json is a file; pulumi stack output --json -s %[1]s > %[1]s.json writes it", c.stack)}
		}
		return decode(c.stack, text, err)
	case c.getenv(settings.EnvValkeyURL) != "":
		return running.Outputs{}, nil
	}
	return running.Outputs{}, errors.New("which platform? allowed: --local, --stack FILE, or " + settings.EnvValkeyURL + " in the environment")
}

func decode(name string, text []byte, err error) (o running.Outputs, _ error) {
	if err != nil {
		return o, failure{fmt.Errorf("read the outputs: %w", err)}
	}
	if err := json.Unmarshal(text, &o); err != nil {
		return o, failure{fmt.Errorf("%s: is not what pulumi stack output --json writes: %w", name, err)}
	}
	if o.Operator.ValkeyURL == "" {
		return o, failure{fmt.Errorf("%s: has no output operator.valkeyUrl; the stack is an older one, or another's", name)}
	}
	return o, nil
}

// variable is what a process would find in its environment.
func variable(o running.Outputs, getenv func(string) string) func(string) string {
	if o.Operator.ValkeyURL == "" {
		return getenv
	}
	known := map[string]string{
		settings.EnvTier: "operator", settings.EnvRegion: o.Operator.Region, settings.EnvValkeyURL: o.Operator.ValkeyURL,
		settings.EnvValkeyCache: o.Operator.ValkeyCache, settings.EnvValkeyAuth: string(settings.ValkeyIAM),
	}
	if o.Operator.ValkeyCache == "" {
		known[settings.EnvValkeyAuth] = string(settings.ValkeyNone)
	}
	return func(name string) string { return known[name] }
}

// use connects to the index and works on it. Whatever goes wrong is the world's fault, not the command line's.
func (c *choice) use(command *cobra.Command, work func(ctx context.Context, store *valkey.Store) error) error {
	outputs, err := c.outputs()
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(command.Context(), callLimit)
	defer cancel()
	set, err := settings.Read[settings.Operator](variable(outputs, c.getenv), nil)
	if err != nil {
		return failure{err}
	}
	client, err := index.Connect(ctx, index.Settings{Stack: set.Stack, Valkey: set.Valkey}, c.getenv)
	if err != nil {
		return failure{explained(err)}
	}
	defer func() { _ = client.Close() }()
	store, err := valkey.NewStore(ctx, client)
	if err != nil {
		return failure{err}
	}
	return work(ctx, store)
}

// explained says what a person does about what a process finds in its role.
func explained(err error) error {
	return fmt.Errorf("%w (the index is reached from inside its network, and AWS by the credentials that aws configure export-credentials prints)", err)
}

// aws is how queues are called: with what the environment holds, or with anything at all on this machine.
func (c *choice) aws(o running.Outputs) (aws.Config, error) {
	if o.Operator.ValkeyCache != "" {
		return iam.Config(o.Operator.Region, c.getenv)
	}
	config, err := iam.Config(o.Operator.Region, func(string) string { return "local" })
	config.BaseEndpoint = nil // each queue's own
	return config, err
}

// terms are what scripts take; nothing here binds or reaps by them.
func terms() claim.Terms { return claim.DefaultTerms() }

// print writes the tables, or one JSON object on the last line.
func (c *choice) print(command *cobra.Command, table string, object any) error {
	out := command.OutOrStdout()
	var err error
	if c.json {
		err = json.NewEncoder(out).Encode(object)
	} else {
		_, err = io.WriteString(out, table)
	}
	if err != nil {
		return failure{fmt.Errorf("print: %w", err)}
	}
	return nil
}
