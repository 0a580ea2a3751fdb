package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// guard is one condition that a promise rests on, and what its code becomes without it.
type guard struct {
	promise, where string
	file, old, new string
	// pkg and tests are the package whose tests notice, and which of them are run.
	pkg, tests string
}

// result is what noticed that a guard was taken out.
type result struct {
	guard
	failed []string // tests
	seed   int      // the first seed; 0: none of those that were played
}

func (r result) caught() bool { return len(r.failed) > 0 || r.seed > 0 }

func (r result) String() string {
	if !r.caught() {
		return "NOT CAUGHT: " + r.promise + " (" + r.where + ")"
	}
	by := slices.Clone(r.failed)
	if r.seed > 0 {
		by = append(by, "seed "+strconv.Itoa(r.seed))
	}
	return r.promise + ": " + strings.Join(by, ", ")
}

// without returns the file as it is without the guard.
func (g guard) without() ([]byte, error) {
	content, err := os.ReadFile(g.file)
	if err != nil {
		return nil, err
	}
	if n := strings.Count(string(content), g.old); n != 1 {
		return nil, fmt.Errorf("%s has its text %d times; allowed: once", g.file, n)
	}
	if g.old == g.new {
		return nil, errors.New("nothing would change")
	}
	return []byte(strings.Replace(string(content), g.old, g.new, 1)), nil
}

// try runs the tests and the seeds without the guard. It needs the module's folder as the current one.
func (g guard) try(ctx context.Context, seeds int) (result, error) {
	r := result{guard: g}
	dir, err := os.MkdirTemp("", "mutate")
	if err != nil {
		return r, err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	overlay, err := g.overlay(dir)
	if err != nil {
		return r, err
	}
	if err := g.holds(ctx); err != nil {
		return r, err
	}
	said, err := test(ctx, overlay, g.pkg, "-run", g.tests)
	if err != nil {
		return r, err
	}
	for _, name := range failures.FindAllStringSubmatch(said, -1) {
		if !slices.Contains(r.failed, name[1]) {
			r.failed = append(r.failed, name[1])
		}
	}
	if waiting := unended.FindStringSubmatch(said); waiting != nil { // for what the guard would have brought about
		r.failed = append(r.failed, waiting[1])
	}
	said, err = test(ctx, overlay, "./runtime/sim", "-run", "Seeds", "-args", "-seeds", strconv.Itoa(seeds), "-failures", "1")
	if err != nil {
		return r, err
	}
	if first := failing.FindStringSubmatch(said); first != nil {
		r.seed, err = strconv.Atoi(first[1])
	}
	return r, err
}

// holds runs the tests with the guard: those that fail then would fail without it for another reason.
func (g guard) holds(ctx context.Context) error {
	said, err := test(ctx, "", g.pkg, "-run", g.tests)
	switch {
	case err != nil:
		return err
	case !strings.Contains(said, "\nok ") && !strings.HasPrefix(said, "ok "):
		return fmt.Errorf("%s of %s fails with the guard in its place:\n%s", g.tests, g.pkg, said)
	case strings.Contains(said, "no tests to run"):
		return fmt.Errorf("%s has no test %s", g.pkg, g.tests)
	}
	return nil
}

// timeout is how long a test may run: many times what each takes, as one that is ended for it counts as one that noticed.
const timeout = "1m"

var (
	unended  = regexp.MustCompile(`(?m)^panic: test timed out[^\n]*\n\s+running tests:\n\s+(\w+)`)
	failures = regexp.MustCompile(`(?m)^--- FAIL: (\w+)`)
	failing  = regexp.MustCompile(`(?m)^\s+sim_test\.go:\d+: seed (\d+): `)
)

// overlay writes what go is told to read instead of the guard's file.
func (g guard) overlay(dir string) (string, error) {
	content, err := g.without()
	if err != nil {
		return "", err
	}
	file, err := filepath.Abs(g.file)
	if err != nil {
		return "", err
	}
	changed, overlay := filepath.Join(dir, "changed"+filepath.Ext(g.file)), filepath.Join(dir, "overlay.json")
	text, err := json.Marshal(map[string]map[string]string{"Replace": {file: changed}})
	if err != nil {
		return "", err
	}
	return overlay, errors.Join(os.WriteFile(changed, content, 0o600), os.WriteFile(overlay, text, 0o600))
}

// test runs go test, and returns what it said. Tests that fail are no error; code that does not compile is one.
func test(ctx context.Context, overlay, pkg string, args ...string) (string, error) {
	args = append([]string{"test", "-overlay", overlay, "-count", "1", "-timeout", timeout, pkg}, args...)
	output, err := exec.CommandContext(ctx, "go", args...).CombinedOutput()
	said := string(output)
	switch exit := new(exec.ExitError); {
	case ctx.Err() != nil:
		return "", ctx.Err()
	case strings.Contains(said, "[build failed]") || strings.Contains(said, "[setup failed]"):
		return "", fmt.Errorf("without it %s does not compile:\n%s", pkg, said)
	case err != nil && !errors.As(err, &exit):
		return "", err
	}
	return said, nil
}
