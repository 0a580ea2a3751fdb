package main

import (
	"fmt"
	"os"
	"slices"
	"strings"
)

// page is where the tables stand, each between its marks.
const page = "docs/correctness.md"

// write replaces what stands between the marks of each part.
func write(page string, found []result, seeds int) error {
	content, err := os.ReadFile(page)
	if err != nil {
		return err
	}
	text := string(content)
	for _, part := range parts {
		begin, end := fmt.Sprintf("<!-- %s: make mutate ARGS=-update -->\n", part), fmt.Sprintf("<!-- end of %s -->", part)
		before, rest, ok := strings.Cut(text, begin)
		_, after, closed := strings.Cut(rest, end)
		if !ok || !closed {
			return fmt.Errorf("%s: the marks of %s are missing; allowed: %q and %q", page, part, begin, end)
		}
		text = before + begin + table(part, found, seeds) + end + after
	}
	return os.WriteFile(page, []byte(text), 0o644)
}

var parts = []string{"claims", "orders"}

func (g guard) part() string {
	if slices.Contains(orders(), g) {
		return "orders"
	}
	return "claims"
}

func table(part string, found []result, seeds int) string {
	var b strings.Builder
	fmt.Fprintf(&b, "| guarantee | guard | test that fails without it | first of %d seeds |\n|---|---|---|---|\n", seeds)
	for _, r := range found {
		if r.part() != part {
			continue
		}
		tests, seed := "–", "–"
		if len(r.failed) > 0 {
			tests = "`" + strings.Join(r.failed, "`, `") + "`"
		}
		if r.seed > 0 {
			seed = fmt.Sprint(r.seed)
		}
		fmt.Fprintf(&b, "| %s | %s, `%s` | %s | %s |\n", r.promise, r.where, r.file, tests, seed)
	}
	return b.String()
}
