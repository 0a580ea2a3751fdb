package policy

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"workerfleet/stacks/graph"
)

// spot is one place that a path leads to, and what stands there: nil for nothing.
type spot struct {
	path  string
	value any
}

// spots reads the inputs at a dotted path in which * stands for every element of a list. A value that is not known yet
// ends the way: the spot is unknown, whatever the path goes on to say.
func spots(r graph.Resource, path string) []spot { return descend(r.Inputs, "", path) }

func descend(at any, walked, path string) []spot {
	if at == graph.Unknown || path == "" {
		return []spot{{strings.TrimPrefix(walked, "."), at}}
	}
	key, rest, _ := strings.Cut(path, ".")
	if key != "*" {
		object, _ := at.(map[string]any)
		return descend(object[key], walked+"."+key, rest)
	}
	var found []spot
	for i, item := range listed(at) {
		found = append(found, descend(item, walked+"."+strconv.Itoa(i), rest)...)
	}
	return found
}

// valueAt is what stands at a path without *; unknown also where a part of the way is.
func valueAt(r graph.Resource, path string) any { return spots(r, path)[0].value }

// undecided is the finding of a rule that met a value which only AWS can give.
func undecided(property string) Finding {
	return Finding{Property: property, Says: "is not known yet", Undecided: true}
}

// be wants one of the values; nil among them means that nothing has to stand there.
func be(path string, allowed ...any) check {
	return each(path, func(value any) string {
		if slices.ContainsFunc(allowed, func(one any) bool { return shown(one) == shown(value) }) {
			return ""
		}
		words := make([]string, len(allowed))
		for i, one := range allowed {
			words[i] = shown(one)
		}
		return fmt.Sprintf("is %s; wanted: %s", shown(value), strings.Join(words, " or "))
	})
}

// each judges what stands at every spot of a path; an empty answer is a pass.
func each(path string, judge func(value any) string) check {
	return func(_ *graph.Graph, r graph.Resource) []Finding {
		var findings []Finding
		for _, at := range spots(r, path) {
			if at.value == graph.Unknown {
				findings = append(findings, undecided(at.path))
			} else if says := judge(at.value); says != "" {
				findings = append(findings, finding(at.path, "%s", says))
			}
		}
		return findings
	}
}

// stated wants a value at every path, whatever it is. One that is not known yet will be one.
func stated(paths ...string) check {
	return func(_ *graph.Graph, r graph.Resource) []Finding {
		var findings []Finding
		for _, path := range paths {
			for _, at := range spots(r, path) {
				if empty(at.value) {
					findings = append(findings, finding(at.path, "is not stated; wanted: a value"))
				}
			}
		}
		return findings
	}
}

// some wants at least one element in a list.
func some(path string) check {
	return func(_ *graph.Graph, r graph.Resource) []Finding {
		if len(spots(r, path+".*")) == 0 {
			return []Finding{finding(path, "is empty; wanted: one at least")}
		}
		return nil
	}
}

// unstated wants nothing at the path.
func unstated(path string) check {
	return each(path, func(value any) string {
		if empty(value) {
			return ""
		}
		return "is stated; wanted: nothing"
	})
}

// least wants a number, and no smaller one.
func least(path string, smallest float64) check {
	return each(path, func(value any) string {
		if number, ok := number(value); ok && number >= smallest {
			return ""
		}
		return fmt.Sprintf("is %s; wanted: %v or more", shown(value), smallest)
	})
}

// words wants every one of the words in a list.
func words(path string, wanted ...string) check {
	return func(_ *graph.Graph, r graph.Resource) []Finding {
		var found []string
		for _, at := range spots(r, path+".*") {
			if at.value == graph.Unknown {
				return []Finding{undecided(at.path)}
			}
			found = append(found, shown(at.value))
		}
		for _, word := range wanted {
			if !slices.Contains(found, word) {
				return []Finding{finding(path, "is %v; wanted: %s among it", found, word)}
			}
		}
		return nil
	}
}

// every wants all of the checks to pass.
func every(checks ...check) check {
	return func(g *graph.Graph, r graph.Resource) []Finding {
		var findings []Finding
		for _, one := range checks {
			findings = append(findings, one(g, r)...)
		}
		return findings
	}
}

// either wants one of the checks to pass; when none does, what the first found is said, unless one could not decide.
func either(checks ...check) check {
	return func(g *graph.Graph, r graph.Resource) []Finding {
		var first, open []Finding
		for _, one := range checks {
			findings := one(g, r)
			if len(findings) == 0 {
				return nil
			}
			if first == nil {
				first = findings
			}
			if open == nil && slices.ContainsFunc(findings, func(f Finding) bool { return f.Undecided }) {
				open = findings
			}
		}
		if open != nil {
			return open
		}
		return first
	}
}

// empty says whether nothing is stated: no value, an empty text, an empty list.
func empty(value any) bool {
	switch v := value.(type) {
	case nil:
		return true
	case string:
		return v == ""
	case []any:
		return len(v) == 0
	}
	return false
}

// shown writes a value so that true and "true" are the same: some inputs of AWS's provider are flags written as texts.
func shown(value any) string {
	if value == nil {
		return "not stated"
	}
	return fmt.Sprint(value)
}

func number(value any) (float64, bool) {
	number, err := strconv.ParseFloat(shown(value), 64)
	return number, err == nil
}
