package engine

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/pulumi/pulumi/sdk/v3/go/auto"
	"github.com/pulumi/pulumi/sdk/v3/go/common/workspace"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"workerfleet/offline/provider"
	"workerfleet/stacks"
)

// Engine runs one project's stacks.
type Engine struct {
	// Root is the project's folder, where Pulumi.yaml and the stack files stand.
	Root string
	// Home is where everything is kept that a run leaves behind; empty means Root/.workerfleet. The CLI is shared:
	// it always stands in Root/.workerfleet.
	Home string
	// Program is what the stacks run; nil means the platform's own.
	Program pulumi.RunFunc
	// Executable is the program that serves the provider when it is started as [provider.Program]; empty means the
	// running one.
	Executable string
	// Out takes what the user asked for, Progress what the engine says on the way.
	Out, Progress io.Writer
}

// FindRoot looks for the project's folder from dir upwards.
func FindRoot(dir string) (string, error) {
	for at := dir; ; at = filepath.Dir(at) {
		if _, err := os.Stat(filepath.Join(at, "Pulumi.yaml")); err == nil {
			return at, nil
		}
		if at == filepath.Dir(at) {
			return "", fmt.Errorf("no Pulumi.yaml in %s or above: run this in the project's folder", dir)
		}
	}
}

func (e *Engine) tools() string { return filepath.Join(e.Root, ".workerfleet") }

func (e *Engine) home() string {
	if e.Home != "" {
		return e.Home
	}
	return e.tools()
}

func (e *Engine) program() pulumi.RunFunc {
	if e.Program != nil {
		return e.Program
	}
	return stacks.Program
}

// open prepares the engine's stack called name, configured by the stack file. The returned function removes what is
// of use to this run only.
func (e *Engine) open(ctx context.Context, name string, file StackFile) (auto.Stack, func(), error) {
	cli, err := e.cli(ctx)
	if err != nil {
		return auto.Stack{}, nil, err
	}
	end, err := e.turn(ctx)
	if err != nil {
		return auto.Stack{}, nil, err
	}
	run, err := e.prepare(name, file)
	done := func() {
		_ = os.RemoveAll(run.temporary)
		end()
	}
	if err != nil {
		done()
		return auto.Stack{}, nil, err
	}
	stack, err := e.upsert(ctx, name, cli, run)
	if err != nil {
		done()
		return auto.Stack{}, nil, fmt.Errorf("open the stack %s: %w", name, err)
	}
	return stack, done, nil
}

func (e *Engine) upsert(ctx context.Context, name string, cli auto.PulumiCommand, run folders) (auto.Stack, error) {
	project, err := e.project(run.plugins)
	if err != nil {
		return auto.Stack{}, err
	}
	return auto.UpsertStackInlineSource(ctx, name, string(project.Name), e.program(),
		auto.Pulumi(cli), auto.Project(*project), auto.WorkDir(run.workspace),
		auto.PulumiHome(filepath.Join(e.home(), "pulumi")), auto.EnvVars(e.environment()),
	)
}

// folders are where one run works; two runs share none. temporary holds the others and is removed after the run:
// workspace has the copies of project and stack file, which the CLI may rewrite, and plugins the provider.
type folders struct{ temporary, workspace, plugins string }

func (e *Engine) prepare(name string, file StackFile) (folders, error) {
	var f folders
	temporary, err := os.MkdirTemp("", "workerfleet-")
	if err != nil {
		return f, fmt.Errorf("make a temporary folder: %w", err)
	}
	f = folders{temporary: temporary, workspace: filepath.Join(temporary, "workspace"), plugins: filepath.Join(temporary, "plugins")}
	for _, dir := range []string{f.workspace, f.plugins, filepath.Join(e.home(), "state"), filepath.Join(e.home(), "pulumi")} {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return f, fmt.Errorf("make a folder for the stack %s: %w", name, err)
		}
	}
	if err := os.WriteFile(filepath.Join(f.workspace, "Pulumi."+name+".yaml"), file.Text, 0o644); err != nil {
		return f, fmt.Errorf("copy the stack file: %w", err)
	}
	executable := e.Executable
	if executable == "" {
		if executable, err = os.Executable(); err != nil {
			return f, fmt.Errorf("find the running program: %w", err)
		}
	}
	if err := os.Symlink(executable, filepath.Join(f.plugins, provider.Program)); err != nil {
		return f, fmt.Errorf("link the provider: %w", err)
	}
	return f, nil
}

// project is the committed Pulumi.yaml with the simulated provider attached by its path: the engine then neither
// searches nor downloads one.
func (e *Engine) project(plugins string) (*workspace.Project, error) {
	project, err := workspace.LoadProject(filepath.Join(e.Root, "Pulumi.yaml"))
	if err != nil {
		return nil, fmt.Errorf("read Pulumi.yaml: %w", err)
	}
	project.Plugins = &workspace.Plugins{Providers: []workspace.PluginOptions{{Name: "aws", Path: plugins}}}
	return project, nil
}

// environment keeps the CLI at home: local state, no account, no look around for updates or plugins.
func (e *Engine) environment() map[string]string {
	environment := map[string]string{
		"PULUMI_BACKEND_URL":       "file://" + filepath.ToSlash(filepath.Join(e.home(), "state")),
		"PULUMI_CONFIG_PASSPHRASE": "",
		"PULUMI_SKIP_UPDATE_CHECK": "true",
		// The engine would write the whole state after every resource, most of a run's time. An account needs that to know
		// what an interrupted run has made; here nothing was made, and the state before the run is as good.
		"PULUMI_SKIP_CHECKPOINTS":                     "true",
		"PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION": "true",
		"PULUMI_IGNORE_AMBIENT_PLUGINS":               "true",
	}
	for _, variable := range os.Environ() {
		if name, _, _ := strings.Cut(variable, "="); strings.HasPrefix(name, "AWS_") {
			environment[name] = ""
		}
	}
	return environment
}
