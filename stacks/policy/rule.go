package policy

import (
	"fmt"
	"slices"

	"workerfleet/stacks/graph"
)

// Rule is one thing that AWS refuses, or accepts and does wrong.
type Rule struct {
	// ID is "aws-" and the rule's number; the rules of one number share it.
	ID string
	// Title says what must hold, in one line.
	Title string
	// Types are the resource types that the rule looks at; none means every custom resource.
	Types []string
	// Check judges one resource. The graph holds what is known of the others: all of them in a test, those created so
	// far in the provider. A rule that cannot decide because a value is unknown says nothing.
	Check func(g *graph.Graph, r graph.Resource) []Finding
}

// Finding is one refusal: where it stands and what AWS would say.
type Finding struct {
	Rule, URN, Type, Name string
	// Property is the dotted path of the input that is wrong.
	Property string
	// Says is AWS's answer: its error code, then the reason with the value found and the values allowed.
	Says string
}

// String is the line that previews and tests print.
func (f Finding) String() string {
	return fmt.Sprintf("%s %q, property %s: AWS would say: %s (rule %s)", f.Type, f.Name, f.Property, f.Says, f.Rule)
}

// finding begins a finding; [Judge] fills in whose it is.
func finding(property, format string, args ...any) Finding {
	return Finding{Property: property, Says: fmt.Sprintf(format, args...)}
}

// Rules returns the table, by subject: names, network, queues, events, logs, keys, cache, database, edge, what is kept,
// hosts and tasks, functions.
func Rules() []Rule {
	return slices.Concat(nameRules(), networkRules(), queueRules(), eventRules(), logRules(), keyRules(), cacheRules(), databaseRules(),
		edgeRules(), keepRules(), computeRules(), functionRules())
}

// Judge applies every rule to one resource.
func Judge(g *graph.Graph, r graph.Resource) []Finding {
	var findings []Finding
	for _, rule := range Rules() {
		if !rule.concerns(r) {
			continue
		}
		for _, f := range rule.Check(g, r) {
			f.Rule, f.URN, f.Type, f.Name = rule.ID, r.URN, r.Type, r.Name
			findings = append(findings, f)
		}
	}
	return findings
}

// JudgeAll applies every rule to every resource of a graph, in the graph's order.
func JudgeAll(g *graph.Graph) []Finding {
	var findings []Finding
	for _, r := range g.All() {
		findings = append(findings, Judge(g, r)...)
	}
	return findings
}

func (rule Rule) concerns(r graph.Resource) bool {
	if len(rule.Types) == 0 {
		return r.Custom
	}
	return slices.Contains(rule.Types, r.Type)
}
