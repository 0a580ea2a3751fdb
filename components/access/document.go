package access

import (
	"bytes"
	"encoding/json"
	"fmt"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

// Document is a policy. The order of its statements is kept, so that a diff shows what changed.
type Document []Statement

// Statement allows, or denies, a principal some actions on some resources.
type Statement struct {
	// Sid says in one word what the statement is for: letters and digits only.
	Sid  string
	deny bool
	// Principal is empty in the policy of a role, which is about the role itself.
	Principal Principal
	Actions   []string
	// Resources is empty in a trust policy, which is about the role that carries it.
	Resources  []pulumi.StringInput
	Conditions []Condition
}

// Condition is one test of a statement: all of them must hold, and one of the values must match.
type Condition struct {
	Operator, Key string
	Values        []pulumi.StringInput
}

// When is a condition on plain values.
func When(operator, key string, values ...string) Condition {
	return Condition{Operator: operator, Key: key, Values: Texts(values...)}
}

// Texts are plain values where a value of AWS could stand.
func Texts(values ...string) []pulumi.StringInput {
	inputs := make([]pulumi.StringInput, len(values))
	for i, value := range values {
		inputs[i] = pulumi.String(value)
	}
	return inputs
}

// Denial denies everyone the actions wherever the conditions hold. It stands above every permission, also of the
// account's own roles.
func Denial(sid string, actions []string, resource pulumi.StringInput, conditions ...Condition) Statement {
	return Statement{
		Sid: sid, deny: true, Principal: everyone(), Actions: actions,
		Resources: []pulumi.StringInput{resource}, Conditions: conditions,
	}
}

// Refusal denies a role the actions on the resources wherever the conditions hold, whatever else the role is allowed.
func Refusal(sid string, actions []string, resources []pulumi.StringInput, conditions ...Condition) Statement {
	return Statement{Sid: sid, deny: true, Actions: actions, Resources: resources, Conditions: conditions}
}

// EncryptedOnly denies everyone the actions over a connection without TLS.
func EncryptedOnly(actions []string, resource pulumi.StringInput) Statement {
	return Denial("EncryptedConnectionsOnly", actions, resource, When("Bool", "aws:SecureTransport", "false"))
}

// JSON writes the document. The result is a plain text unless a part of it is known to AWS alone.
func (d Document) JSON() pulumi.StringInput {
	inputs := d.inputs()
	texts := make([]any, len(inputs))
	for i, input := range inputs {
		text, plain := input.(pulumi.String)
		if !plain {
			return d.composed(inputs)
		}
		texts[i] = string(text)
	}
	text, err := d.render(texts)
	if err != nil {
		return d.composed(inputs) // fails again, where Pulumi can report it
	}
	return pulumi.String(text)
}

func (d Document) composed(inputs []pulumi.StringInput) pulumi.StringInput {
	parts := make([]any, len(inputs))
	for i, input := range inputs {
		parts[i] = input
	}
	return pulumi.All(parts...).ApplyT(d.render).(pulumi.StringOutput)
}

// inputs lists every value of the document in the order in which render asks for them.
func (d Document) inputs() []pulumi.StringInput {
	var inputs []pulumi.StringInput
	for _, s := range d {
		inputs = append(inputs, s.Principal.values...)
		inputs = append(inputs, s.Resources...)
		for _, c := range s.conditions() {
			inputs = append(inputs, c.Values...)
		}
	}
	return inputs
}

// conditions are those of the principal and of the statement.
func (s Statement) conditions() []Condition {
	return append(append([]Condition{}, s.Principal.conditions...), s.Conditions...)
}

// written is a statement as AWS reads it. Lists stay lists: AWS takes one value and a list of one alike.
type written struct {
	Sid       string `json:",omitempty"`
	Effect    string
	Principal map[string][]string `json:",omitempty"`
	Action    []string
	Resource  []string                       `json:",omitempty"`
	Condition map[string]map[string][]string `json:",omitempty"`
}

// render writes the document with the values of inputs, in their order.
func (d Document) render(values []any) (string, error) {
	next := func(n int) []string {
		taken := make([]string, n)
		for i, value := range values[:n] {
			taken[i] = fmt.Sprint(value)
		}
		values = values[n:]
		return taken
	}
	statements := make([]written, 0, len(d))
	for _, s := range d {
		w := written{Sid: s.Sid, Effect: "Allow", Action: s.Actions}
		if s.deny {
			w.Effect = "Deny"
		}
		if s.Principal.kind != "" {
			w.Principal = map[string][]string{s.Principal.kind: next(len(s.Principal.values))}
		}
		w.Resource = next(len(s.Resources))
		for _, c := range s.conditions() {
			if w.Condition == nil {
				w.Condition = map[string]map[string][]string{}
			}
			if w.Condition[c.Operator] == nil {
				w.Condition[c.Operator] = map[string][]string{}
			}
			if w.Condition[c.Operator][c.Key] != nil {
				return "", fmt.Errorf("statement %s: the condition %s %s stands twice; allowed: once, with all its values", s.Sid, c.Operator, c.Key)
			}
			w.Condition[c.Operator][c.Key] = next(len(c.Values))
		}
		statements = append(statements, w)
	}
	var text bytes.Buffer
	encoder := json.NewEncoder(&text)
	encoder.SetEscapeHTML(false)
	err := encoder.Encode(struct {
		Version   string
		Statement []written
	}{"2012-10-17", statements})
	return string(bytes.TrimSpace(text.Bytes())), err
}
