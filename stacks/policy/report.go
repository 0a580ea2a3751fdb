package policy

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// marks are how a verdict looks in the table of rows.
var marks = map[Verdict]string{Passed: "yes", Failed: "**no**", WaivedFully: "waived", Undecided: "open", NotApplicable: "–"}

// Summary is the table of a line for each stack: how many rules passed, were waived, did not apply. Outcomes are those
// of [Assess], one list a stack.
func Summary(stacks []string, outcomes [][]Outcome) string {
	var b strings.Builder
	verdicts := []Verdict{Passed, WaivedFully, NotApplicable, Undecided, Failed}
	b.WriteString("| tier | rules | passed | waived with reason | not applicable | undecided | failed |\n|---|---|---|---|---|---|---|\n")
	for i, stack := range stacks {
		count := map[Verdict]int{}
		for _, outcome := range outcomes[i] {
			count[outcome.Verdict]++
		}
		fmt.Fprintf(&b, "| %s | %d |", stack, len(outcomes[i]))
		for _, verdict := range verdicts {
			fmt.Fprintf(&b, " %d |", count[verdict])
		}
		b.WriteString("\n")
	}
	return b.String()
}

// Report is the summary, every row with its verdicts, and every waiver with what it covers.
func Report(stacks []string, outcomes [][]Outcome, waivers []Waiver) string {
	var b strings.Builder
	b.WriteString(Summary(stacks, outcomes))
	fmt.Fprintf(&b, "\n### Rows\n\n| row | what must hold | asked by | judged on | %s |\n|---|---|---|---|%s\n", strings.Join(stacks, " | "), strings.Repeat("---|", len(stacks)))
	for row, outcome := range outcomes[0] {
		rule := outcome.Rule
		fmt.Fprintf(&b, "| %d | %s | %s | %s |", rule.Row, rule.Title, strings.Join(rule.Refs, ", "), judgedOn(rule))
		for i := range stacks {
			fmt.Fprintf(&b, " %s |", marks[outcomes[i][row].Verdict])
		}
		b.WriteString("\n")
	}
	b.WriteString("\n### Waivers\n\n| row | does not bind | because | covers |\n|---|---|---|---|\n")
	for i, waiver := range waivers {
		name := "anything"
		if waiver.Name != "" {
			name = "`" + waiver.Name + "`"
		}
		fmt.Fprintf(&b, "| %d | %s | %s | %s |\n", waiver.Row, name, waiver.Reason, strings.Join(covered(i, outcomes), ", "))
	}
	return b.String()
}

// judgedOn names a rule's types without their modules.
func judgedOn(rule Rule) string {
	if len(rule.Types) == 0 {
		return "everything"
	}
	short := make([]string, len(rule.Types))
	for i, token := range rule.Types {
		short[i] = token[strings.LastIndexByte(token, ':')+1:]
	}
	return strings.Join(slices.Compact(short), ", ")
}

// covered names the resources that a waiver covers in any stack.
func covered(waiver int, outcomes [][]Outcome) []string {
	names := map[string]bool{}
	for _, stack := range outcomes {
		for _, outcome := range stack {
			for _, f := range outcome.Waived[waiver] {
				names[f.Name] = true
			}
		}
	}
	sorted := slices.Sorted(maps.Keys(names))
	if more := len(sorted) - 4; more > 0 {
		sorted = append(sorted[:4:4], fmt.Sprintf("and %d more", more))
	}
	return sorted
}
