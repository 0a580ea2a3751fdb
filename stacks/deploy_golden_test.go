package stacks

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"workerfleet/stacks/graph"
	"workerfleet/stacks/sizing"
)

var update = flag.Bool("update", false, "rewrite the golden graphs in testdata")

// The graph of every committed tier is the one that was reviewed. A difference is no fault by itself: read it, and
// rewrite the files with go test ./stacks -run Golden -update. What must hold is said by the named tests.
func TestGoldenGraphs(t *testing.T) {
	for _, tier := range sizing.TierNames() {
		got := deployTier(t, tier, graph.Run{}).Golden()
		path := filepath.Join("testdata", tier+".golden")
		if *update {
			require.NoError(t, os.WriteFile(path, []byte(got), 0o644))
		}
		want, err := os.ReadFile(path)
		require.NoError(t, err)
		if got != string(want) {
			require.Fail(t, "tier "+tier+" changed: "+firstDifference(string(want), got))
		}
	}
}

// firstDifference shows the first line that differs and the resource that it belongs to: the whole is thousands of
// lines.
func firstDifference(want, got string) string {
	before, after := strings.Split(want, "\n"), strings.Split(got, "\n")
	resource := ""
	for i, line := range after {
		if !strings.HasPrefix(line, " ") {
			resource = line
		}
		if i >= len(before) {
			return resource + "\n+ " + line
		}
		if before[i] != line {
			return resource + "\n- " + before[i] + "\n+ " + line
		}
	}
	return "\n- " + before[len(after)]
}
