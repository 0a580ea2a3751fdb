package graph

import (
	"encoding/json"
	"slices"
	"strings"
)

// unknown is the type of [Unknown].
type unknown struct{}

// MarshalJSON writes the mark that golden files show for a value that is not known yet.
func (unknown) MarshalJSON() ([]byte, error) { return []byte(`"<unknown>"`), nil }

// Unknown stands for a value that exists only after AWS has created the resource that produces it.
var Unknown = unknown{}

// Resource is one registered resource, component resources included.
type Resource struct {
	URN, Type, Name string
	// Parent is the parent's URN; empty for the stack's direct children.
	Parent string
	// Provider is the logical name of the explicit provider; empty for components and for a default provider.
	Provider string
	// Custom is false for components, which exist in Pulumi only.
	Custom bool
	// Inputs are the arguments as registered. Secrets are opened here and named in Secrets.
	Inputs map[string]any
	// Outputs hold what AWS answers: "id", "arn", "name" and whatever else the type gives.
	Outputs map[string]any
	Secrets []string
	Options Options
}

// Options are the resource options that decide how an update treats the resource.
type Options struct {
	Protect             bool
	IgnoreChanges       []string
	DependsOn           []string
	DeleteBeforeReplace bool
	RetainOnDelete      bool
}

// Value returns the input at a dotted path such as "versioning.status", or nil where nothing stands there.
func (r Resource) Value(path string) any {
	var at any = r.Inputs
	for _, key := range strings.Split(path, ".") {
		object, ok := at.(map[string]any)
		if !ok {
			return nil
		}
		at = object[key]
	}
	return at
}

// Text returns the input at the path, or "" where it is absent, unknown or no string.
func (r Resource) Text(path string) string {
	text, _ := r.Value(path).(string)
	return text
}

// Flag returns the input at the path; absent, unknown or another kind of value is false.
func (r Resource) Flag(path string) bool {
	flag, _ := r.Value(path).(bool)
	return flag
}

// Number returns the input at the path and whether a number stands there.
func (r Resource) Number(path string) (float64, bool) {
	number, ok := r.Value(path).(float64)
	return number, ok
}

// Document parses the JSON text that stands in an input, such as a policy. ok is false where the text is absent or
// not known yet, or is no JSON object.
func (r Resource) Document(path string) (document map[string]any, ok bool) {
	text := r.Text(path)
	if text == "" || json.Unmarshal([]byte(text), &document) != nil {
		return nil, false
	}
	return document, true
}

// PhysicalName returns the name that AWS will know the resource by: stated, or chosen by the provider.
func (r Resource) PhysicalName() string {
	if name, ok := r.Outputs["name"].(string); ok {
		return name
	}
	return r.Text("name")
}

// Graph is a set of resources, ordered by URN.
type Graph struct {
	resources []Resource
}

// New orders the resources by URN; the engine registers them in an order that changes from run to run.
func New(resources ...Resource) *Graph {
	g := &Graph{resources: slices.Clone(resources)}
	slices.SortFunc(g.resources, func(a, b Resource) int { return strings.Compare(a.URN, b.URN) })
	return g
}

// Put adds a resource, or replaces the one with its URN.
func (g *Graph) Put(r Resource) {
	at, found := slices.BinarySearchFunc(g.resources, r.URN, func(have Resource, urn string) int {
		return strings.Compare(have.URN, urn)
	})
	if found {
		g.resources[at] = r
		return
	}
	g.resources = slices.Insert(g.resources, at, r)
}

// All returns the resources in URN order.
func (g *Graph) All() []Resource { return g.resources }

// OfType returns the resources of one type, such as "aws:sqs/queue:Queue".
func (g *Graph) OfType(token string) []Resource {
	var found []Resource
	for _, r := range g.resources {
		if r.Type == token {
			found = append(found, r)
		}
	}
	return found
}

// Get returns the resource with the URN.
func (g *Graph) Get(urn string) (Resource, bool) {
	at, found := slices.BinarySearchFunc(g.resources, urn, func(have Resource, urn string) int {
		return strings.Compare(have.URN, urn)
	})
	if !found {
		return Resource{}, false
	}
	return g.resources[at], true
}

// Refers finds the resource of a type that a reference names by its id, ARN, URL or name.
func (g *Graph) Refers(token string, reference any) (Resource, bool) {
	text, ok := reference.(string)
	if !ok || text == "" {
		return Resource{}, false
	}
	for _, r := range g.OfType(token) {
		for _, property := range []string{"id", "arn", "url", "name"} {
			if r.Outputs[property] == text {
				return r, true
			}
		}
	}
	return Resource{}, false
}
