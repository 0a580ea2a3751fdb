package watch_test

import (
	"encoding/json"
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"github.com/stretchr/testify/require"

	"workerfleet/components/alarms"
	"workerfleet/components/place"
	"workerfleet/components/watch"
	"workerfleet/runtime/signals"
	"workerfleet/stacks/graph"
)

var here = place.Place{Stack: "tier-1k", Account: "111122223333", Region: "ap-southeast-1"}

func valid() watch.Args {
	return watch.Args{
		Place: here, Users: []string{"edge-*"}, Capacity: []string{"database-cpu", "valkey-*"}, MonthlyBudgetUSD: 1_700,
		CostAnomaly: watch.Off, GuardDuty: watch.Off,
	}
}

// record makes some alarms, and then the watch over them.
func record(args watch.Args) (*graph.Graph, error) {
	return graph.Record(func(ctx *pulumi.Context) error {
		topic, err := alarms.NewTopic(ctx, "alarms", &alarms.Args{Place: here, Key: pulumi.String("key-arn")})
		if err != nil {
			return err
		}
		for _, name := range []string{"edge-errors", "edge-latency", "database-cpu", "valkey-memory"} {
			if _, err := topic.Alarm(ctx, name, alarms.Alarm{
				Says: "It is. Look.", Metric: alarms.Metric{Namespace: "N", Name: "m"}, Periods: 1, Missing: alarms.Ignored,
			}); err != nil {
				return err
			}
		}
		args.Topic = topic
		_, err = watch.New(ctx, "watch", &args)
		return err
	}, graph.Run{})
}

func recorded(t *testing.T, args watch.Args) *graph.Graph {
	t.Helper()
	g, err := record(args)
	require.NoError(t, err)
	return g
}

func named(t *testing.T, g *graph.Graph, name string) graph.Resource {
	t.Helper()
	for _, r := range g.All() {
		if r.Name == name && r.Custom {
			return r
		}
	}
	require.Fail(t, "no resource is called "+name)
	return graph.Resource{}
}

// The two questions are asked of alarms that exist, and depend on them: CloudWatch refuses a rule that names another. A
// pattern that matches none is refused here.
func TestComposites(t *testing.T) {
	g := recorded(t, valid())
	users := named(t, g, "watch-users")
	require.Equal(t, `ALARM("tier-1k-edge-errors") OR ALARM("tier-1k-edge-latency")`, users.Text("alarmRule"))
	require.Equal(t, "tier-1k-watch-users", users.Text("alarmName"))
	require.Equal(t, []any{g.OfType("aws:sns/topic:Topic")[0].Outputs["arn"]}, users.Inputs["alarmActions"])
	require.Contains(t, users.Options.DependsOn, named(t, g, "edge-errors").URN)
	require.Equal(t, `ALARM("tier-1k-database-cpu") OR ALARM("tier-1k-valkey-memory")`, named(t, g, "watch-capacity").Text("alarmRule"))

	args := valid()
	args.Users = []string{"edge-*", "nobody-*"}
	_, err := record(args)
	require.ErrorContains(t, err, `alarms "nobody-*": none has such a name; allowed: alarms-undelivered-depth, database-cpu, edge-errors, edge-latency, valkey-memory`)
}

type widget struct {
	Type                string
	X, Y, Width, Height int
	Properties          struct {
		Title, Markdown string
		Alarms          []string
		Metrics         [][]any
		Stacked         bool
	}
}

func widgets(t *testing.T, g *graph.Graph) []widget {
	t.Helper()
	var body struct{ Widgets []widget }
	require.NoError(t, json.Unmarshal([]byte(named(t, g, "watch-dashboard").Text("dashboardBody")), &body))
	return body.Widgets
}

// The dashboard shows every metric of the runtime, by its values where it has a label, and what the caller adds; no two
// widgets lie upon each other. That CloudWatch draws it is seen in an account.
func TestDashboard(t *testing.T) {
	args := valid()
	args.Sections = []watch.Section{{Title: "Edge", Graphs: []watch.Graph{
		{Title: "Requests", Series: []watch.Series{{Namespace: "AWS/X", Name: "Sum of all", Statistic: "Sum", Label: "all", Dimensions: pulumi.StringMap{"B": pulumi.String("2"), "A": pulumi.String("1")}}}},
		{Title: "Nodes", Series: []watch.Series{{Search: pulumi.String("SEARCH(x)")}}},
	}}}
	g := recorded(t, args)
	all := widgets(t, g)
	titles := map[string]widget{}
	taken := map[[2]int]bool{}
	for _, w := range all {
		titles[w.Properties.Title+w.Properties.Markdown] = w
		for x := w.X; x < w.X+w.Width; x++ {
			for y := w.Y; y < w.Y+w.Height; y++ {
				require.False(t, taken[[2]int{x, y}], "two widgets at %d, %d", x, y)
				require.Less(t, x, 24)
				taken[[2]int{x, y}] = true
			}
		}
	}
	require.Equal(t, []string{named(t, g, "watch-users").Outputs["arn"].(string), named(t, g, "watch-capacity").Outputs["arn"].(string)}, all[0].Properties.Alarms)
	for _, metric := range signals.All() {
		graph, drawn := titles[metric.Name+": "+metric.Help]
		require.True(t, drawn, metric.Name)
		series := 1
		if len(metric.Labels) > 0 {
			series = len(metric.Labels[0].Values)
		} else if metric.Kind == signals.KindHistogram {
			series = 2
		}
		require.Len(t, graph.Properties.Metrics, series, metric.Name)
		for _, row := range graph.Properties.Metrics {
			require.Equal(t, []any{"Workerfleet", metric.Name, "Stack", "tier-1k"}, row[:4])
		}
	}
	require.Equal(t, []any{"Workerfleet", "fleet_workers", "Stack", "tier-1k", "state", "launching", map[string]any{"stat": "Maximum", "label": "launching"}},
		titles["fleet_workers: Workers in each state."].Properties.Metrics[0])
	require.True(t, titles["fleet_workers: Workers in each state."].Properties.Stacked)
	require.Equal(t, [][]any{{"AWS/X", "Sum of all", "A", "1", "B", "2", map[string]any{"stat": "Sum", "label": "all"}}}, titles["Requests"].Properties.Metrics)
	require.Equal(t, [][]any{{map[string]any{"expression": "SEARCH(x)", "label": ""}}}, titles["Nodes"].Properties.Metrics)
}

// The budget is the stack's, told apart by its tag, and tells at four fifths, at its end, and when its end is in sight.
func TestBudget(t *testing.T) {
	budget := named(t, recorded(t, valid()), "watch-budget")
	require.Equal(t, []any{"1700", "USD", "MONTHLY", "COST"}, []any{budget.Inputs["limitAmount"], budget.Inputs["limitUnit"], budget.Inputs["timeUnit"], budget.Inputs["budgetType"]})
	require.Equal(t, []any{map[string]any{"name": "TagKeyValue", "values": []any{"user:cost-center$tier-1k"}}}, budget.Inputs["costFilters"])
	var told [][2]any
	for _, n := range budget.Inputs["notifications"].([]any) {
		notification := n.(map[string]any)
		told = append(told, [2]any{notification["notificationType"], notification["threshold"]})
		require.Len(t, notification["subscriberSnsTopicArns"], 1)
	}
	require.Equal(t, [][2]any{{"ACTUAL", 80.0}, {"ACTUAL", 100.0}, {"FORECASTED", 100.0}}, told)
}

// What an account has once is made where the stack is told to create it, and nowhere else; findings of GuardDuty are told
// also where it is adopted.
func TestOncePerAccount(t *testing.T) {
	const monitor, detector = "aws:costexplorer/anomalyMonitor:AnomalyMonitor", "aws:guardduty/detector:Detector"
	for _, word := range []string{watch.Off, watch.Adopt, watch.Create} {
		args := valid()
		args.CostAnomaly, args.GuardDuty = word, word
		g := recorded(t, args)
		made, told := 0, 0
		if word == watch.Create {
			made = 1
		}
		require.Len(t, g.OfType(monitor), made, word)
		require.Len(t, g.OfType(detector), made, word)
		require.Len(t, g.OfType("aws:guardduty/detectorFeature:DetectorFeature"), 4*made, word)
		if word != watch.Off {
			told = 1
		}
		require.Len(t, g.OfType("aws:cloudwatch/eventRule:EventRule"), told, word)
	}
}

// Every wrong argument is named at once, with what is allowed, and nothing is registered; a dashboard of more widgets
// than CloudWatch takes is one of them.
func TestRefuses(t *testing.T) {
	g, err := graph.Record(func(ctx *pulumi.Context) error {
		_, err := watch.New(ctx, "watch", &watch.Args{CostAnomaly: "some", Sections: []watch.Section{{Graphs: make([]watch.Graph, 500)}}})
		return err
	}, graph.Run{})
	for _, problem := range []string{
		`watch.Watch "watch": `, `costAnomaly: "some" is not allowed; allowed: create, adopt, off`, `guardDuty: "" is not allowed`,
		"monthlyBudgetUSD: 0 is not allowed; allowed: 1 or more", "users: is empty", "capacity: is empty", "sections: make 520 widgets; allowed: at most 500",
		"topic: is missing",
	} {
		require.ErrorContains(t, err, problem)
	}
	require.Empty(t, g.All())
}
