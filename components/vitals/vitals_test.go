package vitals_test

import (
	"maps"
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"github.com/stretchr/testify/require"

	"workerfleet/components/alarms"
	"workerfleet/components/place"
	"workerfleet/components/vitals"
	"workerfleet/runtime/signals"
	"workerfleet/stacks/graph"
)

func record(t *testing.T) *graph.Graph {
	t.Helper()
	g, err := graph.Record(func(ctx *pulumi.Context) error {
		topic, err := alarms.NewTopic(ctx, "alarms", &alarms.Args{
			Place: place.Place{Stack: "tier-1k", Account: "111122223333", Region: "ap-southeast-1"}, Key: pulumi.String("key-arn"),
		})
		if err != nil {
			return err
		}
		_, err = vitals.New(ctx, "vitals", &vitals.Args{Topic: topic, Stack: "tier-1k"})
		return err
	}, graph.Run{})
	require.NoError(t, err)
	return g
}

// reads are the series that an alarm reads: metric, label, value. Each is of this stack.
func reads(t *testing.T, alarm graph.Resource) [][3]string {
	t.Helper()
	one := func(name, dimensions any) [3]string {
		series := [3]string{name.(string)}
		labels := maps.Clone(dimensions.(map[string]any))
		require.Equal(t, "tier-1k", labels["Stack"], "%s reads %s of every stack in the account", alarm.Name, name)
		delete(labels, "Stack")
		for label, value := range labels {
			series[1], series[2] = label, value.(string)
		}
		return series
	}
	queries, _ := alarm.Value("metricQueries").([]any)
	if len(queries) == 0 {
		return [][3]string{one(alarm.Text("metricName"), alarm.Value("dimensions"))}
	}
	var all [][3]string
	for _, query := range queries {
		if metric, ok := query.(map[string]any)["metric"].(map[string]any); ok {
			all = append(all, one(metric["metricName"], metric["dimensions"]))
		}
	}
	return all
}

// Every alarm reads series that the processes write: a metric with its label and one of the label's values. An alarm on
// a misspelt one would never sound.
func TestAlarmsReadWhatIsWritten(t *testing.T) {
	written := map[[3]string]bool{}
	for _, metric := range signals.All() {
		if len(metric.Labels) == 0 {
			written[[3]string{metric.Name}] = true
		}
		for _, label := range metric.Labels {
			for _, value := range label.Values {
				written[[3]string{metric.Name, label.Name, value}] = true
			}
		}
	}
	found := 0
	for _, alarm := range record(t).OfType("aws:cloudwatch/metricAlarm:MetricAlarm") {
		if alarm.Name == "alarms-undelivered-depth" {
			continue
		}
		found++
		for _, series := range reads(t, alarm) {
			require.True(t, written[series], "%s reads %v, which nobody writes", alarm.Name, series)
		}
	}
	require.Equal(t, 10, found)
}

// What must never happen sounds at the first sight, a promise when it is broken, and silence only where it means that
// nobody measures.
func TestThresholds(t *testing.T) {
	g := record(t)
	for name, want := range map[string][4]any{
		"vitals-orders-unknown": {0.0, 1.0, "notBreaching", "GreaterThanThreshold"},
		"vitals-recovery-slow":  {60.0, 1.0, "notBreaching", "GreaterThanThreshold"},
		"vitals-claims-slow":    {0.897, 5.0, "notBreaching", "GreaterThanThreshold"},
		"vitals-limits":         {0.8, 5.0, "notBreaching", "GreaterThanThreshold"},
		"vitals-beats-stopped":  {1.0, 15.0, "breaching", "LessThanThreshold"},
	} {
		found := 0
		for _, alarm := range g.OfType("aws:cloudwatch/metricAlarm:MetricAlarm") {
			if alarm.Name == name {
				found++
				require.Equal(t, want, [4]any{alarm.Value("threshold"), alarm.Value("evaluationPeriods"), alarm.Value("treatMissingData"), alarm.Value("comparisonOperator")}, name)
			}
		}
		require.Equal(t, 1, found, name)
	}
}

// Without anybody to tell, or a stack to watch, nothing is made.
func TestRefuses(t *testing.T) {
	g, err := graph.Record(func(ctx *pulumi.Context) error {
		_, err := vitals.New(ctx, "vitals", &vitals.Args{})
		return err
	}, graph.Run{})
	require.ErrorContains(t, err, `vitals.Vitals "vitals": topic: is missing`)
	require.ErrorContains(t, err, "stack: is empty; allowed: the stack's name")
	require.Empty(t, g.All())
}
