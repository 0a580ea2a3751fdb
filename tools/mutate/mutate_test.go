package main

import (
	"os"
	"path/filepath"
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
		tests, err := filepath.Glob(filepath.Join(g.pkg, "*_test.go"))
		require.NoError(t, err)
		require.NotEmpty(t, tests, g.pkg)
	}
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
