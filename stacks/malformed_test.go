package stacks

import (
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"workerfleet/stacks/graph"
)

// fieldNamed is how every line of a report begins, and what it must go on to say: the field, then what is allowed or
// expected there.
var fieldNamed = regexp.MustCompile(`^(aws:|workerfleet:)?[a-zA-Z0-9.\-\[\]]+: .*(allowed: |expected )`)

// A malformed stack file is refused by the program itself, before anything is registered, the provider included: one
// report with every problem, each line naming the field and what is allowed there.
func TestMalformedFilesRegisterNothing(t *testing.T) {
	cases := malformed()
	require.GreaterOrEqual(t, len(cases), 40)
	for _, c := range cases {
		refused(t, map[string]string{"workerfleet:platform": c.text()}, c.says)
	}
	t.Logf("%d malformed stack files refused", len(cases))
}

// What is wrong with the file as a whole is refused in the same way.
func TestMalformedWholesRegisterNothing(t *testing.T) {
	const platform = `{"users":100}`
	for _, c := range []struct {
		config map[string]string
		says   string
	}{
		{map[string]string{}, "workerfleet:platform: is not set; start from a committed file"},
		{map[string]string{"workerfleet:platform": ``}, `workerfleet:platform: is not JSON (EOF); allowed: one object`},
		{map[string]string{"workerfleet:platform": `users: 100`}, `workerfleet:platform: is not JSON (invalid character 'u' looking for beginning of value); allowed: one object`},
		{map[string]string{"workerfleet:platform": `[]`}, `workerfleet:platform: found a list, expected one object`},
		{map[string]string{"workerfleet:platform": `{}`}, `users: is not stated; allowed: 1 to 1000000`},
		{map[string]string{"workerfleet:platform": platform, "aws:region": "moon"}, `aws:region: "moon" is not allowed; allowed: an AWS region`},
		{map[string]string{"workerfleet:platform": platform, "aws:region": "cn-north-1"}, `aws:region: "cn-north-1" is not allowed, because the platform's policies`},
		{map[string]string{"workerfleet:platform": platform, "workerfleet:protection": "strict"}, `workerfleet:protection: stands beside workerfleet:platform; allowed: inside it`},
	} {
		refused(t, c.config, c.says)
	}
}

// Ten mistakes in one file are ten lines in one report.
func TestMalformedFileReportsEverything(t *testing.T) {
	report := refused(t, map[string]string{"aws:region": "moon", "workerfleet:platform": `{"users":5000,"protection":"soft","broker":7,
		"workers":{"instances":3,"minInstances":4,"cpus":1},"valkey":{"mode":"cluster"},"database":{"multiAz":false},
		"market":{"open":"18:00","timeZone":"Mars"},"network":{"cidr":"10.0.0.1/8"},"edge":{"domain":"No"}}`}, "")
	for _, field := range []string{
		"aws:region", "broker", "database.readReplicas", "edge.domain", "market.close", "market.timeZone", "network.cidr", "protection",
		"valkey.nodeType", "valkey.shards", "workers.cpus", "workers.instances", "workers.minInstances",
	} {
		require.Contains(t, "\n"+report, "\n"+field+": ")
	}
	require.Len(t, strings.Split(report, "\n"), 13)
}

// refused runs the program on a configuration that it must refuse, and returns the report.
func refused(t *testing.T, config map[string]string, says string) string {
	t.Helper()
	for _, dry := range []bool{true, false} {
		g, err := graph.Record(Program, graph.Run{Config: config, DryRun: dry})
		require.ErrorContains(t, err, says)
		require.Empty(t, g.All(), "something was registered before the refusal: %s", says)
		var problems Problems
		require.ErrorAs(t, err, &problems)
		for _, line := range strings.Split(problems.Error(), "\n") {
			if !strings.Contains(line, "is not set; start from") {
				require.Regexp(t, fieldNamed, line)
			}
		}
		says = problems.Error()
	}
	return says
}
