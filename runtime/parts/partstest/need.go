// Package partstest knows what a test does when a part of the machine is absent: it is skipped with the reason, or fails
// where WORKERFLEET_REQUIRE demands the part.
package partstest

import (
	"os"
	"slices"
	"testing"

	"workerfleet/runtime/parts"
)

// Need returns the path of a part's program. Without it the test ends here.
func Need(t testing.TB, part parts.Part) string {
	t.Helper()
	return need(t, part, search{parts.Find, os.Getenv(parts.Variable)})
}

// test is what need uses of testing.TB, which cannot be implemented outside its package.
type test interface {
	Helper()
	Skipf(format string, args ...any)
	Fatalf(format string, args ...any)
}

type search struct {
	find    func(parts.Part) (string, bool)
	require string
}

func need(t test, part parts.Part, s search) string {
	t.Helper()
	required, err := parts.Required(s.require)
	if err != nil {
		t.Fatalf("%v", err)
		return ""
	}
	all := parts.All()
	i := slices.IndexFunc(all, func(d parts.Description) bool { return d.Part == part })
	if i < 0 {
		t.Fatalf("%q is no part; package parts lists them", part)
		return ""
	}
	path, ok := s.find(part)
	switch {
	case ok:
		return path
	case slices.Contains(required, part):
		t.Fatalf("%s is not installed and %s=%s demands it: %s", part, parts.Variable, s.require, all[i].Install)
	default:
		t.Skipf("%s is not installed: %s", part, all[i].Install)
	}
	return ""
}
