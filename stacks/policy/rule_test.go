package policy_test

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"

	"workerfleet/stacks/graph"
	"workerfleet/stacks/policy"
)

// Every rule of the table is shown one resource that AWS refuses and the same resource put right: the first must be
// found under the rule's number at the property that is wrong, the second must pass. That the words are AWS's own
// cannot be shown without an account.
func TestEveryRuleHasAFailingExample(t *testing.T) {
	shown := map[string]bool{}
	for _, example := range append(examples(), computeExamples()...) {
		t.Run(example.rule+" "+example.name, func(t *testing.T) {
			wrong := created(append(example.beside, example.wrong)...)
			found := findings(wrong, example.wrong.Name)
			require.NotEmpty(t, found, "the wrong resource passed")
			require.Equal(t, example.rule, found[0].Rule)
			require.Equal(t, example.property, found[0].Property)
			require.Contains(t, found[0].String(), "AWS would say: "+found[0].Says+" (rule "+example.rule+")")

			right := created(append(example.beside, example.right)...)
			require.Empty(t, findings(right, example.right.Name), "the right resource was refused")
		})
		shown[example.title] = true
	}
	for _, rule := range policy.Rules() {
		require.True(t, shown[rule.Title], "rule %s (%s) has no failing example", rule.ID, rule.Title)
	}
}

// A value that only AWS can give decides nothing: a rule that refused it would refuse every first preview.
func TestRulesAreSilentOnUnknownValues(t *testing.T) {
	for _, example := range append(examples(), computeExamples()...) {
		blurred := example.wrong
		blurred.Inputs = map[string]any{}
		for key := range example.wrong.Inputs {
			blurred.Inputs[key] = graph.Unknown
		}
		require.Empty(t, policy.Judge(graph.New(), blurred), "%s %s", example.rule, example.name)
	}
}

// example is one resource that a rule refuses and how it is put right.
type example struct {
	rule, title, name, property string
	beside                      []graph.Resource
	wrong, right                graph.Resource
}

var place = graph.Place{Region: "ap-southeast-1", Account: "111122223333"}

// created simulates the creation of resources, so that references among them resolve.
func created(resources ...graph.Resource) *graph.Graph {
	g := graph.New()
	for _, r := range resources {
		if r.Outputs == nil {
			_, r.Outputs = place.Simulate(r, r.URN)
		}
		g.Put(r)
	}
	return g
}

func findings(g *graph.Graph, name string) []policy.Finding {
	var found []policy.Finding
	for _, r := range g.All() {
		if r.Name == name {
			found = append(found, policy.Judge(g, r)...)
		}
	}
	return found
}

func res(token, name string, inputs map[string]any) graph.Resource {
	return graph.Resource{URN: "urn:pulumi:t::p::" + token + "::" + name, Type: token, Name: name, Custom: true, Inputs: inputs}
}

// idOf and arnOf give what a reference to a resource resolves to.
func idOf(r graph.Resource) string {
	id, _ := place.Simulate(r, r.URN)
	return id
}

func arnOf(r graph.Resource) string {
	_, outputs := place.Simulate(r, r.URN)
	return outputs["arn"].(string)
}

func document(statements ...map[string]any) string {
	text, err := json.Marshal(map[string]any{"Version": "2012-10-17", "Statement": statements})
	if err != nil {
		panic(err)
	}
	return string(text)
}

func list(n int, item any) []any {
	items := make([]any, n)
	for i := range items {
		items[i] = item
	}
	return items
}
