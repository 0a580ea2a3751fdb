package graph

import (
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
)

// Golden writes the graph as text that is the same in every run: one resource a paragraph in URN order, keys sorted,
// and what changes with the build but not with the plan – hashes of code and images – masked.
func (g *Graph) Golden() string {
	var b strings.Builder
	for _, r := range g.resources {
		fmt.Fprintf(&b, "%s\n", strings.TrimPrefix(r.URN, "urn:pulumi:"))
		if r.Provider != "" {
			fmt.Fprintf(&b, "  provider: %s\n", r.Provider)
		}
		for _, line := range optionLines(r.Options) {
			fmt.Fprintf(&b, "  %s\n", line)
		}
		for _, key := range slices.Sorted(maps.Keys(r.Inputs)) {
			fmt.Fprintf(&b, "  .%s = %s\n", key, golden(r, key))
		}
	}
	return b.String()
}

func optionLines(o Options) []string {
	var lines []string
	if o.Protect {
		lines = append(lines, "protect")
	}
	if o.DeleteBeforeReplace {
		lines = append(lines, "delete before replace")
	}
	if o.RetainOnDelete {
		lines = append(lines, "retain on delete")
	}
	if len(o.IgnoreChanges) > 0 {
		lines = append(lines, "ignore changes: "+strings.Join(o.IgnoreChanges, ", "))
	}
	return lines
}

// golden writes one input on one line. JSON texts are opened so that a diff shows the statement that changed.
func golden(r Resource, key string) string {
	if slices.Contains(r.Secrets, key) {
		return "<secret>"
	}
	value := r.Inputs[key]
	if document, ok := r.Document(key); ok {
		value = document
	}
	var list []any
	if json.Unmarshal([]byte(r.Text(key)), &list) == nil && len(list) > 0 {
		value = list
	}
	var b strings.Builder
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(value); err != nil {
		return "<" + err.Error() + ">"
	}
	return mask(strings.TrimSuffix(b.String(), "\n"))
}

var digests = regexp.MustCompile(`sha256:[0-9a-f]{64}|\b[0-9a-f]{64}\b`)

// mask hides digests of images and code, which change with every build.
func mask(text string) string { return digests.ReplaceAllString(text, "<digest>") }
