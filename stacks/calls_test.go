package stacks

import (
	"bytes"
	"go/ast"
	"go/parser"
	"go/token"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

const (
	runtimeModule = "workerfleet/runtime/"
	awsServices   = "github.com/aws/aws-sdk-go-v2/service/"
)

// calls are the functions of one binary and what each names, read from its source without types: a function of another
// package by package and name, a method by its name alone. So a method that is called reaches every method of that name:
// too much is found rather than too little, save a method that a library alone calls.
type calls struct {
	names   map[string][]string // by function: what it names
	actions map[string][]string // by function: the AWS actions that it asks for
	roots   []string
}

// callsOf reads what is linked into the binary of that directory.
func callsOf(t *testing.T, binary string) *calls {
	t.Helper()
	var failed bytes.Buffer
	list := exec.CommandContext(t.Context(), "go", "list", "-deps", "-f", `{{range .GoFiles}}{{$.ImportPath}} {{$.Dir}}/{{.}}{{"\n"}}{{end}}`, "./"+binary)
	list.Dir, list.Stderr = "..", &failed
	out, err := list.Output()
	require.NoError(t, err, failed.String())
	c := &calls{names: map[string][]string{}, actions: map[string][]string{}, roots: []string{runtimeModule + "cmd/" + path.Base(binary) + ".main"}}
	for line := range strings.Lines(string(out)) {
		pkg, file, _ := strings.Cut(strings.TrimSpace(line), " ")
		if strings.HasPrefix(pkg, runtimeModule) {
			parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, 0)
			require.NoError(t, err)
			c.read(pkg, parsed)
		}
	}
	return c
}

// read adds what one file declares. Package variables are evaluated at the start.
func (c *calls) read(pkg string, file *ast.File) {
	imports := map[string]string{}
	for _, spec := range file.Imports {
		imported, _ := strconv.Unquote(spec.Path.Value)
		name := path.Base(imported)
		if spec.Name != nil {
			name = spec.Name.Name
		}
		imports[name] = imported
	}
	for _, declaration := range file.Decls {
		name := pkg + ".(variables)"
		if function, ok := declaration.(*ast.FuncDecl); ok {
			name = pkg + "." + function.Name.Name
			if function.Recv != nil {
				name = "method " + function.Name.Name
			}
		} else {
			c.roots = append(c.roots, name)
		}
		c.names[name] = append(c.names[name], name)
		ast.Inspect(declaration, func(node ast.Node) bool {
			switch n := node.(type) {
			case *ast.SelectorExpr:
				of, plain := n.X.(*ast.Ident)
				if plain && imports[of.Name] != "" {
					c.names[name] = append(c.names[name], imports[of.Name]+"."+n.Sel.Name)
				}
				c.names[name] = append(c.names[name], "method "+n.Sel.Name)
			case *ast.Ident:
				c.names[name] = append(c.names[name], pkg+"."+n.Name)
			case *ast.CallExpr:
				if action := actionOf(n, imports); action != "" {
					c.actions[name] = append(c.actions[name], action)
				}
			}
			return true
		})
	}
}

// actionOf is the AWS action that a call needs, or none: x.Operation(ctx, &service.OperationInput{…}), or a token that is
// signed for a server which asks AWS whether its bearer may connect.
func actionOf(call *ast.CallExpr, imports map[string]string) string {
	function, ok := call.Fun.(*ast.SelectorExpr)
	if !ok {
		return ""
	}
	for _, argument := range call.Args {
		switch a := argument.(type) {
		case *ast.UnaryExpr:
			literal, _ := a.X.(*ast.CompositeLit)
			if literal == nil {
				continue
			}
			input, _ := literal.Type.(*ast.SelectorExpr)
			if input == nil || input.Sel.Name != function.Sel.Name+"Input" {
				continue
			}
			if service, found := strings.CutPrefix(imports[input.X.(*ast.Ident).Name], awsServices); found {
				return service + ":" + permissionOf(function.Sel.Name)
			}
		case *ast.BasicLit:
			if signedFor, _ := strconv.Unquote(a.Value); function.Sel.Name == "PresignHTTP" {
				return signedFor + ":Connect"
			}
		}
	}
	if of, _ := function.X.(*ast.Ident); of != nil && strings.HasSuffix(imports[of.Name], "/feature/rds/auth") && function.Sel.Name == "BuildAuthToken" {
		return "rds-db:connect"
	}
	return ""
}

// permissionOf is the action that IAM asks for: SQS's batches are permitted as their single calls are.
func permissionOf(operation string) string {
	switch operation {
	case "SendMessageBatch", "DeleteMessageBatch", "ChangeMessageVisibilityBatch":
		return strings.TrimSuffix(operation, "Batch")
	}
	return operation
}

// from is the same binary entered at another function than main: what one handler of a binary with several can call.
func (c *calls) from(function string) *calls {
	main := c.roots[0]
	entered := *c
	entered.roots = append([]string{strings.TrimSuffix(main, "main") + function}, c.roots[1:]...)
	return &entered
}

// made are the actions that the binary can ask for.
func (c *calls) made() []string {
	seen, actions := map[string]bool{}, []string{}
	for next := c.roots; len(next) > 0; {
		function := next[0]
		next = next[1:]
		if seen[function] {
			continue
		}
		seen[function] = true
		actions = append(actions, c.actions[function]...)
		next = append(next, c.names[function]...)
	}
	return slices.Compact(slices.Sorted(slices.Values(actions)))
}

// inputsIn are the AWS operations whose inputs a file names, however they are used.
func inputsIn(t *testing.T, file string) []string {
	t.Helper()
	parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, 0)
	require.NoError(t, err)
	services := map[string]string{}
	for _, spec := range parsed.Imports {
		imported, _ := strconv.Unquote(spec.Path.Value)
		if service, found := strings.CutPrefix(imported, awsServices); found {
			name := service
			if spec.Name != nil {
				name = spec.Name.Name
			}
			services[name] = service
		}
	}
	var found []string
	ast.Inspect(parsed, func(node ast.Node) bool {
		if n, ok := node.(*ast.SelectorExpr); ok {
			of, _ := n.X.(*ast.Ident)
			if operation, input := strings.CutSuffix(n.Sel.Name, "Input"); of != nil && input && services[of.Name] != "" {
				found = append(found, services[of.Name]+":"+permissionOf(operation))
			}
		}
		return true
	})
	return found
}

// runtimeFiles are the sources of the runtime without its tests.
func runtimeFiles(t *testing.T) []string {
	t.Helper()
	var files []string
	for _, depth := range []string{"*", "*/*", "*/*/*"} {
		found, err := filepath.Glob(filepath.Join("..", "runtime", depth, "*.go"))
		require.NoError(t, err)
		files = append(files, slices.DeleteFunc(found, func(name string) bool { return strings.HasSuffix(name, "_test.go") })...)
	}
	require.Greater(t, len(files), 100)
	return files
}
