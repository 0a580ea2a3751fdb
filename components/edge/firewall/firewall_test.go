package firewall_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os/exec"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"workerfleet/components/edge/firewall"
)

// sdk are the structs of the provider's package, read as text: compiling it is what these forms spare everybody.
type sdk map[string]map[string]string // struct → property → type, without pointer and list

func readSDK(t *testing.T) sdk {
	t.Helper()
	dir, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", "github.com/pulumi/pulumi-aws/sdk/v6").Output()
	require.NoError(t, err)
	files, err := filepath.Glob(filepath.Join(strings.TrimSpace(string(dir)), "go", "aws", "wafv2", "*.go"))
	require.NoError(t, err)
	found := sdk{}
	for _, name := range files {
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.SkipObjectResolution)
		require.NoError(t, err)
		for _, d := range file.Decls {
			declared, ok := d.(*ast.GenDecl)
			if !ok {
				continue
			}
			for _, spec := range declared.Specs {
				if named, ok := spec.(*ast.TypeSpec); ok {
					if form, ok := named.Type.(*ast.StructType); ok {
						found[named.Name.Name] = properties(form)
					}
				}
			}
		}
	}
	return found
}

func properties(form *ast.StructType) map[string]string {
	tagged := map[string]string{}
	for _, field := range form.Fields.List {
		if field.Tag == nil {
			continue
		}
		if name := reflect.StructTag(strings.Trim(field.Tag.Value, "`")).Get("pulumi"); name != "" {
			tagged[name] = typeName(field.Type)
		}
	}
	return tagged
}

func typeName(e ast.Expr) string {
	switch v := e.(type) {
	case *ast.StarExpr:
		return typeName(v.X)
	case *ast.ArrayType:
		return typeName(v.Elt)
	case *ast.Ident:
		return v.Name
	}
	return ""
}

// misfits are the properties of a form of ours that the provider's form of that name does not have, at any depth.
func (s sdk) misfits(t reflect.Type, name, path string) []string {
	for t.Kind() == reflect.Pointer || t.Kind() == reflect.Slice {
		t = t.Elem()
	}
	if t.Kind() != reflect.Struct {
		return nil
	}
	form, known := s[name]
	if !known {
		return []string{path + ": the provider has no " + name}
	}
	var found []string
	for i := range t.NumField() {
		property := t.Field(i).Tag.Get("pulumi")
		of, has := form[property]
		if !has {
			found = append(found, path+"."+property)
			continue
		}
		found = append(found, s.misfits(t.Field(i).Type, of, path+"."+property)...)
	}
	return found
}

// Every form names only what the provider has under that name, at every depth. What a value may be the provider says at
// the earliest in a preview with an account.
func TestFormsAreTheProviders(t *testing.T) {
	forms := readSDK(t)
	require.Greater(t, len(forms), 100, "the provider's package was not read")
	for name, form := range map[string]interface{ ElementType() reflect.Type }{
		"webAclArgs": firewall.ACL{}, "webAclAssociationArgs": firewall.Association{}, "webAclLoggingConfigurationArgs": firewall.Logging{},
	} {
		require.Empty(t, forms.misfits(form.ElementType(), name, name))
	}

	type wrong struct {
		Rules []struct {
			Statement struct {
				Nobody string `pulumi:"nobody"`
			} `pulumi:"statement"`
		} `pulumi:"rules"`
	}
	require.Equal(t, []string{"webAclArgs.rules.statement.nobody"}, forms.misfits(reflect.TypeFor[wrong](), "webAclArgs", "webAclArgs"))
}

// Each form says the token that the provider knows the resource by.
func TestTokens(t *testing.T) {
	require.Equal(t, "aws:wafv2/webAcl:WebAcl", firewall.ACL{}.Token())
	require.Equal(t, "aws:wafv2/webAclAssociation:WebAclAssociation", firewall.Association{}.Token())
	require.Equal(t, "aws:wafv2/webAclLoggingConfiguration:WebAclLoggingConfiguration", firewall.Logging{}.Token())
}
