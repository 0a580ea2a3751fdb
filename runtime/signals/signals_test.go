package signals

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// Every metric is one that Prometheus and CloudWatch both take and that a reader of its name understands. It proves
// nothing about who records it.
func TestMetricsAreWellFormed(t *testing.T) {
	legal := regexp.MustCompile(`^fleet(_[a-z]+)+$`)
	for _, m := range All() {
		require.Regexp(t, legal, m.Name)
		require.NotEmpty(t, m.Help, m.Name)
		require.True(t, strings.HasSuffix(m.Help, "."), "%s: help is sentences", m.Name)
		require.Contains(t, []Unit{Count, Seconds, None}, m.Unit, m.Name)
		require.Equal(t, m.Kind == KindCounter, strings.HasSuffix(m.Name, "_total"), "%s: _total marks counters", m.Name)
		require.Equal(t, m.Unit == Seconds, strings.HasSuffix(m.Name, "_seconds"), "%s: the unit stands in the name", m.Name)
		require.Equal(t, m.Kind == KindHistogram, len(m.Buckets) > 0, "%s: histograms alone have buckets", m.Name)
		require.True(t, slices.IsSorted(m.Buckets), m.Name)
		require.Len(t, slices.Compact(slices.Clone(m.Buckets)), len(m.Buckets), m.Name)
	}
}

// The number of a stack's series is bounded and none is a user's or a worker's own. What it costs is in
// docs/decisions/closed-labels.md.
func TestCardinalityIsBounded(t *testing.T) {
	personal := regexp.MustCompile(`user|worker|host|task|instance|session|account|order|epoch|address|(^|_)(id|ip|arn)$`)
	value := regexp.MustCompile(`^[a-z]+(_[a-z]+)*$`)
	series := 0
	for _, m := range All() {
		combinations := 1
		for _, label := range m.Labels {
			require.NotRegexp(t, personal, label.Name, "%s: no series for each user or worker", m.Name)
			require.NotEqual(t, StackDimension, label.Name, "%s: every series has the stack, and one value of it", m.Name)
			require.NotEmpty(t, label.Values, "%s{%s}", m.Name, label.Name)
			for _, v := range label.Values {
				require.Regexp(t, value, v, "%s{%s}", m.Name, label.Name)
			}
			require.Len(t, slices.Compact(slices.Sorted(slices.Values(label.Values))), len(label.Values), "%s{%s} names a value twice", m.Name, label.Name)
			combinations *= len(label.Values)
		}
		series += combinations
	}
	require.LessOrEqual(t, series, 100)
}

// Each name constant is described once and each description has its constant, of the type of its kind. The names are
// those of the page of shared names.
func TestNamesAndDescriptionsAgree(t *testing.T) {
	file, err := parser.ParseFile(token.NewFileSet(), "metrics.go", nil, 0)
	require.NoError(t, err)
	constants := map[string]string{}
	ast.Inspect(file, func(n ast.Node) bool {
		spec, ok := n.(*ast.ValueSpec)
		if !ok || len(spec.Values) == 0 {
			return true
		}
		if kind, ok := spec.Type.(*ast.Ident); ok && slices.Contains([]string{"Counter", "Gauge", "Histogram"}, kind.Name) {
			name, err := strconv.Unquote(spec.Values[0].(*ast.BasicLit).Value)
			require.NoError(t, err)
			require.NotContains(t, constants, name, "two constants of one name")
			constants[name] = strings.ToLower(kind.Name)
		}
		return true
	})
	page, err := os.ReadFile("../../docs/contracts.md")
	require.NoError(t, err)
	described := map[string]string{}
	for _, m := range All() {
		require.NotContains(t, described, m.Name, "described twice")
		described[m.Name] = string(m.Kind)
		shown := "`" + m.Name
		for _, label := range m.Labels {
			shown += "{" + label.Name + "}"
		}
		require.Contains(t, string(page), shown+"`", "docs/contracts.md")
	}
	require.Equal(t, constants, described)
}

// A series exists only with the declared labels, and the refusal names what is allowed.
func TestAccepts(t *testing.T) {
	claims := All()[slices.IndexFunc(All(), func(m Metric) bool { return m.Name == string(Claims) })]
	require.NoError(t, claims.Accepts("ready"))
	require.EqualError(t, claims.Accepts("lost"), `fleet_claims_total: outcome "lost" is not one of the allowed values: ready, waiting, failed`)
	require.EqualError(t, claims.Accepts(), "fleet_claims_total has 1 label(s), given 0")
	require.EqualError(t, claims.Accepts("ready", "ready"), "fleet_claims_total has 1 label(s), given 2")
}
