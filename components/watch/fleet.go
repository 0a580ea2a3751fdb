package watch

import (
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"workerfleet/runtime/signals"
)

// fleetSections are the graphs of what the runtime itself records: one for each of its metrics, drawn from their
// definition, so that a new metric is on the dashboard with the release that records it.
func fleetSections(stack string) []Section {
	users := Section{Title: "What users see: claims, sessions, orders"}
	fleet := Section{Title: "The fleet: workers, deaths, launches, limits"}
	for _, metric := range signals.All() {
		graph := graphOf(metric, stack)
		switch metric.Name {
		case string(signals.Claims), string(signals.ClaimReady), string(signals.Recovery), string(signals.Orders), string(signals.Corrections),
			string(signals.OrderBroker), string(signals.OutboxAge):
			users.Graphs = append(users.Graphs, graph)
		default:
			fleet.Graphs = append(fleet.Graphs, graph)
		}
	}
	return []Section{users, fleet}
}

// graphOf draws a metric as its kind wants: counters by their sum, gauges by their greatest value, times by what half and
// what one in a hundred waits, of this stack alone. A metric with a label is drawn by its values.
func graphOf(m signals.Metric, stack string) Graph {
	graph := Graph{Title: m.Name + ": " + m.Help, Stacked: m.Name == string(signals.Workers)}
	add := func(dimensions pulumi.StringMap, label string) {
		dimensions[signals.StackDimension] = pulumi.String(stack)
		statistics := map[signals.Kind][]string{
			signals.KindCounter: {"Sum"}, signals.KindGauge: {"Maximum"}, signals.KindHistogram: {"p50", "p99"},
		}[m.Kind]
		for _, statistic := range statistics {
			text := label
			if text == "" {
				text = statistic
			}
			graph.Series = append(graph.Series, Series{
				Namespace: signals.Namespace, Name: m.Name, Dimensions: dimensions, Statistic: statistic, Label: text,
			})
		}
	}
	if len(m.Labels) == 0 {
		add(pulumi.StringMap{}, "")
		return graph
	}
	for _, value := range m.Labels[0].Values {
		add(pulumi.StringMap{m.Labels[0].Name: pulumi.String(value)}, value)
	}
	return graph
}
