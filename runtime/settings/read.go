package settings

import (
	"errors"
	"reflect"
	"slices"
	"strings"
	"time"
)

// Read fills a process's struct from the environment. It reports every problem at once, as [Problems].
//
// environ is os.Environ(): a FLEET_ variable in it that no process of the platform knows is a problem, because it is
// most likely a misspelt one. Only names are taken from it; nil checks none.
func Read[T Process](getenv func(string) string, environ []string) (T, error) {
	var v T
	found := unknown(environ)
	root := reflect.ValueOf(&v).Elem()
	for _, g := range groups(root, Handler(getenv(EnvHandler))) {
		found = append(found, g.read(getenv)...)
	}
	if here, ok := any(v).(interface{ onlyHere() []Problem }); ok && len(found) == 0 {
		found = here.onlyHere()
	}
	if len(found) == 0 {
		return v, nil
	}
	slices.SortStableFunc(found, func(a, b Problem) int { return strings.Compare(a.Name, b.Name) })
	var none T
	return none, Problems{Process: strings.ToLower(root.Type().Name()), Found: found}
}

// group is a struct whose fields are variables: one that several processes embed, or a process's own fields.
type group struct {
	value  reflect.Value
	fields []field
}

type field struct {
	value    reflect.Value
	name     string // of the variable
	fallback string // its default
	optional bool
}

// groups lists what a process reads, its own fields last. Groups of other handlers are left out.
func groups(root reflect.Value, handler Handler) []group {
	var all []group
	own := group{}
	for i := range root.NumField() {
		f := root.Type().Field(i)
		if !f.Anonymous {
			own.fields = append(own.fields, newField(root.Field(i), f.Tag))
			continue
		}
		if only := f.Tag.Get("handlers"); only != "" && !slices.Contains(strings.Split(only, ","), string(handler)) {
			continue
		}
		g := group{value: root.Field(i)}
		for j := range g.value.NumField() {
			g.fields = append(g.fields, newField(g.value.Field(j), f.Type.Field(j).Tag))
		}
		all = append(all, g)
	}
	return append(all, own)
}

func newField(v reflect.Value, tag reflect.StructTag) field {
	name, option, _ := strings.Cut(tag.Get("env"), ",")
	return field{value: v, name: name, fallback: tag.Get("default"), optional: option == "optional"}
}

// read fills the group's fields. Only when each is well does it ask whether they agree.
func (g group) read(getenv func(string) string) []Problem {
	var found []Problem
	for _, f := range g.fields {
		text := getenv(f.name)
		if text == "" {
			text = f.fallback
		}
		if text == "" {
			if !f.optional {
				found = append(found, Problem{f.name, "is required"})
			}
			continue
		}
		if err := parse(f.value.Addr().Interface(), text); err != nil {
			found = append(found, Problem{f.name, err.Error()})
		}
	}
	if len(found) > 0 || !g.value.IsValid() {
		return found
	}
	if agreed, ok := g.value.Interface().(interface{ problems() []Problem }); ok {
		return agreed.problems()
	}
	return nil
}

// parse fills one field. Its errors never repeat the text.
func parse(to any, text string) error {
	switch to := to.(type) {
	case interface{ parse(string) error }:
		return to.parse(text)
	case *string:
		*to = text
	case *bool:
		if text != "true" && text != "false" {
			return errors.New("is not one of the allowed values: true, false")
		}
		*to = text == "true"
	case *time.Duration:
		d, err := time.ParseDuration(text)
		if err != nil || d <= 0 {
			return errors.New("is not a duration above zero, such as 2s or 30m")
		}
		*to = d
	default:
		panic("settings: no rule for fields of type " + reflect.TypeOf(to).Elem().String())
	}
	return nil
}
