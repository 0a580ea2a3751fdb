package main_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

// The house's rules, run over the module as it stands. Who may import whom is here; what files look like is in
// house_files_test.go. Each rule is a pure function with an example that breaks it, so that no rule can only pass.

const module = "workerfleet"

// pkg is one package of this module. Imports are full paths; Path is relative to the module, "" for its root.
type pkg struct {
	Path        string
	Imports     []string
	Deps        []string // everything that is linked
	TestImports []string
}

// The core in its order: a package imports only those on lines before its own, or earlier on its own line where the
// line is ordered.
var core = []struct {
	ordered bool
	names   []string
}{
	{false, []string{"settings", "signals", "fleet", "batch"}},
	{false, []string{"queue"}},
	{false, []string{"seal", "claim", "pool", "order"}},
	{false, []string{"webhook", "audit"}},
	{true, []string{"session", "dispatch", "keeper", "control", "hostlink", "worker", "agent"}},
	{false, []string{"sim"}},
}

var adapters = []string{"valkey", "postgres", "sqlite", "iam", "kms", "secrets", "oidc", "sqs", "fifo", "lambda", "ecs", "process",
	"paper", "alpaca", "httpapi", "console", "telemetry"}

// linked says what a binary must not contain, whoever imports it: prefixes of import paths.
var linked = []struct {
	binary string
	never  []string
	reason string
}{
	{"runtime/cmd/fleet", []string{"github.com/pulumi/", "github.com/jackc/", "modernc.org/", "github.com/aws/aws-sdk-go-v2/service/ecs", "github.com/aws/aws-sdk-go-v2/service/kms"},
		"the fleet tool plans on a bare machine, asks the index and the queues, and opens no database and no credentials"},
	{"runtime/cmd/worker", []string{"github.com/aws/", "github.com/redis/", "github.com/jackc/", "modernc.org/"},
		"a worker holds a user's credentials and knows its agent and its broker, nothing else"},
	{"runtime/cmd/agent", []string{"github.com/jackc/", "modernc.org/", "github.com/aws/aws-sdk-go-v2/service/ecs"}, "an agent reaches Valkey and no database, and launches nothing"},
	{"runtime/cmd/function", []string{"github.com/aws/aws-sdk-go-v2/service/secretsmanager", module + "/runtime/lambda/emulator", module + "/runtime/fifo"},
		"functions migrate nothing, and carry no stand-in for what starts them"},
	{"runtime/cmd/api", []string{"github.com/aws/aws-sdk-go-v2/service/ecs"}, "the claim path launches nothing"},
}

// rule judges one package: what of its imports breaks the rule, and why the rule stands.
type rule struct {
	name, reason string
	breaks       func(p pkg) []string
}

func rules() []rule {
	return []rule{
		{"core order", "the core can be read, tested and simulated alone, from the words up to the duties: it imports the standard library, shopspring/decimal and earlier core", coreOrder},
		{"adapters", "an adapter hides one technology; what two share is a core type, or is passed in by runtime/cmd", adapterImports},
		{"wiring", "which adapters run together is decided in runtime/cmd and nowhere else", wiring},
		{"environment", "settings are read once, in runtime/cmd, and handed on as Config", environment},
		{"no pulumi in the runtime", "binaries that ship carry no deployment engine", noPulumi},
		{"two halves", "the Pulumi half knows the runtime by its environment and its metrics only", halves},
		{"hinges", "what both halves import depends on nothing", hinges},
		{"components", "a component is a building block: it does not know the plan it stands in", componentsImports},
		{"wafv2", "the package takes minutes to compile: components/edge alone may pay for it", wafOnlyInEdge},
		{"binaries", "what a binary links is what it can be attacked through, and what it costs to build", binaries},
		{"suites", "what tests need is linked into tests and suites (…test), never into a binary that ships", suites},
		{"rings", "every package of the runtime stands in a ring: name it in house_test.go", knownRing},
	}
}

// matching keeps the paths that satisfy the condition.
func matching(paths []string, condition func(string) bool) []string {
	return slices.DeleteFunc(slices.Clone(paths), func(p string) bool { return !condition(p) })
}

func standard(path string) bool {
	first, _, _ := strings.Cut(path, "/")
	return first != module && !strings.Contains(first, ".")
}

// within reports whether an import path is this module's folder, or below it.
func within(path, folder string) bool {
	return path == module+"/"+folder || strings.HasPrefix(path, module+"/"+folder+"/")
}

// runtimePart is the folder of the runtime that an import belongs to; "" is none. The standard library has a runtime too.
func runtimePart(path string) string {
	rest, ok := strings.CutPrefix(path, module+"/runtime/")
	if !ok {
		return ""
	}
	part, _, _ := strings.Cut(rest, "/")
	return part
}

// part is the folder of the runtime that the package belongs to; "" is none.
func (p pkg) part() string { return runtimePart(module + "/" + p.Path) }

// place is a core package's place in the order: its line and its place within it. Packages of one unordered line share it.
func place(name string) (at int, ok bool) {
	for line, l := range core {
		if i := slices.Index(l.names, name); i >= 0 && l.ordered {
			return line*100 + i, true
		} else if i >= 0 {
			return line * 100, true
		}
	}
	return 0, false
}

// suite reports whether a package exists for tests: claim/claimtest and its like may use what tests use.
func suite(path string) bool { return strings.HasSuffix(path, "test") }

// ofTests reports whether an import belongs into tests and suites alone.
func ofTests(path string) bool {
	return path == "testing" || strings.HasPrefix(path, "github.com/stretchr/testify/") || strings.HasPrefix(path, "pgregory.net/rapid") ||
		strings.HasPrefix(path, module+"/") && suite(path)
}

func suites(p pkg) []string {
	if suite(p.Path) {
		return nil
	}
	return matching(p.Imports, ofTests)
}

func coreOrder(p pkg) []string {
	own := p.part()
	at, ok := place(own)
	if !ok {
		return nil
	}
	return matching(p.Imports, func(path string) bool {
		if standard(path) || path == "github.com/shopspring/decimal" || runtimePart(path) == own {
			return false
		}
		if suite(p.Path) && ofTests(path) {
			return false
		}
		other, ok := place(runtimePart(path))
		return !ok || other >= at
	})
}

func adapterImports(p pkg) []string {
	own := p.part()
	if !slices.Contains(adapters, own) {
		return nil
	}
	return matching(p.Imports, func(path string) bool {
		if !strings.HasPrefix(path, module+"/") || runtimePart(path) == own {
			return false
		}
		if suite(p.Path) && runtimePart(path) == "parts" {
			return false
		}
		_, isCore := place(runtimePart(path))
		return !isCore
	})
}

func wiring(p pkg) []string {
	if own := p.part(); own == "cmd" || slices.Contains(adapters, own) {
		return nil // an adapter's imports are the rule before this one
	}
	return matching(p.Imports, func(path string) bool { return slices.Contains(adapters, runtimePart(path)) })
}

func environment(p pkg) []string {
	if own := p.part(); own == "" || own == "cmd" || own == "settings" {
		return nil
	}
	return matching(p.Imports, func(path string) bool { return within(path, "runtime/settings") })
}

func noPulumi(p pkg) []string {
	if p.part() == "" {
		return nil
	}
	return matching(slices.Concat(p.Deps, p.TestImports), func(path string) bool { return strings.HasPrefix(path, "github.com/pulumi/") })
}

func pulumiHalf(p pkg) bool {
	return p.Path == "" || within(module+"/"+p.Path, "stacks") || within(module+"/"+p.Path, "components")
}

func halves(p pkg) []string {
	if pulumiHalf(p) {
		return matching(p.Deps, func(path string) bool {
			part := runtimePart(path)
			return part != "" && part != "settings" && part != "signals"
		})
	}
	if p.part() == "" {
		return nil
	}
	return matching(p.Deps, func(path string) bool {
		sizing := within(path, "stacks/sizing") && p.part() == "cmd"
		return (within(path, "stacks") || within(path, "components")) && !sizing
	})
}

func hinges(p pkg) []string {
	if !slices.Contains([]string{"stacks/sizing", "runtime/settings", "runtime/signals"}, p.Path) {
		return nil
	}
	return matching(p.Deps, func(path string) bool { return !standard(path) })
}

func componentsImports(p pkg) []string {
	if !within(module+"/"+p.Path, "components") {
		return nil
	}
	stacks := func(path string) bool { return path == module || within(path, "stacks") }
	return append(matching(p.Imports, stacks),
		matching(p.TestImports, func(path string) bool { return stacks(path) && path != module+"/stacks/graph" })...)
}

func wafOnlyInEdge(p pkg) []string {
	if p.Path == "components/edge" {
		return nil
	}
	return matching(p.Imports, func(path string) bool { return strings.HasSuffix(path, "/aws/wafv2") })
}

func binaries(p pkg) []string {
	var found []string
	for _, l := range linked {
		if p.Path == l.binary {
			found = append(found, matching(p.Deps, func(path string) bool {
				return slices.ContainsFunc(l.never, func(prefix string) bool { return strings.HasPrefix(path, prefix) })
			})...)
		}
	}
	return found
}

func knownRing(p pkg) []string {
	part := p.part()
	_, isCore := place(part)
	if part == "" || isCore || slices.Contains(adapters, part) || part == "cmd" || part == "parts" {
		return nil
	}
	return []string{p.Path}
}

// listed runs go list once for all tests.
var listed = sync.OnceValues(func() ([]pkg, error) {
	var stderr bytes.Buffer
	list := exec.Command("go", "list", "-json=ImportPath,Imports,Deps,TestImports,XTestImports", "./...")
	list.Stderr = &stderr
	out, err := list.Output()
	if err != nil {
		return nil, errors.New("go list: " + stderr.String())
	}
	return decode(bytes.NewReader(out))
})

// decode reads go list's stream of objects.
func decode(stream io.Reader) ([]pkg, error) {
	var found []pkg
	for d := json.NewDecoder(stream); ; {
		var p struct {
			ImportPath                               string
			Imports, Deps, TestImports, XTestImports []string
		}
		if err := d.Decode(&p); errors.Is(err, io.EOF) {
			return found, nil
		} else if err != nil {
			return nil, err
		}
		path := strings.TrimPrefix(strings.TrimPrefix(p.ImportPath, module), "/")
		found = append(found, pkg{path, p.Imports, p.Deps, slices.Concat(p.TestImports, p.XTestImports)})
	}
}

// Every package keeps to the import rules. The packages that must exist are named, so that a list that came back short
// proves nothing by accident. What files a build tag hides on this machine is not seen.
func TestImportRules(t *testing.T) {
	packages, err := listed()
	require.NoError(t, err)
	for _, known := range []string{"", "stacks", "stacks/sizing", "stacks/graph", "offline", "components/keys", "components/network",
		"components/queues", "runtime/settings", "runtime/signals", "runtime/parts", "runtime/cmd/fleet"} {
		if !slices.ContainsFunc(packages, func(p pkg) bool { return p.Path == known }) {
			t.Errorf("%s/%s is not listed: the rules below were not applied to it", module, known)
		}
	}
	for _, r := range rules() {
		for _, p := range packages {
			if wrong := r.breaks(p); len(wrong) > 0 {
				t.Errorf("%s/%s breaks the rule %q with %s\n  the rule stands because: %s", module, p.Path, r.name, strings.Join(wrong, ", "), r.reason)
			}
		}
	}
}
