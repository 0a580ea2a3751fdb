package parts

import (
	"cmp"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// Part is a program, under the name that WORKERFLEET_REQUIRE knows it by.
type Part string

// The parts.
const (
	Redis    Part = "redis-server"
	Valkey   Part = "valkey-server"
	Postgres Part = "postgres"
	Chromium Part = "chromium"
	Moto     Part = "moto_server"
	Compiler Part = "cc"
)

// Description says what a part is for.
type Description struct {
	Part Part
	// Use is what is left out without it.
	Use string
	// Install is the command for Debian.
	Install string
	// Optional parts are used where they are present and demanded only by name: Debian 12 has no Valkey.
	Optional bool
}

// All describes every part.
func All() []Description {
	return []Description{
		{Part: Redis, Use: "tests of the store on a real server and a cluster of three", Install: "apt-get install redis-server"},
		{Part: Valkey, Use: "the same tests on Valkey itself", Install: "apt-get install valkey-server (Debian 13)", Optional: true},
		{Part: Postgres, Use: "tests of the ledger on PostgreSQL", Install: "apt-get install postgresql"},
		{Part: Chromium, Use: "tests of the operations page in a browser", Install: "apt-get install chromium"},
		{Part: Moto, Use: "tests of the AWS adapters", Install: ".ci/run moto_server"},
		{Part: Compiler, Use: "the race detector", Install: "apt-get install gcc libc6-dev"},
	}
}

// Find returns the path of the program that is the part. For Postgres it is the server, with initdb and pg_ctl beside it.
func Find(p Part) (path string, ok bool) { return machine{root: "/"}.find(p) }

// machine is where the files stand that are not found by PATH.
type machine struct{ root string }

func (m machine) find(p Part) (path string, ok bool) {
	switch p {
	case Redis:
		return first(onPath("redis-server"), atLeastRedis7)
	case Valkey:
		return first(onPath("valkey-server"), anything)
	case Postgres:
		return first(append(onPath("postgres"), m.debianPostgres()...), hasClusterTools)
	case Chromium:
		return first(onPath("chromium", "chromium-browser", "google-chrome"), anything)
	case Moto:
		return first(append(virtualEnvironment("moto_server"), onPath("moto_server")...), anything)
	case Compiler:
		return first(onPath(cmp.Or(os.Getenv("CC"), "gcc"), "clang"), anything)
	}
	return "", false
}

func first(candidates []string, fits func(path string) bool) (string, bool) {
	i := slices.IndexFunc(candidates, fits)
	if i < 0 {
		return "", false
	}
	return candidates[i], true
}

func anything(string) bool { return true }

func onPath(names ...string) []string {
	var found []string
	for _, name := range names {
		if path, err := exec.LookPath(name); err == nil {
			found = append(found, path)
		}
	}
	return found
}

// debianPostgres lists the servers that Debian installs outside PATH, the newest first.
func (m machine) debianPostgres() []string {
	found, _ := filepath.Glob(filepath.Join(m.root, "usr/lib/postgresql/*/bin/postgres")) // the pattern is well formed
	version := func(path string) int {
		n, _ := strconv.Atoi(filepath.Base(filepath.Dir(filepath.Dir(path)))) // a folder that is no number comes last
		return n
	}
	slices.SortFunc(found, func(a, b string) int { return version(b) - version(a) })
	return found
}

// hasClusterTools refuses a lone server binary: a test needs initdb to make a database.
func hasClusterTools(server string) bool {
	for _, tool := range []string{"initdb", "pg_ctl"} {
		if _, err := exec.LookPath(filepath.Join(filepath.Dir(server), tool)); err != nil {
			return false
		}
	}
	return true
}

// atLeastRedis7: below 7 the server ignores a script's first line, which declares what the script may do.
func atLeastRedis7(path string) bool {
	out, err := exec.Command(path, "--version").Output()
	if err != nil {
		return false
	}
	match := regexp.MustCompile(`\bv=(\d+)\.`).FindSubmatch(out)
	if match == nil {
		return false
	}
	major, err := strconv.Atoi(string(match[1]))
	return err == nil && major >= 7
}

// virtualEnvironment looks for a program in .venv of the working folder and those above it, up to the module's root:
// tests run in their package's folder.
func virtualEnvironment(name string) []string {
	dir, err := os.Getwd()
	if err != nil {
		return nil
	}
	for {
		if path, err := exec.LookPath(filepath.Join(dir, ".venv/bin", name)); err == nil {
			return []string{path}
		}
		_, err := os.Stat(filepath.Join(dir, "go.mod"))
		if err == nil || dir == filepath.Dir(dir) {
			return nil
		}
		dir = filepath.Dir(dir)
	}
}

// Variable is the environment variable that [Required] understands.
const Variable = "WORKERFLEET_REQUIRE"

// Required lists the parts that a value of WORKERFLEET_REQUIRE demands: nothing, all – but for the optional ones –, or
// names with commas between them. A word that is no part is an error that names the allowed ones.
func Required(value string) ([]Part, error) {
	var all, names []Part
	for _, d := range All() {
		names = append(names, d.Part)
		if !d.Optional {
			all = append(all, d.Part)
		}
	}
	switch value {
	case "":
		return nil, nil
	case "all":
		return all, nil
	}
	var required []Part
	for word := range strings.SplitSeq(value, ",") {
		p := Part(strings.TrimSpace(word))
		if !slices.Contains(names, p) {
			return nil, fmt.Errorf("%s: %q is no part; allowed: all, or some of %v with commas between them", Variable, word, names)
		}
		required = append(required, p)
	}
	return required, nil
}
