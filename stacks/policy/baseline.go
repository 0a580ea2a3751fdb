package policy

import (
	"fmt"
	"path"
	"slices"
	"strings"

	"workerfleet/stacks/graph"
)

const baselinePrefix = "baseline-"

// Asked is what a stack asks for as far as judgements depend on it. The stack's name is not among it: a throwaway stack
// is one that says so, not one that is called so.
type Asked struct {
	Users  int
	Strict bool // protection: strict
	// MultiAZ, NATPerZone, InterfaceEndpoints and CrossRegionBackup are the switches of the same names.
	MultiAZ, NATPerZone, InterfaceEndpoints, CrossRegionBackup bool
	// Shield says that Shield Advanced protections are to be made.
	Shield bool
}

// check judges one resource.
type check = func(g *graph.Graph, r graph.Resource) []Finding

// Baseline returns the security baseline for what a stack asks, in the order of its rows. A rule's number is its row in
// docs/policy.md.
func Baseline(asked Asked) []Rule {
	rules := slices.Concat(
		networkBaseline(asked), capacityBaseline(), clusterBaseline(asked), containerBaseline(asked), registryBaseline(asked),
		messagingBaseline(), cacheBaseline(), databaseBaseline(asked), edgeBaseline(asked), functionBaseline(),
		identityBaseline(), observabilityBaseline(), dataBaseline(asked), stackBaseline(asked),
	)
	slices.SortStableFunc(rules, func(a, b Rule) int { return a.Row - b.Row })
	for i := range rules {
		rules[i].ID = fmt.Sprint(baselinePrefix, rules[i].Row)
	}
	return rules
}

// Verdict is what became of one rule in one graph.
type Verdict string

// A rule is not applicable where its stack does not ask for it or nothing that it is about exists. One that met a value
// which only AWS can give is undecided: neither a failure nor a pass.
const (
	Passed        Verdict = "passed"
	Failed        Verdict = "failed"
	WaivedFully   Verdict = "waived"
	Undecided     Verdict = "undecided"
	NotApplicable Verdict = "not applicable"
)

// Outcome is what one rule said of a graph.
type Outcome struct {
	Rule    Rule
	Verdict Verdict
	// Judged is the number of resources that the rule is about.
	Judged int
	// Failing and Undecided are the findings that no waiver covers; Waived are the others, by waiver.
	Failing, Undecided []Finding
	Waived             map[int][]Finding
	// Why says why a rule is not applicable.
	Why string
}

// Assess judges a whole graph by the baseline. Waivers are named by their place in the list.
func Assess(g *graph.Graph, asked Asked, waivers []Waiver) []Outcome {
	rules := Baseline(asked)
	outcomes := make([]Outcome, len(rules))
	for i, rule := range rules {
		outcomes[i] = assess(g, rule, waivers)
	}
	return outcomes
}

func assess(g *graph.Graph, rule Rule, waivers []Waiver) Outcome {
	outcome := Outcome{Rule: rule, Waived: map[int][]Finding{}, Why: rule.Off, Verdict: NotApplicable}
	if rule.Off != "" {
		return outcome
	}
	for _, r := range g.All() {
		findings, concerned := rule.decide(g, r)
		if !concerned {
			continue
		}
		outcome.Judged++
		for _, f := range findings {
			waiver := slices.IndexFunc(waivers, func(w Waiver) bool { return w.covers(rule, r) })
			switch {
			case waiver >= 0:
				outcome.Waived[waiver] = append(outcome.Waived[waiver], f)
			case f.Undecided:
				outcome.Undecided = append(outcome.Undecided, f)
			default:
				outcome.Failing = append(outcome.Failing, f)
			}
		}
	}
	outcome.Verdict = outcome.verdict()
	if outcome.Verdict == NotApplicable {
		outcome.Why = "nothing of this kind is in the stack"
	}
	return outcome
}

// decide judges a resource if the rule is about it. Where it is not known yet whether the rule is, nothing that the rule
// finds is a failure.
func (rule Rule) decide(g *graph.Graph, r graph.Resource) (findings []Finding, concerned bool) {
	if !rule.concerns(r) {
		return nil, false
	}
	sure := true
	if rule.Only != nil {
		for _, f := range rule.Only(g, r) {
			if !f.Undecided {
				return nil, false
			}
			sure = false
		}
	}
	findings = rule.judge(g, r)
	for i := range findings {
		findings[i].Undecided = findings[i].Undecided || !sure
	}
	return findings, true
}

func (o Outcome) verdict() Verdict {
	switch {
	case len(o.Failing) > 0:
		return Failed
	case len(o.Undecided) > 0:
		return Undecided
	case len(o.Waived) > 0:
		return WaivedFully
	case o.Judged == 0 && !o.Rule.Banned:
		return NotApplicable
	}
	return Passed
}

// Waiver says why a row does not bind some resources. It has no date on which it ends: a date would break a build that
// nobody touched. One that covers nothing fails a test instead.
type Waiver struct {
	Row int
	// Name is a pattern of logical names as path.Match reads it; empty means every resource that the row judges.
	Name   string
	Reason string
}

func (w Waiver) covers(rule Rule, r graph.Resource) bool {
	if w.Row != rule.Row {
		return false
	}
	matched, err := path.Match(w.Name, r.Name)
	return w.Name == "" || err == nil && matched
}

// refs splits the public checks that ask for a row, written as in docs/policy.md.
func refs(text string) []string { return strings.Split(text, "; ") }

// of names the types that a rule looks at.
func of(types ...string) []string { return types }

// unless returns the reason why a rule is off, or nothing where it is on.
func unless(on bool, reason string) string {
	if on {
		return ""
	}
	return reason
}
