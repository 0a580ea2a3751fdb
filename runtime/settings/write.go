package settings

import (
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"
)

// Variable is one entry of a process's environment.
type Variable struct{ Name, Value string }

// Write lists the variables that [Read] makes the same struct from, sorted by name. A zero field is left out: its
// default stands in, or whoever builds the environment adds a value that is not known yet, under its Env constant.
func Write[T Process](v T) []Variable {
	var variables []Variable
	root := reflect.ValueOf(v)
	handler := Handler("")
	if f, ok := any(v).(Function); ok {
		handler = f.Handler
	}
	for _, g := range groups(root, handler) {
		for _, f := range g.fields {
			if !f.value.IsZero() {
				variables = append(variables, Variable{f.name, format(f.value)})
			}
		}
	}
	slices.SortFunc(variables, func(a, b Variable) int { return strings.Compare(a.Name, b.Name) })
	return variables
}

func format(v reflect.Value) string {
	if formatter, ok := v.Interface().(interface{ text() string }); ok {
		return formatter.text()
	}
	switch v.Kind() {
	case reflect.String: // not by String(), which hides secrets
		return v.String()
	case reflect.Bool:
		return strconv.FormatBool(v.Bool())
	default:
		return fmt.Sprint(v.Interface()) // time.Duration
	}
}

// Spec is what one variable means to a process.
type Spec struct {
	Name     string
	Default  string
	Required bool
}

// Specs lists the variables that a process reads, sorted by name. For a [Function] they depend on the handler; the other
// processes ignore it.
func Specs[T Process](handler Handler) []Spec {
	var v T
	var specs []Spec
	for _, g := range groups(reflect.ValueOf(v), handler) {
		for _, f := range g.fields {
			specs = append(specs, Spec{f.name, f.fallback, !f.optional && f.fallback == ""})
		}
	}
	slices.SortFunc(specs, func(a, b Spec) int { return strings.Compare(a.Name, b.Name) })
	return specs
}
