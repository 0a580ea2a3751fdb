package main_test

import (
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// What the module depends on, and that somebody said why.

// directModules lists the modules that this module's packages and tests import, by the requirements of go.mod.
func directModules(goMod string, imports []string) []string {
	var required []string
	for line := range strings.Lines(goMod) {
		if fields := strings.Fields(strings.TrimPrefix(strings.TrimSpace(line), "require ")); len(fields) >= 2 && strings.Contains(fields[0], ".") {
			required = append(required, fields[0])
		}
	}
	found := map[string]bool{}
	for _, i := range imports {
		best := ""
		for _, m := range required {
			if (i == m || strings.HasPrefix(i, m+"/")) && len(m) > len(best) {
				best = m
			}
		}
		if best != "" {
			found[best] = true
		}
	}
	return slices.Sorted(maps.Keys(found))
}

// explained lists what docs/dependencies.md has a line for: a list item that begins with a module's path.
func explained(page string) []string {
	var found []string
	for _, match := range regexp.MustCompile("(?m)^- `([^`]+)` – .+").FindAllStringSubmatch(page, -1) {
		found = append(found, match[1])
	}
	slices.Sort(found)
	return found
}

// Every module that is imported, and every tool that is pinned, has its line in docs/dependencies.md, and nothing else
// has one. Whether the sentence is true is the reader's judgement.
func TestDependenciesAreExplained(t *testing.T) {
	packages, err := listed()
	require.NoError(t, err)
	var imports []string
	for _, p := range packages {
		imports = append(imports, slices.Concat(p.Imports, p.TestImports)...)
	}
	goMod, err := os.ReadFile("go.mod")
	require.NoError(t, err)
	want := directModules(string(goMod), imports)
	pins, err := filepath.Glob("tools/*/go.mod")
	require.NoError(t, err)
	require.NotEmpty(t, pins)
	for _, pin := range pins {
		content, err := os.ReadFile(pin)
		require.NoError(t, err)
		tool := regexp.MustCompile(`(?m)^tool (\S+)$`).FindStringSubmatch(string(content))
		require.NotNil(t, tool, "%s pins one tool", pin)
		want = append(want, tool[1])
	}
	page, err := os.ReadFile("docs/dependencies.md")
	require.NoError(t, err)
	slices.Sort(want)
	require.Equal(t, want, explained(string(page)))
}

// The comparison sees modules by their longest path, and lines by their form.
func TestDependencyRulesCanFail(t *testing.T) {
	goMod := "module workerfleet\n\ngo 1.26\n\nrequire example.org/one v1.0.0\n\nrequire (\n\texample.org/two v1.0.0 // indirect\n\texample.org/two/v2 v2.0.0\n\texample.org/three v1.0.0\n)\n"
	require.Equal(t, []string{"example.org/one", "example.org/two/v2"}, directModules(goMod, []string{"fmt", "example.org/one", "example.org/two/v2/x", "example.org/threefold"}))
	require.Equal(t, []string{"example.org/a", "example.org/b"}, explained("# Page\n\n- `example.org/b` – saves work.\n- `example.org/a` – also.\n- `example.org/c`\n`example.org/d` – no item\n"))
}
