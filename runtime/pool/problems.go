package pool

import (
	"fmt"
	"strings"
)

// Problem is what is wrong with one field.
type Problem struct{ Field, Says string }

// Problems is everything that is wrong with a policy or a market, in the order of their fields.
type Problems []Problem

// Error is one line a problem.
func (p Problems) Error() string {
	lines := make([]string, len(p))
	for i, problem := range p {
		lines[i] = problem.Field + ": " + problem.Says
	}
	return strings.Join(lines, "\n")
}

// refuse notes a value and what would be allowed in its place.
func (p *Problems) refuse(field string, value any, allowed string) {
	// Words in quotes: an empty one would not be seen.
	if text, ok := value.(string); ok {
		value = fmt.Sprintf("%q", text)
	}
	*p = append(*p, Problem{field, fmt.Sprintf("%v is not allowed; allowed: %s", value, allowed)})
}

// err is nil when nothing is wrong.
func (p Problems) err() error {
	if len(p) == 0 {
		return nil
	}
	return p
}
