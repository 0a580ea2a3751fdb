package settings

import (
	"fmt"
	"slices"
	"strings"
)

// Problem is what is wrong with one variable. It names the allowed values and never repeats the value found.
type Problem struct{ Name, Says string }

// Problems is the error of [Read]: everything that is wrong with a process's environment, sorted by name.
type Problems struct {
	Process string
	Found   []Problem
}

func (p Problems) Error() string {
	var text strings.Builder
	fmt.Fprintf(&text, "the environment of %s has %d problem(s)", p.Process, len(p.Found))
	for _, problem := range p.Found {
		fmt.Fprintf(&text, "\n  %s %s", problem.Name, problem.Says)
	}
	return text.String()
}

// known lists the names that any process reads.
func known() []string {
	var names []string
	for _, specs := range [][]Spec{Specs[API](""), Specs[Keeper](""), Specs[Agent](""), Specs[Worker](""), Specs[Migrate]("")} {
		for _, spec := range specs {
			names = append(names, spec.Name)
		}
	}
	for _, handler := range Handlers() {
		for _, spec := range Specs[Function](handler) {
			names = append(names, spec.Name)
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// unknown finds the platform's variables that no process reads.
func unknown(environ []string) []Problem {
	var found []Problem
	names := known()
	for _, entry := range environ {
		name, _, _ := strings.Cut(entry, "=")
		if strings.HasPrefix(name, prefix) && !slices.Contains(names, name) {
			nearest := slices.MinFunc(names, func(a, b string) int { return distance(name, a) - distance(name, b) })
			found = append(found, Problem{name, "is read by no process; the nearest name is " + nearest})
		}
	}
	return found
}

// distance counts the letters to insert, delete or replace to get from a to b (Levenshtein).
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			replace := diagonal
			if a[i] != b[j] {
				replace++
			}
			diagonal = row[j+1]
			row[j+1] = min(replace, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}
