package engine

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/pulumi/pulumi/sdk/v3/go/auto"
	"github.com/pulumi/pulumi/sdk/v3/go/auto/events"
	"github.com/pulumi/pulumi/sdk/v3/go/auto/optdestroy"
	"github.com/pulumi/pulumi/sdk/v3/go/auto/optpreview"
	"github.com/pulumi/pulumi/sdk/v3/go/auto/optup"

	"workerfleet/stacks"
	"workerfleet/stacks/graph"
	"workerfleet/stacks/policy"
)

// ErrRefused is returned when the configuration or a rule of AWS refuses the stack. What is wrong was printed.
var ErrRefused = errors.New("the stack is refused")

// Up plans and applies a stack to the local state, and prints its resources by component.
func (e *Engine) Up(ctx context.Context, name string) error {
	file, err := e.Read(name)
	if err != nil {
		return err
	}
	if err := e.judge(file); err != nil {
		return err
	}
	steps, err := e.apply(ctx, file.Name, file)
	if err != nil {
		return err
	}
	if err := writeResources(e.Out, steps); err != nil {
		return err
	}
	_, err = fmt.Fprintln(e.Out, nothingCreated)
	return err
}

// Preview shows what `up` would do to the stack as its local state stands. With from, it shows instead what moving a
// stack of that configuration to this one would do; the local state is then left alone.
func (e *Engine) Preview(ctx context.Context, name, from string, asJSON bool) error {
	file, err := e.Read(name)
	if err != nil {
		return err
	}
	if err := e.judge(file); err != nil {
		return err
	}
	at := *e
	if from != "" {
		earlier, err := e.Read(from)
		if err != nil {
			return err
		}
		home, err := os.MkdirTemp("", "workerfleet-from-")
		if err != nil {
			return fmt.Errorf("make a folder for the move: %w", err)
		}
		defer os.RemoveAll(home)
		at.Home, at.Progress = home, io.Discard
		if _, err := at.apply(ctx, file.Name, earlier); err != nil {
			return fmt.Errorf("apply %s, from which to move: %w", earlier.Name, err)
		}
		at.Progress = e.Progress
	}
	steps, err := at.preview(ctx, file.Name, file)
	if err != nil {
		return err
	}
	if asJSON {
		return writePlan(e.Out, steps)
	}
	if err := writeChanges(e.Out, steps); err != nil {
		return err
	}
	if err := writeResources(e.Out, steps); err != nil {
		return err
	}
	_, err = fmt.Fprintln(e.Out, nothingCreated)
	return err
}

// Destroy removes a stack from the local state. A stack whose state holds protected resources is refused as a whole,
// before anything is touched.
func (e *Engine) Destroy(ctx context.Context, name string) error {
	file, err := e.Read(name)
	if err != nil {
		return err
	}
	stack, done, err := e.open(ctx, file.Name, file)
	if err != nil {
		return err
	}
	defer done()
	resources, protected, err := contents(ctx, stack)
	if err != nil {
		return err
	}
	if resources == 0 {
		_, err = fmt.Fprintf(e.Out, "The stack %s is not in the local state: there is nothing to destroy.\n", file.Name)
		return errors.Join(err, stack.Workspace().RemoveStack(ctx, file.Name))
	}
	if protected > 0 {
		return fmt.Errorf("the stack %s holds %d protected resources: set protection to relaxed in its stack file, run up, then destroy", file.Name, protected)
	}
	if _, err := stack.Destroy(ctx, optdestroy.ProgressStreams(e.Progress), optdestroy.SuppressOutputs()); err != nil {
		return engineError("destroy", err)
	}
	if err := stack.Workspace().RemoveStack(ctx, file.Name); err != nil {
		return fmt.Errorf("remove the stack %s: %w", file.Name, err)
	}
	_, err = fmt.Fprintf(e.Out, "The stack %s is gone from the local state. Nothing was deleted in AWS: nothing was there.\n", file.Name)
	return err
}

// judge runs the program without an engine and prints everything that configuration and rules refuse: all of it at
// once, where the engine would stop at the first.
func (e *Engine) judge(file StackFile) error {
	platform, region, err := stacks.LoadFile(file.Path)
	if err != nil {
		return fmt.Errorf("%w\n%w", err, ErrRefused)
	}
	if _, err := stacks.Decode(platform, region); err != nil {
		return fmt.Errorf("%s:\n%w\n%w", file.Path, err, ErrRefused)
	}
	recorded, err := graph.Record(e.program(), graph.Run{
		Stack: file.Name, Region: region, Account: graph.SimulatedAccount,
		Config: map[string]string{"workerfleet:platform": string(platform)},
	})
	if err != nil {
		return fmt.Errorf("%s: %w", file.Path, err)
	}
	findings := policy.JudgeAll(recorded)
	if len(findings) == 0 {
		return nil
	}
	lines := make([]string, len(findings))
	for i, f := range findings {
		lines[i] = f.String()
	}
	return fmt.Errorf("%s\n%w", strings.Join(lines, "\n"), ErrRefused)
}

func (e *Engine) apply(ctx context.Context, name string, file StackFile) ([]Step, error) {
	stack, done, err := e.open(ctx, name, file)
	if err != nil {
		return nil, err
	}
	defer done()
	stream := make(chan events.EngineEvent)
	steps := collect(stream)
	if _, err := stack.Up(ctx, optup.EventStreams(stream), optup.ProgressStreams(e.Progress)); err != nil {
		return nil, engineError("up", err)
	}
	return <-steps, nil
}

func (e *Engine) preview(ctx context.Context, name string, file StackFile) ([]Step, error) {
	stack, done, err := e.open(ctx, name, file)
	if err != nil {
		return nil, err
	}
	defer done()
	stream := make(chan events.EngineEvent)
	steps := collect(stream)
	if _, err := stack.Preview(ctx, optpreview.EventStreams(stream), optpreview.ProgressStreams(e.Progress), optpreview.Diff(), optpreview.SuppressOutputs()); err != nil {
		return nil, engineError("preview", err)
	}
	return <-steps, nil
}

// contents counts the resources of the local state, and those of them that refuse to be deleted. The engine itself would
// delete all others before it comes to the first of these.
func contents(ctx context.Context, stack auto.Stack) (resources, protected int, err error) {
	state, err := stack.Export(ctx)
	if err != nil {
		return 0, 0, fmt.Errorf("read the local state: %w", err)
	}
	var deployment struct {
		Resources []struct {
			Protect bool `json:"protect"`
		} `json:"resources"`
	}
	if err := json.Unmarshal(state.Deployment, &deployment); err != nil {
		return 0, 0, fmt.Errorf("read the local state: %w", err)
	}
	for _, r := range deployment.Resources {
		if r.Protect {
			protected++
		}
	}
	return len(deployment.Resources), protected, nil
}

// errLeft replaces the engine's advice, which names a command that this project does not install.
var errLeft = errors.New("a run that was killed has left its lock: delete .workerfleet/state/.pulumi/locks")

// engineError keeps the diagnostics of what the engine said: the rest went to the progress already.
func engineError(operation string, err error) error {
	said := err.Error()
	if strings.Contains(said, "currently locked") {
		return errLeft
	}
	if _, diagnostics, found := strings.Cut(said, "Diagnostics:\n"); found {
		said, _, _ = strings.Cut(diagnostics, "\nResources:")
	}
	return fmt.Errorf("the engine refuses to %s:\n%s", operation, strings.TrimRight(said, "\n"))
}
