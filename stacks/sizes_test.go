package stacks

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"workerfleet/stacks/graph"
	"workerfleet/stacks/policy"
	"workerfleet/stacks/sizing"
)

// sizes stand on both sides of where the plan changes its mind: published tiers, the first host type that leaves fifteen
// hosts (1,201), reserved instances and readers (5,000), queues and endpoints (10,000), the provisioned cache (50,000),
// the largest host (54,857), the database's classes (25,000, 100,000, 200,000) and both ends.
var sizes = []int{
	1, 100, 101, 499, 999, 1_000, 1_201, 4_999, 5_000, 9_999, 10_001, 25_000, 25_001, 49_999, 50_000, 54_858, 100_001, 200_001, 400_000, 1_000_000,
}

// The stack file that `fleet plan --write` writes for any size is read by the program as it is, previews on both
// architectures without an account, and breaks neither a rule of AWS nor a row of the baseline. Whether the command
// writes exactly this text is shown where the command is.
func TestWrittenStackFilesPreview(t *testing.T) {
	require.Len(t, sizes, 20)
	for _, users := range sizes {
		for _, architecture := range sizing.Architectures() {
			plan, err := sizing.ForArchitecture(users, architecture)
			require.NoError(t, err)
			path := filepath.Join(t.TempDir(), "Pulumi."+plan.StackName()+".yaml")
			require.NoError(t, os.WriteFile(path, sizing.StackFile(plan), 0o600))
			judgeFile(t, plan.StackName(), path)
		}
	}
}

// judgeFile records a stack file, as made and as previewed, and judges both.
func judgeFile(t *testing.T, name, path string) {
	t.Helper()
	platform, region, err := LoadFile(path)
	require.NoError(t, err)
	cfg, err := Decode(platform, region)
	require.NoError(t, err, name)
	for _, dry := range []bool{true, false} {
		g, err := graph.Record(Program, graph.Run{
			Stack: name, Region: region, Account: graph.SimulatedAccount, DryRun: dry, Config: map[string]string{"workerfleet:platform": string(platform)},
		})
		require.NoError(t, err, name)
		for _, finding := range policy.JudgeAll(g) {
			t.Errorf("%s: %s", name, finding)
		}
		for _, outcome := range policy.Assess(g, asked(cfg), policy.Waivers()) {
			for _, finding := range outcome.Failing {
				t.Errorf("%s: %s", name, finding)
			}
		}
	}
}

// The bill counts the alarms that the stack makes: those of metrics by what they read, within a dollar a month, and those
// of alarms.
func TestBillCountsAlarms(t *testing.T) {
	const tolerance = 10 // alarm metrics, at ten cents
	for _, tier := range sizing.TierNames() {
		users, err := sizing.Tier(tier)
		require.NoError(t, err)
		plan, err := sizing.For(users)
		require.NoError(t, err)
		g := deployTier(t, tier, graph.Run{})
		read := 0
		for _, alarm := range g.OfType("aws:cloudwatch/metricAlarm:MetricAlarm") {
			queries, _ := alarm.Value("metricQueries").([]any)
			if len(queries) == 0 {
				read++
			}
			for _, query := range queries {
				if query.(map[string]any)["metric"] != nil {
					read++
				}
			}
		}
		require.InDelta(t, read, plan.AlarmMetrics(), tolerance, "tier %s: metrics that alarms read", tier)
		for _, line := range plan.Cost.Lines {
			if line.Item == "alarms of alarms" {
				require.Len(t, g.OfType("aws:cloudwatch/compositeAlarm:CompositeAlarm"), int(line.Quantity), tier)
			}
		}
	}
}
