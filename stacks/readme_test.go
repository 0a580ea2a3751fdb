package stacks

import (
	"cmp"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
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
	generated(t, "README.md", "resources: go test ./stacks -run Readme -update", head, rule, resources, components)
}

// The operations page has every alarm of a stack, and what it says to whoever is woken.
func TestOperationsListAlarms(t *testing.T) {
	g := deployTier(t, "10k", graph.Run{})
	rows := map[string][]string{}
	for _, token := range []string{"aws:cloudwatch/metricAlarm:MetricAlarm", "aws:cloudwatch/compositeAlarm:CompositeAlarm"} {
		for _, alarm := range g.OfType(token) {
			says := alarm.Text("alarmDescription")
			require.NotEmpty(t, says, alarm.Name)
			rows[says] = append(rows[says], "`"+alarm.Name+"`")
		}
	}
	lines := []string{"| alarm | what it says |", "|---|---|"}
	for _, says := range slices.SortedFunc(maps.Keys(rows), func(a, b string) int { return cmp.Compare(rows[a][0], rows[b][0]) }) {
		lines = append(lines, "| "+strings.Join(rows[says], ", ")+" | "+says+" |")
	}
	generated(t, filepath.Join("docs", "operations.md"), "alarms: go test ./stacks -run Operations -update", lines...)
}

// generated requires that lines stand in a document behind a mark, or puts them there.
func generated(t *testing.T, document, mark string, lines ...string) {
	t.Helper()
	begin, end := "<!-- "+mark+" -->\n", "<!-- end -->\n"
	path := filepath.Join("..", document)
	text, err := os.ReadFile(path)
	require.NoError(t, err)
	before, rest, found := strings.Cut(string(text), begin)
	require.True(t, found, "%s has no mark %q", document, mark)
	_, after, found := strings.Cut(rest, end)
	require.True(t, found)
	want := before + begin + strings.Join(lines, "\n") + "\n" + end + after
	if *update {
		require.NoError(t, os.WriteFile(path, []byte(want), 0o644))
		return
	}
	require.Equal(t, want, string(text), "rewrite as the mark says")
}
