package engine

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"workerfleet/stacks/sizing"
)

// StackFile is a stack's configuration as it is committed.
type StackFile struct {
	// Name is the stack's, such as "tier-10k".
	Name string
	Path string
	Text []byte
}

// Read finds the stack file that a user means: "tier-10k", "10k" and "10000" name one tier, and any other name is that
// of a file Pulumi.<name>.yaml.
func (e *Engine) Read(name string) (StackFile, error) {
	candidates := []string{name}
	if users, err := sizing.Tier(name); err == nil {
		if tier, published := sizing.TierName(users); published {
			candidates = append(candidates, "tier-"+tier)
		}
	}
	for _, candidate := range candidates {
		path := filepath.Join(e.Root, "Pulumi."+candidate+".yaml")
		text, err := os.ReadFile(path)
		if errors.Is(err, os.ErrNotExist) {
			continue
		}
		if err != nil {
			return StackFile{}, fmt.Errorf("read the stack file: %w", err)
		}
		return StackFile{Name: candidate, Path: path, Text: text}, nil
	}
	return StackFile{}, fmt.Errorf("STACK: there is no stack %q; allowed: %s\n%w", name, strings.Join(e.stacks(), ", "), ErrRefused)
}

// stacks lists the stacks that have a file.
func (e *Engine) stacks() []string {
	files, _ := filepath.Glob(filepath.Join(e.Root, "Pulumi.*.yaml"))
	var names []string
	for _, file := range files {
		names = append(names, strings.TrimSuffix(strings.TrimPrefix(filepath.Base(file), "Pulumi."), ".yaml"))
	}
	return names
}
