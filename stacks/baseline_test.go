package stacks

import (
	"encoding/json"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"workerfleet/stacks/graph"
	"workerfleet/stacks/policy"
	"workerfleet/stacks/sizing"
)

// asked is what a configuration asks for as far as the baseline depends on it.
func asked(c Config) policy.Asked {
	return policy.Asked{
		Users: c.Users, Strict: c.Protection == string(sizing.Strict), MultiAZ: c.Database.MultiAZ, NATPerZone: c.Network.NATPerZone,
		InterfaceEndpoints: c.Network.InterfaceEndpoints, CrossRegionBackup: c.Features.CrossRegionBackup, Shield: c.ShieldProtection(),
	}
}

// assessTier judges the graph of a committed tier by the whole baseline.
func assessTier(t *testing.T, tier string, run graph.Run) []policy.Outcome {
	t.Helper()
	platform, region, err := LoadFile("../Pulumi.tier-" + tier + ".yaml")
	require.NoError(t, err)
	cfg, err := Decode(platform, region)
	require.NoError(t, err)
	return policy.Assess(deployTier(t, tier, run), asked(cfg), policy.Waivers())
}

// No tier breaks a row of the security baseline, but for what a waiver names with its reason. Once a stack is made
// nothing is unknown, so every row is decided.
func TestBaseline(t *testing.T) {
	used := map[int]bool{}
	for _, tier := range sizing.TierNames() {
		judged := 0
		for _, outcome := range assessTier(t, tier, graph.Run{}) {
			judged += outcome.Judged
			for _, finding := range append(outcome.Failing, outcome.Undecided...) {
				t.Errorf("tier %s: %s", tier, finding)
			}
			for waiver := range outcome.Waived {
				used[waiver] = true
			}
		}
		t.Logf("tier %s: %d judgements", tier, judged)
	}
	for i, waiver := range policy.Waivers() {
		require.True(t, used[i], "the waiver of row %d for %q covers nothing: take it away", waiver.Row, waiver.Name)
		require.NotEmpty(t, waiver.Reason)
	}
}

// A preview fails nothing either: what it cannot know yet is undecided, and said to be.
func TestBaselineOnPreviews(t *testing.T) {
	for _, tier := range []string{"100", "50k"} {
		undecided := 0
		for _, outcome := range assessTier(t, tier, graph.Run{DryRun: true}) {
			for _, finding := range outcome.Failing {
				t.Errorf("preview of tier %s: %s", tier, finding)
			}
			if outcome.Verdict == policy.Undecided {
				undecided++
			}
		}
		require.Positive(t, undecided, "a preview knows no ids: some rows must say so")
		t.Logf("preview of tier %s: %d rows undecided until it is made", tier, undecided)
	}
}

// Images that a stack states are named by digest, without the waiver for those that nobody has built.
func TestReleasedImagesNeedNoWaiver(t *testing.T) {
	images := map[string]string{}
	for _, process := range imageProcesses() {
		images[process] = "111122223333.dkr.ecr.ap-southeast-1.amazonaws.com/fleet/" + process + "@sha256:" + strings.Repeat("0", 64)
	}
	stated, err := json.Marshal(map[string]any{"users": 1000, "images": images})
	require.NoError(t, err)
	cfg, err := Decode(stated, singapore)
	require.NoError(t, err)
	g, err := graph.Record(Program, graph.Run{Account: graph.SimulatedAccount, Config: map[string]string{"workerfleet:platform": string(stated)}})
	require.NoError(t, err)
	const row = 65
	outcome := policy.Assess(g, asked(cfg), nil)[row-1]
	require.Equal(t, policy.Passed, outcome.Verdict, outcome.Failing)
	require.GreaterOrEqual(t, outcome.Judged, 4)
}

// What a stack may switch on beyond its tier keeps the baseline too: Shield, GuardDuty, a workflow that deploys, another
// instance type. These rows are judged here and in no committed tier.
func TestBaselineWithEverySwitchOn(t *testing.T) {
	stated := []byte(`{"users":50000,"workers":{"fallbackType":"r6g.8xlarge"},"delivery":{"repository":"acme/fleet"},
		"account":{"id":"111122223333","githubOidc":"create","guardDuty":"create","costAnomaly":"create","ecsSettings":"create","shieldSubscription":true},
		"edge":{"domain":"fleet.example.org","hostedZoneId":"Z0123456789ABCDEFGHIJ"},"alarms":{"email":"oncall@example.org"},"identity":{"issuer":"https://id.example.org"}}`)
	cfg, err := Decode(stated, singapore)
	require.NoError(t, err)
	g, err := graph.Record(Program, graph.Run{Account: graph.SimulatedAccount, Config: map[string]string{"workerfleet:platform": string(stated)}})
	require.NoError(t, err)
	for _, finding := range policy.JudgeAll(g) {
		t.Error(finding)
	}
	outcomes := policy.Assess(g, asked(cfg), policy.Waivers())
	for _, outcome := range outcomes {
		for _, finding := range append(outcome.Failing, outcome.Undecided...) {
			t.Error(finding)
		}
	}
	for _, row := range []int{33, 141, 163, 174} {
		require.Positive(t, outcomes[row-1].Judged, "row %d", row)
	}
}

const (
	policyPage  = "../docs/policy.md"
	reportBegin = "<!-- report: written by go test ./stacks -run Report -update -->\n"
	reportEnd   = "<!-- end of report -->\n"
)

// The page of the baseline is what the rules say of the committed tiers today.
func TestReportIsCurrent(t *testing.T) {
	text, err := os.ReadFile(policyPage)
	require.NoError(t, err)
	before, rest, found := strings.Cut(string(text), reportBegin)
	require.True(t, found, "%s has lost its first mark", policyPage)
	_, after, found := strings.Cut(rest, reportEnd)
	require.True(t, found, "%s has lost its second mark", policyPage)

	tiers := sizing.TierNames()
	outcomes := make([][]policy.Outcome, len(tiers))
	for i, tier := range tiers {
		outcomes[i] = assessTier(t, tier, graph.Run{})
	}
	report := policy.Report(tiers, outcomes, policy.Waivers())
	t.Log("\n" + policy.Summary(tiers, outcomes))
	want := before + reportBegin + report + reportEnd + after
	if *update {
		require.NoError(t, os.WriteFile(policyPage, []byte(want), 0o644))
	}
	if want != string(text) {
		require.Fail(t, "run go test ./stacks -run Report -update: "+firstDifference(string(text), want))
	}
}
