package engine

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/pulumi/pulumi/sdk/v3/go/auto"
)

// cliModule is the CLI's module; its version stands in tools/pulumi/go.mod alone.
const cliModule = "github.com/pulumi/pulumi/pkg/v3"

// cli returns the Pulumi CLI, built from source the first time and after its pin has changed.
//
// The version is linked in by hand: a CLI without one is refused by the Automation API, and `go tool` cannot give it
// one.
func (e *Engine) cli(ctx context.Context) (auto.PulumiCommand, error) {
	source := filepath.Join(e.Root, "tools", "pulumi")
	pin, err := os.ReadFile(filepath.Join(source, "go.mod"))
	if err != nil {
		return nil, fmt.Errorf("read the CLI's pin: %w", err)
	}
	sum := sha256.Sum256(pin)
	stamp, stampFile := hex.EncodeToString(sum[:]), filepath.Join(e.tools(), "bin", "pulumi.pin")
	if built, err := os.ReadFile(stampFile); err != nil || string(built) != stamp {
		if err := e.buildCLI(ctx, source, string(pin)); err != nil {
			return nil, err
		}
		if err := os.WriteFile(stampFile, []byte(stamp), 0o644); err != nil {
			return nil, fmt.Errorf("note which CLI was built: %w", err)
		}
	}
	cli, err := auto.NewPulumiCommand(&auto.PulumiCommandOptions{Root: e.tools()})
	if err != nil {
		return nil, fmt.Errorf("start the Pulumi CLI: %w", err)
	}
	return cli, nil
}

// buildCLI builds into a name of its own first, so that two runs at once never start a half-written program.
func (e *Engine) buildCLI(ctx context.Context, source, pin string) error {
	version := requirement(pin, cliModule)
	if version == "" {
		return fmt.Errorf("tools/pulumi/go.mod names no version of %s", cliModule)
	}
	if _, err := fmt.Fprintf(e.Progress, "building the Pulumi CLI %s from source (once; about four minutes on two cores) …\n", version); err != nil {
		return err
	}
	bin := filepath.Join(e.tools(), "bin")
	if err := os.MkdirAll(bin, 0o755); err != nil {
		return fmt.Errorf("make a folder for the CLI: %w", err)
	}
	fresh := filepath.Join(bin, fmt.Sprintf("pulumi.%d", os.Getpid()))
	build := exec.CommandContext(ctx, "go", "build", "-o", fresh,
		"-ldflags", "-s -w -X github.com/pulumi/pulumi/sdk/v3/go/common/version.Version="+version, cliModule+"/cmd/pulumi")
	build.Dir = source
	if output, err := build.CombinedOutput(); err != nil {
		return fmt.Errorf("build the Pulumi CLI: %w\n%s", err, output)
	}
	if err := os.Rename(fresh, filepath.Join(bin, "pulumi")); err != nil {
		return fmt.Errorf("put the CLI in place: %w", err)
	}
	return nil
}

// requirement finds the version of a module in the text of a go.mod file.
func requirement(mod, module string) string {
	for line := range strings.Lines(mod) {
		fields := strings.Fields(strings.TrimPrefix(strings.TrimSpace(line), "require "))
		if len(fields) >= 2 && fields[0] == module {
			return fields[1]
		}
	}
	return ""
}
