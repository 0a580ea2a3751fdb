package policy_test

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"workerfleet/stacks/graph"
	"workerfleet/stacks/policy"
)

// everything asks for all that any row depends on, so that no rule is off.
var everything = policy.Asked{
	Users: 100_000, Strict: true, MultiAZ: true, NATPerZone: true, InterfaceEndpoints: true, CrossRegionBackup: true, Shield: true,
}

// judgement is one graph that a row fails, and the same graph put right.
type judgement struct {
	row      int
	property string
	// wrong and right hold the judged resource first.
	wrong, right []graph.Resource
}

// Every row of the baseline is shown a graph that fails it at the property that is wrong, and the same graph put right,
// which passes it.
func TestEveryRowHasTwoExamples(t *testing.T) {
	failed, passed := map[int]bool{}, map[int]bool{}
	for _, one := range judgements() {
		t.Run(fmt.Sprintf("row %d %s", one.row, one.property), func(t *testing.T) {
			wrong := outcomeOf(one.row, created(one.wrong...))
			require.Equal(t, policy.Failed, wrong.Verdict, "the wrong graph passed")
			at := slices.ContainsFunc(wrong.Failing, func(f policy.Finding) bool {
				return f.Property == one.property && f.Name == one.wrong[0].Name && f.Rule == fmt.Sprint("baseline-", one.row)
			})
			require.True(t, at, "found elsewhere: %v", wrong.Failing)
			failed[one.row] = true
			if one.right == nil {
				require.Equal(t, policy.Passed, outcomeOf(one.row, graph.New()).Verdict, "nothing is registered and the rule does not hold")
				passed[one.row] = true
				return
			}
			right := outcomeOf(one.row, created(one.right...))
			require.Equal(t, policy.Passed, right.Verdict, "the right graph failed: %v", append(right.Failing, right.Undecided...))
			require.Positive(t, right.Judged)
			passed[one.row] = true
		})
	}
	for _, rule := range policy.Baseline(everything) {
		require.True(t, failed[rule.Row], "row %d (%s) has no example that fails", rule.Row, rule.Title)
		require.True(t, passed[rule.Row], "row %d (%s) has no example that passes", rule.Row, rule.Title)
	}
}

// The table is the baseline: rows 1 to 177, each once, each with a title, the public checks that ask for it, and a check.
func TestBaselineIsWhole(t *testing.T) {
	for i, rule := range policy.Baseline(everything) {
		require.Equal(t, i+1, rule.Row)
		require.Equal(t, fmt.Sprint("baseline-", rule.Row), rule.ID)
		require.NotEmpty(t, rule.Title)
		require.NotEmpty(t, rule.Refs)
		require.NotNil(t, rule.Check)
		require.Empty(t, rule.Off, "row %d is off for a stack that asks for everything", rule.Row)
		for _, ref := range rule.Refs {
			require.Equal(t, strings.TrimSpace(ref), ref)
			require.NotEmpty(t, ref)
		}
	}
	require.Len(t, policy.Baseline(everything), 177)
}

// A value that only AWS can give is neither a failure nor a pass: with every input unknown, the resource that passed is
// undecided. Three kinds of rows pass all the same: those that want a value, whatever it is; those that want none; and those
// that read options, types and names, which Pulumi always knows.
func TestUnknownIsNeitherFailureNorPass(t *testing.T) {
	whateverItIs := []int{11, 24, 28, 31, 74, 75, 86, 90, 91, 102, 134, 143, 148, 151, 153, 157, 165}
	none := []int{29, 49}
	alwaysKnown := []int{38, 44, 50, 53, 176, 177}
	passed := map[int]bool{}
	for _, one := range judgements() {
		if len(one.right) == 0 || len(one.right[0].Inputs) == 0 {
			continue // there is nothing to blot out
		}
		blurred := slices.Clone(one.right)
		for i, r := range blurred {
			blurred[i].Inputs, blurred[i].Outputs = maps.Clone(r.Inputs), map[string]any{}
			for key := range r.Inputs {
				blurred[i].Inputs[key] = graph.Unknown
			}
		}
		outcome := outcomeOf(one.row, created(blurred...))
		require.NotEqual(t, policy.Failed, outcome.Verdict, "row %d: %v", one.row, outcome.Failing)
		if outcome.Verdict == policy.Passed {
			passed[one.row] = true
		}
	}
	require.ElementsMatch(t, slices.Concat(whateverItIs, none, alwaysKnown), slices.Collect(maps.Keys(passed)))
}

// A waiver covers its row and the resources that it names, an unnamed one all of the row; a finding that it covers is no
// failure any more, and says which waiver covered it.
func TestWaivers(t *testing.T) {
	open := res("aws:ec2/subnet:Subnet", "net-open", inputs{"mapPublicIpOnLaunch": true})
	other := res("aws:ec2/subnet:Subnet", "net-other", inputs{"mapPublicIpOnLaunch": true})
	assess := func(waivers ...policy.Waiver) policy.Outcome {
		return policy.Assess(created(open, other), everything, waivers)[2]
	}
	require.Equal(t, policy.Failed, assess().Verdict)
	require.Equal(t, policy.Failed, assess(policy.Waiver{Row: 4}).Verdict)
	one := assess(policy.Waiver{Row: 3, Name: "*-open"})
	require.Equal(t, policy.Failed, one.Verdict)
	require.Len(t, one.Failing, 1)
	require.Equal(t, "net-other", one.Failing[0].Name)
	require.Len(t, one.Waived[0], 1)
	all := assess(policy.Waiver{Row: 3})
	require.Equal(t, policy.WaivedFully, all.Verdict)
	require.Len(t, all.Waived[0], 2)
}

// What a stack does not ask for does not bind it, and the rule says why.
func TestRulesThatAreOff(t *testing.T) {
	off := map[int]bool{}
	for _, rule := range policy.Baseline(policy.Asked{Users: 100}) {
		off[rule.Row] = rule.Off != ""
	}
	for row, want := range map[int]bool{13: true, 14: true, 15: true, 19: true, 47: true, 65: true, 73: true, 103: true, 108: true, 112: true, 121: true, 125: true, 141: true, 173: true, 177: true, 3: false, 101: false} {
		require.Equal(t, want, off[row], "row %d", row)
	}
}

func outcomeOf(row int, g *graph.Graph) policy.Outcome {
	return policy.Assess(g, everything, nil)[row-1]
}

// change gives the resource with other values at dotted paths; nil takes a value away. Numbers lead into lists.
func change(r graph.Resource, values inputs) graph.Resource {
	r.Inputs = cloned(r.Inputs).(map[string]any)
	for path, value := range values {
		put(r.Inputs, strings.Split(path, "."), value)
	}
	return r
}

func put(at any, path []string, value any) {
	if list, ok := at.([]any); ok {
		i, err := strconv.Atoi(path[0])
		if err != nil {
			panic(err)
		}
		if len(path) == 1 {
			list[i] = value
			return
		}
		put(list[i], path[1:], value)
		return
	}
	object := at.(map[string]any)
	switch {
	case len(path) == 1 && value == nil:
		delete(object, path[0])
	case len(path) == 1:
		object[path[0]] = value
	default:
		put(object[path[0]], path[1:], value)
	}
}

func cloned(value any) any {
	switch v := value.(type) {
	case map[string]any:
		object := map[string]any{}
		for key, item := range v {
			object[key] = cloned(item)
		}
		return object
	case []any:
		items := make([]any, len(v))
		for i, item := range v {
			items[i] = cloned(item)
		}
		return items
	}
	return value
}
