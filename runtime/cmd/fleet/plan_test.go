package main

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"workerfleet/stacks/sizing"

	"github.com/stretchr/testify/require"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// command runs one command line in process.
func command(t *testing.T, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	var out, errs bytes.Buffer
	code = run(t.Context(), args, surroundings{func(string) string { return "" }, strings.NewReader(""), &out, &errs})
	return code, out.String(), errs.String()
}

// What people read for a small and a large tier, as goldens beside the figures that matter. Whether the figures are
// right is proved in sizing.
func TestPlanTable(t *testing.T) {
	for tier, figures := range map[string][]string{
		"1k":   {"350 workers at peak", "12 × r6i.large", "128 CPU units", "1,000 (new accounts: less)", "10 × m6i.large", "db.r6g.large"},
		"100k": {"35,000 workers at peak", "73 × r7g.8xlarge", "35,040 in all", "4,120", "6 shards"},
	} {
		code, out, errs := command(t, "plan", "--tier", tier)
		require.Zero(t, code, errs)
		require.Empty(t, errs)
		golden := filepath.Join("testdata", "plan-"+tier+".txt")
		if *update {
			require.NoError(t, os.WriteFile(golden, []byte(out), 0o644))
		}
		want, err := os.ReadFile(golden)
		require.NoError(t, err)
		require.Equal(t, string(want), out, "rewrite with: go test ./runtime/cmd/fleet -update")
		for _, figure := range figures {
			require.Contains(t, out, figure)
		}
	}
}

// The last line of --json is one object with the keys that other tools read.
func TestPlanJSON(t *testing.T) {
	code, out, _ := command(t, "plan", "--users", "10000", "--json", "--write", "--dir", t.TempDir())
	require.Zero(t, code)
	lines := strings.Split(strings.TrimSuffix(out, "\n"), "\n")
	require.Len(t, lines, 2)
	require.Contains(t, lines[0], "Pulumi.tier-10k.yaml")
	var got map[string]any
	require.NoError(t, json.Unmarshal([]byte(lines[1]), &got))
	for key, want := range map[string]any{
		"users": 10_000.0, "peakWorkers": 3_500.0, "workerInstanceType": "r6i.4xlarge", "workerInstances": 15.0,
		"maxWorkerInstances": 23.0, "reservedCpuUnits": 1_024.0, "heartbeatsPerSecond": 1_750.0, "claimsPerSecond": 60.0,
		"apiInstanceType": "m6i.xlarge", "apiInstances": 30.0, "lambdaConcurrency": 500.0,
	} {
		require.Equal(t, want, got[key], key)
	}
	require.Equal(t, map[string]any{"mode": "serverless", "storageGB": 10.0, "ecpu": 100_000.0}, got["valkey"])
	require.Equal(t, "db.r6g.xlarge", got["database"].(map[string]any)["instanceClass"])
	require.InDelta(t, 0.00507, got["workerHourlyUSD"], 0.000005)
	require.Positive(t, got["monthlyUSD"])
	quota := got["quotas"].([]any)[0].(map[string]any)
	require.Equal(t, "EC2", quota["service"])
	require.Equal(t, 23.0*16+45*4, quota["required"])
	require.Equal(t, 5.0, quota["default"])
	require.NotContains(t, quota, "newAccountsStartLower")
	lambda := got["quotas"].([]any)[1].(map[string]any)
	require.Equal(t, "Concurrent executions", lambda["name"])
	require.Equal(t, true, lambda["newAccountsStartLower"])
}

// A command line that is not allowed ends with 2 and one line that says what is.
func TestBadCommandLines(t *testing.T) {
	const sizes = "100, 500, 1k, 5k, 10k, 50k, 100k"
	const flags = "--architecture, --dir, --force, --help, --json, --tier, --users, --write"
	for args, says := range map[string]string{
		"plan":                              "how many users? allowed: --users 1 to 1,000,000, or --tier with one of " + sizes,
		"plan --users 0":                    "users: 0 is not allowed; allowed: 1 to 1,000,000",
		"plan --users 1000001":              "users: 1000001 is not allowed; allowed: 1 to 1,000,000",
		"plan --users many":                 `users: "many" is not allowed; allowed: 1 to 1,000,000`,
		"plan --users":                      "flag needs an argument: --users",
		"plan --tier 2k":                    `tier: "2k" is not allowed; allowed: ` + sizes,
		"plan --tier 1k --users 1000":       "--users and --tier say the same thing; allowed: one of them",
		"plan --tier 1k --colour":           "unknown flag: --colour; allowed: " + flags,
		"plan --tier 1k --force":            "--force does nothing without --write; allowed: both, or neither",
		"plan --tier 1k extra":              `unknown command "extra" for "fleet plan"; allowed: flags only`,
		"plan --tier 1k --architecture arm": `architecture: "arm" is not allowed; allowed: x86_64, arm64`,
		"plam":                              `unknown command "plam" for "fleet"; allowed: claims, dlq, drain, plan, workers`,
		"--frob":                            "unknown flag: --frob; allowed: --help",
		"plan -x":                           "unknown shorthand flag: 'x' in -x; allowed: " + flags,
	} {
		code, out, errs := command(t, strings.Fields(args)...)
		require.Equal(t, 2, code, args)
		require.Empty(t, out, args)
		require.Equal(t, 1, strings.Count(errs, "\n"), "%s: one line, got %q", args, errs)
		require.Equal(t, "fleet: "+says+"\n", errs, args)
	}
}

// --write leaves what exists alone unless forced, and names sizes between the tiers by their users. What it writes is
// what sizing writes.
func TestWrite(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "Pulumi.users-12000.yaml")
	code, out, errs := command(t, "plan", "--users", "12000", "--write", "--dir", dir)
	require.Zero(t, code, errs)
	require.True(t, strings.HasPrefix(out, "wrote "+path+"\n"))
	written, err := os.ReadFile(path)
	require.NoError(t, err)
	p, err := sizing.For(12_000)
	require.NoError(t, err)
	require.Equal(t, string(sizing.StackFile(p)), string(written))

	require.NoError(t, os.WriteFile(path, []byte("mine"), 0o644))
	code, out, errs = command(t, "plan", "--users", "12000", "--write", "--dir", dir)
	require.Equal(t, 1, code)
	require.Empty(t, out)
	require.Equal(t, "fleet: "+path+" exists; --force replaces it\n", errs)
	kept, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Equal(t, "mine", string(kept))

	code, _, errs = command(t, "plan", "--users", "12000", "--write", "--force", "--dir", dir)
	require.Zero(t, code, errs)
	again, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Equal(t, written, again)

	code, _, errs = command(t, "plan", "--users", "12000", "--write", "--dir", filepath.Join(dir, "missing"))
	require.Equal(t, 1, code)
	require.Contains(t, errs, "write the stack file")
}

// Help answers what the tool does, with examples.
func TestHelp(t *testing.T) {
	for _, args := range [][]string{{"--help"}, {"plan", "--help"}, {}} {
		code, out, errs := command(t, args...)
		require.Zero(t, code)
		require.Empty(t, errs)
		require.Contains(t, out, "fleet plan --tier 10k")
	}
}

// Planning needs neither Pulumi nor an account, and asking needs the index and the queues: nothing else is linked, because it
// would make the tool slow to build.
func TestLinksLittle(t *testing.T) {
	out, err := exec.Command("go", "list", "-deps", ".").Output()
	require.NoError(t, err)
	require.Contains(t, string(out), "workerfleet/stacks/sizing\n")
	for _, heavy := range []string{"pulumi", "jackc", "modernc", "service/ecs", "service/kms", "service/secretsmanager", "service/rds\n"} {
		require.NotContains(t, string(out), heavy)
	}
}
