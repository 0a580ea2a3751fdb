package stacks

import (
	"encoding/json"
	"fmt"
	"maps"
	"testing"

	"github.com/stretchr/testify/require"

	"workerfleet/runtime/settings"
	"workerfleet/runtime/signals"
	"workerfleet/stacks/graph"
)

// fleetSeries are the platform's own series that a stack's alarms and dashboard read, by reader and labels, and the stack
// that each is of.
func fleetSeries(t *testing.T, g *graph.Graph) map[string]string {
	t.Helper()
	stacks := map[string]string{}
	read := func(reader string, dimensions map[string]any) {
		stack, _ := dimensions[signals.StackDimension].(string)
		labels := maps.Clone(dimensions)
		delete(labels, signals.StackDimension)
		stacks[fmt.Sprint(reader, labels)] = stack
	}
	for _, alarm := range g.OfType("aws:cloudwatch/metricAlarm:MetricAlarm") {
		if alarm.Text("namespace") == signals.Namespace {
			dimensions, _ := alarm.Value("dimensions").(map[string]any)
			read(alarm.Name, dimensions)
		}
		queries, _ := alarm.Value("metricQueries").([]any)
		for _, query := range queries {
			metric, _ := query.(map[string]any)["metric"].(map[string]any)
			if metric["namespace"] == signals.Namespace {
				dimensions, _ := metric["dimensions"].(map[string]any)
				read(alarm.Name, dimensions)
			}
		}
	}
	for _, row := range dashboardRows(t, g) {
		if row[0] != signals.Namespace {
			continue
		}
		dimensions := map[string]any{}
		for i := 2; i+1 < len(row); i += 2 {
			dimensions[row[i].(string)] = row[i+1]
		}
		shown := row[len(row)-1].(map[string]any)
		read("dashboard "+row[1].(string)+" "+shown["stat"].(string), dimensions)
	}
	return stacks
}

// dashboardRows are the metrics of the dashboard's graphs.
func dashboardRows(t *testing.T, g *graph.Graph) [][]any {
	t.Helper()
	var body struct {
		Widgets []struct{ Properties struct{ Metrics [][]any } }
	}
	require.NoError(t, json.Unmarshal([]byte(byName(t, g, "watch-dashboard").Text("dashboardBody")), &body))
	var rows [][]any
	for _, widget := range body.Widgets {
		rows = append(rows, widget.Properties.Metrics...)
	}
	return rows
}

// Two stacks of one tier in one account measure apart: their processes say different stacks, and each stack's alarms and
// dashboard read the series of its own processes and of no other's. That the lines carry what FLEET_TIER says is shown by
// the processes' own tests.
func TestTwoStacksMeasureApart(t *testing.T) {
	readers := 0
	for _, stack := range []string{"acme", "globex"} {
		g := deployInto(t, "1k", graph.Run{Stack: stack})
		for reader, of := range fleetSeries(t, g) {
			readers++
			require.Equal(t, stack, of, "%s of %s", reader, stack)
		}
		told := 0
		for _, definition := range g.OfType(definitionResource) {
			for _, c := range containersOf(t, g, definition.Name) {
				if tier, states := environ(c)[settings.EnvTier]; states {
					told++
					require.Equal(t, stack, tier, definition.Name)
				}
			}
		}
		for _, function := range g.OfType("aws:lambda/function:Function") {
			told++
			require.Equal(t, stack, function.Text("environment.variables."+settings.EnvTier), function.Name)
		}
		require.Equal(t, 9, told, "api, keeper, agent, migrate and five functions know their stack")
	}
	// Eight alarms of one series, two of eight each, and a row of the dashboard for each label value and statistic.
	require.Greater(t, readers, 2*(8+16+40))
}
