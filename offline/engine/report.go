package engine

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
)

// nothingCreated is what every run ends with: a plan that looks so real must say what it is.
const nothingCreated = "Nothing was created in AWS: the engine is real, the AWS provider is simulated, and the state is a local file."

// writeResources prints how many resources each component holds, and the types that it holds them of.
func writeResources(w io.Writer, steps []Step) error {
	byURN := make(map[string]Step, len(steps))
	for _, step := range steps {
		byURN[step.URN] = step
	}
	counts := map[string]map[string]int{}
	total := 0
	for _, step := range steps {
		if !step.Custom || step.Op == "delete" {
			continue
		}
		name := component(step, byURN)
		if counts[name] == nil {
			counts[name] = map[string]int{}
		}
		counts[name][shortType(step.Type)]++
		total++
	}
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintf(table, "\nResources by component\n")
	for _, name := range slices.Sorted(maps.Keys(counts)) {
		sum := 0
		for _, n := range counts[name] {
			sum += n
		}
		fmt.Fprintf(table, "  %s\t%d\t%s\n", name, sum, typeList(counts[name]))
	}
	fmt.Fprintf(table, "  total\t%d\t\n\n", total)
	return table.Flush()
}

func typeList(counts map[string]int) string {
	var parts []string
	for _, name := range slices.Sorted(maps.Keys(counts)) {
		if counts[name] == 1 {
			parts = append(parts, name)
			continue
		}
		parts = append(parts, fmt.Sprintf("%d %s", counts[name], name))
	}
	return strings.Join(parts, ", ")
}

// shortType is "Queue" of "aws:sqs/queue:Queue".
func shortType(token string) string { return token[strings.LastIndexByte(token, ':')+1:] }

// writeChanges says in one line a resource what would be replaced or deleted, which is what a reader of a preview
// looks for first.
func writeChanges(w io.Writer, steps []Step) error {
	counts := map[string]int{}
	for _, step := range steps {
		if !step.Custom {
			continue
		}
		counts[step.Op]++
		if step.Op != "replace" && step.Op != "delete" {
			continue
		}
		why := ""
		if len(step.Replaces) > 0 {
			why = " because of " + strings.Join(step.Replaces, ", ")
		}
		if _, err := fmt.Fprintf(w, "  %s %s %q%s\n", step.Op, shortType(step.Type), resource.URN(step.URN).Name(), why); err != nil {
			return err
		}
	}
	var parts []string
	for _, op := range slices.Sorted(maps.Keys(counts)) {
		parts = append(parts, fmt.Sprintf("%d %s", counts[op], op))
	}
	_, err := fmt.Fprintf(w, "\nChanges: %s\n", strings.Join(parts, ", "))
	return err
}

// plan is the form of `preview --json`.
type plan struct {
	Resources []planned `json:"resources"`
	Diff      []Step    `json:"diff"`
}

type planned struct {
	Type   string         `json:"type"`
	URN    string         `json:"urn"`
	Inputs map[string]any `json:"inputs"`
}

func writePlan(w io.Writer, steps []Step) error {
	p := plan{Resources: []planned{}, Diff: []Step{}}
	for _, step := range steps {
		if step.Op != "delete" {
			p.Resources = append(p.Resources, planned{Type: step.Type, URN: step.URN, Inputs: step.Inputs})
		}
		if step.Op != "same" {
			p.Diff = append(p.Diff, step)
		}
	}
	encoder := json.NewEncoder(w)
	encoder.SetEscapeHTML(false)
	return encoder.Encode(p)
}
