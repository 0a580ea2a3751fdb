package policy

import (
	"fmt"
	"slices"
	"strings"

	"workerfleet/stacks/graph"
)

// Rule is one thing that AWS refuses, or accepts and does wrong; or, in [Baseline], one that it takes and an auditor
// does not.
type Rule struct {
	// ID is "aws-" and the rule's number; the rules of one number share it. In the baseline it is "baseline-" and the row.
	ID string
	// Row is the row of the baseline, 0 for what AWS refuses; Refs are the public checks that ask the same.
	Row  int
	Refs []string
	// Title says what must hold, in one line.
	Title string
	// Types are the resource types that the rule looks at; none means every custom resource.
	Types []string
	// Check judges one resource. The graph holds what is known of the others: all of them in a test, those created so
	// far in the provider. A rule that cannot decide because a value is unknown says nothing, or, in the baseline, answers
	// with a finding that is Undecided.
	Check func(g *graph.Graph, r graph.Resource) []Finding
	// Only narrows the resources down to those that the rule is about, which are those that pass; nil means all.
	Only func(g *graph.Graph, r graph.Resource) []Finding
	// Off says why a stack that asks for what this one asks is not judged by the rule; empty means that it is.
	Off string
	// Banned marks a rule that holds where none of its types is registered.
	Banned bool
}

// Finding is one refusal: where it stands and what AWS would say.
type Finding struct {
	Rule, URN, Type, Name string
	// Property is the dotted path of the input that is wrong.
	Property string
	// Says is AWS's answer: its error code, then the reason with the value found and the values allowed. In the baseline
	// it is what was found and what is wanted.
	Says string
	// Undecided marks that a value which only AWS can give stands where the rule would have to look.
	Undecided bool
}

// String is the line that previews and tests print.
func (f Finding) String() string {
	if strings.HasPrefix(f.Rule, baselinePrefix) {
		return fmt.Sprintf("%s %q, property %s: %s (rule %s)", f.Type, f.Name, f.Property, f.Says, f.Rule)
	}
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
		findings = append(findings, rule.judge(g, r)...)
	}
	return findings
}

// judge applies one rule to one resource and says of each finding whose it is.
func (rule Rule) judge(g *graph.Graph, r graph.Resource) []Finding {
	findings := rule.Check(g, r)
	for i := range findings {
		f := &findings[i]
		f.Rule, f.URN, f.Type, f.Name = rule.ID, r.URN, r.Type, r.Name
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
