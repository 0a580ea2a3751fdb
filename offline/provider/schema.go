package provider

import (
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"

	"workerfleet/stacks/graph"
)

// schema is the form of a value: an object with named properties, a list, a map, or anything else.
type schema struct {
	// properties are set for an object.
	properties map[string]*schema
	// each is the form of a list's items or of a map's values, told apart by list.
	each *schema
	list bool
}

// anything is the form of scalars, assets and whatever has no names inside.
var anything = &schema{}

// schemaOf reads the form off a plain SDK struct, whose field tags are the property names. No struct of the types in
// use contains itself, except through wafv2's statements, which are no struct of ours to read.
func schemaOf(t reflect.Type) *schema {
	switch t.Kind() {
	case reflect.Pointer:
		return schemaOf(t.Elem())
	case reflect.Slice:
		return &schema{each: schemaOf(t.Elem()), list: true}
	case reflect.Map:
		return &schema{each: schemaOf(t.Elem())}
	case reflect.Struct:
		object := &schema{properties: map[string]*schema{}}
		for i := range t.NumField() {
			if name, ok := t.Field(i).Tag.Lookup("pulumi"); ok {
				object.properties[name] = schemaOf(t.Field(i).Type)
			}
		}
		return object
	default:
		return anything
	}
}

// unknownNames returns the dotted paths of properties that the form does not have, each with what is allowed there.
func (s *schema) unknownNames(value any, path string) []refusal {
	switch v := value.(type) {
	case map[string]any:
		if s.properties == nil && s.each == nil {
			return nil
		}
		var refused []refusal
		for _, key := range slices.Sorted(maps.Keys(v)) {
			inner, known := s.each, true
			if s.properties != nil {
				inner, known = s.properties[key]
			}
			at := strings.TrimPrefix(path+"."+key, ".")
			if !known {
				refused = append(refused, refusal{at, fmt.Sprintf("there is no property %q here; allowed: %s", key, s.names())})
				continue
			}
			refused = append(refused, inner.unknownNames(v[key], at)...)
		}
		return refused
	case []any:
		if !s.list {
			return []refusal{{path, "a list stands where one value is expected"}}
		}
		var refused []refusal
		for i, item := range v {
			refused = append(refused, s.each.unknownNames(item, fmt.Sprintf("%s[%d]", path, i))...)
		}
		return refused
	default:
		if (s.list || s.properties != nil) && value != nil && value != any(graph.Unknown) {
			return []refusal{{path, fmt.Sprintf("%v stands where a list or an object is expected", value)}}
		}
		return nil
	}
}

func (s *schema) has(property string) bool {
	_, ok := s.properties[property]
	return ok
}

func (s *schema) names() string {
	return strings.Join(slices.Sorted(maps.Keys(s.properties)), ", ")
}

// refusal is one reason why an input is not taken.
type refusal struct {
	property, reason string
}
