package policy_test

import (
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"workerfleet/stacks/policy"
)

var update = flag.Bool("update", false, "rewrite the rules in docs/aws-rules.md")

const (
	rulesPage = "../../docs/aws-rules.md"
	begin     = "<!-- rules: written by go test ./stacks/policy -update -->\n"
	end       = "<!-- end of rules -->\n"
)

// The page that explains a rule's number lists the table as it is.
func TestThePageListsTheRules(t *testing.T) {
	text, err := os.ReadFile(rulesPage)
	require.NoError(t, err)
	before, rest, found := strings.Cut(string(text), begin)
	require.True(t, found, "%s has lost its first mark", rulesPage)
	_, after, found := strings.Cut(rest, end)
	require.True(t, found, "%s has lost its second mark", rulesPage)

	var rules strings.Builder
	rules.WriteString("| rule | what must hold | checked on |\n|---|---|---|\n")
	for _, rule := range policy.Rules() {
		types := "every resource"
		if n := len(rule.Types); n > 3 {
			types = fmt.Sprintf("%d types", n)
		} else if n > 0 {
			short := make([]string, n)
			for i, token := range rule.Types {
				short[i] = token[strings.LastIndexByte(token, ':')+1:]
			}
			types = strings.Join(short, ", ")
		}
		fmt.Fprintf(&rules, "| %s | %s | %s |\n", rule.ID, rule.Title, types)
	}
	want := before + begin + rules.String() + end + after
	if *update {
		require.NoError(t, os.WriteFile(rulesPage, []byte(want), 0o644))
	}
	require.Equal(t, want, string(text), "run go test ./stacks/policy -update")
}
