package main_test

import (
	"bytes"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// What files look like: see house_test.go.

const longestFile = 600 // lines; 100–200 are the aim

// junkDrawers are names that say nothing of what a package knows, so that anything ends up in it.
var junkDrawers = []string{"util", "utils", "common", "base", "helper", "helpers", "types", "models", "misc", "shared", "lib"}

// Built from pieces, so that this file does not break its own rules.
var (
	unfinished   = regexp.MustCompile(`\b(TO` + `DO|FIX` + `ME|X` + `XX)\b`)
	machinePaths = regexp.MustCompile("(^|[\\s\"'`=:(,])/(root|work|home/[a-z]+)/")
	registries   = regexp.MustCompile(`proxy\.golang\.` + `org|deb\.debian\.` + `org|registry\.npmjs\.` + `org|pypi\.` + `org`)
)

// textBreaks judges one text file, line by line.
func textBreaks(name string, content []byte) []string {
	var found []string
	for i, line := range strings.Split(string(content), "\n") {
		for rule, broken := range map[string]bool{
			"unfinished work is done or left out, not noted":               unfinished.MatchString(line),
			"a path of one machine means nothing on another":               machinePaths.MatchString(line),
			"where modules and packages come from is the machine's matter": registries.MatchString(line),
		} {
			if broken {
				found = append(found, fmt.Sprintf("%s:%d: %s", name, i+1, rule))
			}
		}
	}
	if lines := bytes.Count(content, []byte("\n")); strings.HasSuffix(name, ".go") && lines > longestFile {
		found = append(found, fmt.Sprintf("%s: %d lines are more than a reader holds; split it by what it knows (at most %d)", name, lines, longestFile))
	}
	return found
}

// codeBreaks judges the Go files of one folder: path → source.
func codeBreaks(files map[string][]byte) []string {
	var found []string
	comments := 0
	folder, product := "", false
	for _, name := range slices.Sorted(maps.Keys(files)) {
		f, err := parser.ParseFile(token.NewFileSet(), name, files[name], parser.ParseComments)
		if err != nil {
			return []string{err.Error()}
		}
		folder = path.Dir(name)
		for _, d := range f.Decls {
			if fn, ok := d.(*ast.FuncDecl); ok && fn.Recv == nil && fn.Name.Name == "init" {
				found = append(found, name+": init() runs before main can decide anything; wire it in main")
			}
		}
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		product = true
		if f.Doc == nil {
			continue
		}
		comments++
		if begins := commentBegins(f.Name.Name, folder); !strings.HasPrefix(f.Doc.Text(), begins) {
			found = append(found, fmt.Sprintf("%s: the package comment begins %q, so that it says what the package knows", name, begins))
		}
	}
	if product && comments != 1 {
		found = append(found, fmt.Sprintf("%s: %d package comments; one says what the package knows", folder, comments))
	}
	if slices.Contains(junkDrawers, path.Base(folder)) {
		found = append(found, folder+": a package is a noun that a new reader could guess, not a drawer")
	}
	return found
}

// commentBegins: a command is called by its folder, the Pulumi program by the module.
func commentBegins(name, folder string) string {
	switch {
	case name == "main" && folder == ".":
		return "Command " + module + " "
	case name == "main":
		return "Command " + path.Base(folder) + " "
	}
	return "Package " + name + " "
}

// texts reads the module's text files. Folders that begin with a dot are a tool's or a machine's, except those of CI.
func texts() (map[string][]byte, error) {
	files := map[string][]byte{}
	err := filepath.WalkDir(".", func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() {
			if base := d.Name(); name != "." && base != ".ci" && base != ".github" && (base[0] == '.' || base == "dist") {
				return fs.SkipDir
			}
			return nil
		}
		content, err := os.ReadFile(name)
		if err == nil && path.Base(name) != "go.sum" && !bytes.ContainsRune(content[:min(len(content), 8000)], 0) {
			files[filepath.ToSlash(name)] = content
		}
		return err
	})
	return files, err
}

// No program stands in the tree: go build leaves one in the folder it is called in, and its megabytes stay in the history.
func TestNoPrograms(t *testing.T) {
	require.True(t, isProgram([]byte("\x7fELF\x02\x01")))
	require.False(t, isProgram([]byte("package main")))
	require.NoError(t, filepath.WalkDir(".", func(name string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && name != "." && d.Name()[0] == '.':
			return fs.SkipDir
		case d.Type().IsRegular():
			content, err := os.ReadFile(name)
			require.False(t, isProgram(content), "%s is a program; make builds them below .workerfleet", name)
			return err
		}
		return nil
	}))
}

// isProgram knows what Linux, macOS and Windows run.
func isProgram(content []byte) bool {
	return slices.ContainsFunc([]string{"\x7fELF", "\xcf\xfa\xed\xfe", "MZ"}, func(magic string) bool { return bytes.HasPrefix(content, []byte(magic)) })
}

// Every text file and every Go package looks as the house wants it. It proves nothing about what the words say.
func TestFilesKeepTheHouseRules(t *testing.T) {
	files, err := texts()
	require.NoError(t, err)
	for _, known := range []string{"go.mod", "Makefile", ".ci/run", "house_files_test.go", "runtime/settings/doc.go", "stacks/config.go"} {
		require.True(t, files[known] != nil, "%s is not read", known)
	}
	folders := map[string]map[string][]byte{}
	for name, content := range files {
		for _, broken := range textBreaks(name, content) {
			t.Error(broken)
		}
		if folder := path.Dir(name); strings.HasSuffix(name, ".go") {
			if folders[folder] == nil {
				folders[folder] = map[string][]byte{}
			}
			folders[folder][name] = content
		}
	}
	for _, folder := range folders {
		for _, broken := range codeBreaks(folder) {
			t.Error(broken)
		}
	}
}

// Each rule on text sees what breaks it and lets pass what looks alike.
func TestTextRulesCanFail(t *testing.T) {
	for _, wrong := range []string{"// TO" + "DO: later", "FIX" + "ME", `dir := "/ro` + `ot/x"`, "cd /wo" + "rk/x", "/ho" + "me/ann/x",
		"GOPROXY=https://proxy.golang." + "org", "http://deb.debian." + "org/debian"} {
		require.Len(t, textBreaks("a.md", []byte("fine\n"+wrong+"\n")), 1, wrong)
		require.Contains(t, textBreaks("a.md", []byte("fine\n"+wrong+"\n"))[0], "a.md:2: ")
	}
	require.Empty(t, textBreaks("a.go", []byte("// todos, runtime/work/x, https://example.com/home/x, /rootless, /home\n")))

	long := bytes.Repeat([]byte("//\n"), longestFile+1)
	require.Len(t, textBreaks("a.go", long), 1)
	require.Empty(t, textBreaks("a.go", long[3:]))
	require.Empty(t, textBreaks("go.txt", long))
}

// Each rule on code sees what breaks it: comments missing, doubled or misnamed, init, drawers.
func TestCodeRulesCanFail(t *testing.T) {
	source := func(pairs ...string) map[string][]byte {
		files := map[string][]byte{}
		for i := 0; i < len(pairs); i += 2 {
			files[pairs[i]] = []byte(pairs[i+1])
		}
		return files
	}
	const good = "// Package claim knows.\npackage claim\n"
	for _, wrong := range []map[string][]byte{
		source("claim/a.go", "package claim\n"),
		source("claim/a.go", good, "claim/b.go", good),
		source("claim/a.go", "// Claim knows.\npackage claim\n"),
		source("claim/a.go", "// Package claims knows.\npackage claim\n"),
		source("cmd/api/main.go", "// Command keeper runs.\npackage main\n"),
		source("claim/a.go", good+"func init() {}\n"),
		source("claim/a.go", good, "claim/a_test.go", "package claim\nfunc init() {}\n"),
		source("a/util/a.go", "// Package util knows.\npackage util\n"),
		source("claim/a.go", "no go"),
	} {
		require.Len(t, codeBreaks(wrong), 1, "%s", wrong)
	}
	for _, right := range []map[string][]byte{
		source("claim/a.go", good, "claim/b.go", "package claim\nfunc (initial) init() {}\ntype initial struct{}\n"),
		source("main.go", "// Command workerfleet deploys.\npackage main\n", "a_test.go", "package main_test\n"),
		source("cmd/api/main.go", "// Command api runs.\npackage main\n"),
		source("laws/a_test.go", "package laws\n"),
	} {
		require.Empty(t, codeBreaks(right), "%s", right)
	}
}
