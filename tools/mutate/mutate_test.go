package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// Every guard that the run would take out stands in the code once, and its test exists: code that moved without its line in
// the table is found here. That something notices each of them, only the run shows: make mutate.
func TestGuardsStand(t *testing.T) {
	t.Chdir("../..")
	seen := map[string]bool{}
	for _, g := range guards() {
		_, err := g.without()
		if err != nil {
			t.Error(g.promise, err)
			continue
		}
		require.False(t, seen[g.file+g.new+g.old], "%s is taken out twice", g.promise)
		seen[g.file+g.new+g.old] = true
		for test := range strings.SplitSeq(g.tests, "|") {
			require.Regexp(t, `(?m)^func `+test+`\w*\(\w+ \*testing\.[TF]\)`, sources(t, g.pkg), "%s: %s", g.promise, g.pkg)
		}
	}
}

// sources is what stands in a package's tests.
func sources(t *testing.T, pkg string) string {
	files, err := filepath.Glob(filepath.Join(pkg, "*_test.go"))
	require.NoError(t, err)
	var all strings.Builder
	for _, file := range files {
		content, err := os.ReadFile(file)
		require.NoError(t, err)
		all.Write(content)
	}
	return all.String()
}

// A test that fails with its guard in its place, or is not there, is an error and not one that noticed.
func TestGuardHolds(t *testing.T) {
	t.Chdir("../..")
	require.NoError(t, guard{pkg: "./tools/mutate", tests: "TestStaleGuards"}.holds(t.Context()))
	require.ErrorContains(t, guard{pkg: "./tools/mutate", tests: "TestNowhere"}.holds(t.Context()), "has no test TestNowhere")
	require.ErrorContains(t, guard{pkg: "./tools/mutate/testdata/failing", tests: "TestFails"}.holds(t.Context()), "fails with the guard in its place")
}

// A test that waits until its time is over names itself.
func TestUnended(t *testing.T) {
	said := "panic: test timed out after 1m0s\n\trunning tests:\n\t\tTestWaits (1m0s)\n\ngoroutine 1"
	require.Equal(t, "TestWaits", unended.FindStringSubmatch(said)[1])
}

// A guard whose text is gone, or stands twice, is an error and not a guard that was noticed.
func TestStaleGuards(t *testing.T) {
	file := filepath.Join(t.TempDir(), "a.go")
	require.NoError(t, os.WriteFile(file, []byte("one two two"), 0o600))
	for text, want := range map[string]string{"three": "0 times", "two": "2 times"} {
		_, err := guard{file: file, old: text}.without()
		require.ErrorContains(t, err, want)
	}
	content, err := guard{file: file, old: "one", new: "1"}.without()
	require.NoError(t, err)
	require.Equal(t, "1 two two", string(content))
}

// The run sees that a guard is missing, and which test and which seed said so.
func TestRun(t *testing.T) {
	t.Chdir("../..")
	g := guards()[1]
	r, err := g.try(t.Context(), 100)
	require.NoError(t, err)
	require.NotEmpty(t, r.failed)
	require.True(t, r.caught())
}
