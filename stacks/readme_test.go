package stacks

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"workerfleet/stacks/graph"
	"workerfleet/stacks/sizing"
)

// The README says how many resources each committed tier has, and it is as many as the program registers: those that
// make preview counts in its total, the providers among them, and the components that they stand in. go test ./stacks -run
// Readme -update rewrites the table.
func TestReadmeCountsResources(t *testing.T) {
	const begin, end = "<!-- resources: go test ./stacks -run Readme -update -->\n", "<!-- end -->\n"
	head, resources, components := "| tier |", "| resources |", "| in components |"
	rule := "|---|"
	for _, tier := range sizing.TierNames() {
		made, parts := 0, 0
		for _, r := range deployTier(t, tier, graph.Run{}).All() {
			if r.Custom {
				made++
			} else {
				parts++
			}
		}
		head += " " + tier + " |"
		rule += "---|"
		resources += fmt.Sprintf(" %d |", made)
		components += fmt.Sprintf(" %d |", parts)
	}
	path := filepath.Join("..", "README.md")
	text, err := os.ReadFile(path)
	require.NoError(t, err)
	before, rest, found := strings.Cut(string(text), begin)
	require.True(t, found, "the README has no table of resources")
	_, after, found := strings.Cut(rest, end)
	require.True(t, found)
	want := before + begin + strings.Join([]string{head, rule, resources, components}, "\n") + "\n" + end + after
	if *update {
		require.NoError(t, os.WriteFile(path, []byte(want), 0o644))
		return
	}
	require.Equal(t, want, string(text), "rewrite with: go test ./stacks -run Readme -update")
}
