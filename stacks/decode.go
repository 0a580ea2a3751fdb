package stacks

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"reflect"
	"slices"
	"strconv"
	"strings"
)

// Problem is one thing wrong with a configuration: the field as a path under workerfleet:platform, and what is wrong
// with it and allowed instead.
type Problem struct{ Field, Says string }

// Problems is everything wrong with a configuration.
type Problems []Problem

// Error lists all problems, one a line.
func (p Problems) Error() string {
	lines := make([]string, len(p))
	for i, one := range p {
		lines[i] = one.Field + ": " + one.Says
	}
	return strings.Join(lines, "\n")
}

func (p *Problems) add(field, format string, args ...any) {
	*p = append(*p, Problem{field, fmt.Sprintf(format, args...)})
}

// about says whether a field, or something inside it, already has a problem.
func (p Problems) about(field string) bool {
	return slices.ContainsFunc(p, func(one Problem) bool {
		return one.Field == field || strings.HasPrefix(one.Field, field+".") ||
			strings.HasPrefix(one.Field, field+"[") || strings.HasPrefix(field, one.Field+".")
	})
}

func (p Problems) sorted() Problems {
	slices.SortStableFunc(p, func(a, b Problem) int { return strings.Compare(a.Field, b.Field) })
	return p
}

// object parses one JSON object, keeping numbers as they were written.
func object(text []byte) (map[string]any, error) {
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.UseNumber()
	var value any
	if err := decoder.Decode(&value); err != nil {
		return nil, fmt.Errorf("is not JSON (%v); allowed: one object", err)
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("holds more than one value; allowed: one object")
	}
	raw, ok := value.(map[string]any)
	if !ok {
		return nil, fmt.Errorf("found %s, expected one object", describe(value))
	}
	return raw, nil
}

// walk writes what raw states into the struct that into points to, leaving the rest as it is, and returns every
// unknown key, wrong type and value that a field's tags do not allow.
func walk(raw map[string]any, into any) Problems {
	w := walker{}
	w.object("", raw, reflect.ValueOf(into).Elem())
	return w.found
}

type walker struct{ found Problems }

// object reads the keys of one struct. Problems arrive in map order: Decode sorts them.
func (w *walker) object(path string, raw map[string]any, into reflect.Value) {
	fields := map[string]int{}
	for i := range into.NumField() {
		fields[into.Type().Field(i).Tag.Get("json")] = i
	}
	keys := keysOf(into.Type())
	for key, value := range raw {
		field := join(path, key)
		i, known := fields[key]
		if !known || key == "-" {
			w.found.add(field, "unknown key%s; allowed: %s", suggestion(key, keys), strings.Join(keys, ", "))
			continue
		}
		w.value(field, value, into.Field(i), into.Type().Field(i).Tag)
	}
}

// keysOf lists the keys that a struct is read from, in its order.
func keysOf(of reflect.Type) []string {
	var keys []string
	for i := range of.NumField() {
		if key := of.Field(i).Tag.Get("json"); key != "-" {
			keys = append(keys, key)
		}
	}
	return keys
}

// value writes one value by the kind of its field, or says what was found and what was expected. A value outside its
// tags' limits is written all the same: later checks skip fields that already have a problem.
func (w *walker) value(path string, value any, into reflect.Value, tag reflect.StructTag) {
	expected := ""
	switch into.Kind() {
	case reflect.Struct:
		if raw, ok := value.(map[string]any); ok {
			w.object(path, raw, into)
			return
		}
		expected = "an object"
	case reflect.String:
		if text, ok := asText(value, tag); ok {
			w.text(path, text, tag)
			into.SetString(text)
			return
		}
		expected = "a text"
	case reflect.Bool:
		if on, ok := value.(bool); ok {
			into.SetBool(on)
			return
		}
		expected = "true or false"
	case reflect.Int:
		if number, ok := asNumber(value); ok && number == math.Trunc(number) && math.Abs(number) < 1e15 {
			w.number(path, number, tag)
			into.SetInt(int64(number))
			return
		}
		expected = "a whole number"
	case reflect.Float64:
		if number, ok := asNumber(value); ok {
			w.number(path, number, tag)
			into.SetFloat(number)
			return
		}
		expected = "a number"
	case reflect.Slice:
		if list, ok := value.([]any); ok {
			w.list(path, list, into, tag)
			return
		}
		expected = "a list of texts"
	case reflect.Map:
		if raw, ok := value.(map[string]any); ok {
			w.table(path, raw, into, tag)
			return
		}
		expected = "an object of texts"
	}
	w.found.add(path, "found %s, expected %s", describe(value), expected)
}

// list reads a list of texts; each element has the format of the list's tag.
func (w *walker) list(path string, list []any, into reflect.Value, tag reflect.StructTag) {
	texts := make([]string, len(list))
	for i, value := range list {
		w.value(fmt.Sprintf("%s[%d]", path, i), value, reflect.ValueOf(&texts[i]).Elem(), tag)
	}
	into.Set(reflect.ValueOf(texts))
}

// table reads an object whose keys are one of the tag's words and whose values have the tag's format.
func (w *walker) table(path string, raw map[string]any, into reflect.Value, tag reflect.StructTag) {
	keys := strings.Split(tag.Get("words"), "|")
	texts := map[string]string{}
	for key, value := range raw {
		var text string
		if !slices.Contains(keys, key) {
			w.found.add(join(path, key), "unknown key%s; allowed: %s", suggestion(key, keys), strings.Join(keys, ", "))
			continue
		}
		w.value(join(path, key), value, reflect.ValueOf(&text).Elem(), reflect.StructTag(`is:"`+tag.Get("is")+`"`))
		texts[key] = text
	}
	into.Set(reflect.ValueOf(texts))
}

// text checks a text against the words or the format of its tag.
func (w *walker) text(path, text string, tag reflect.StructTag) {
	if words := tag.Get("words"); words != "" && !slices.Contains(strings.Split(words, "|"), text) {
		w.found.add(path, "%s; allowed: %s", notAllowed(text), strings.ReplaceAll(words, "|", ", "))
	}
	if format := tag.Get("is"); format != "" && !formats(format, text) {
		w.found.add(path, "%s; allowed: %s", notAllowed(text), formatAllows(format))
	}
}

// number checks a number against the range of its tag, bounds included.
func (w *walker) number(path string, number float64, tag reflect.StructTag) {
	low, high, ranged := strings.Cut(tag.Get("range"), "..")
	if !ranged {
		return
	}
	least, most := tagNumber(low), tagNumber(high)
	if !(number >= least && number <= most) { // written so that NaN is refused
		w.found.add(path, "%s is not allowed; allowed: %s to %s",
			plain(number), plain(least), plain(most))
	}
}

// tagNumber reads a bound of a range tag; tags are literals of this package, and a test reads all of them.
func tagNumber(text string) float64 {
	number, err := strconv.ParseFloat(text, 64)
	if err != nil {
		return math.NaN() // allows nothing
	}
	return number
}

// asText takes a number for a field of digits: `pulumi config set` turns an account id into one.
func asText(value any, tag reflect.StructTag) (string, bool) {
	if number, ok := value.(json.Number); ok && tag.Get("is") == "account" {
		return number.String(), true
	}
	text, ok := value.(string)
	return text, ok
}

func asNumber(value any) (float64, bool) {
	number, ok := value.(json.Number)
	if !ok {
		return 0, false
	}
	parsed, err := number.Float64()
	return parsed, err == nil
}

func join(path, key string) string {
	if path == "" {
		return key
	}
	return path + "." + key
}

// describe says what was found, for people.
func describe(value any) string {
	switch v := value.(type) {
	case nil:
		return "no value"
	case string:
		return fmt.Sprintf("the text %q", v)
	case json.Number:
		return "the number " + v.String()
	case bool:
		return fmt.Sprint(v)
	case []any:
		return "a list"
	}
	return "an object"
}

func notAllowed(text string) string { return fmt.Sprintf("%q is not allowed", text) }

func plain(number float64) string { return strconv.FormatFloat(number, 'f', -1, 64) }

// suggestion names the nearest allowed key, when one is near enough to be a slip of the keyboard.
func suggestion(key string, allowed []string) string {
	best, least := "", len(key)/2+1
	for _, candidate := range allowed {
		if d := distance(strings.ToLower(key), strings.ToLower(candidate)); d < least {
			best, least = candidate, d
		}
	}
	if best == "" {
		return ""
	}
	return ", did you mean " + best + "?"
}

// distance is the number of characters to insert, delete or change between two keys.
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := 1; i <= len(a); i++ {
		diagonal := row[0]
		row[0] = i
		for j := 1; j <= len(b); j++ {
			change := diagonal
			if a[i-1] != b[j-1] {
				change++
			}
			diagonal = row[j]
			row[j] = min(change, row[j]+1, row[j-1]+1)
		}
	}
	return row[len(b)]
}
