package stacks

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"workerfleet/stacks/sizing"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"github.com/stretchr/testify/require"
)

const singapore = "ap-southeast-1"

// The committed file of every tier decodes without a problem to what sizing plans for it. It proves that files, plan
// and configuration mean the same; that AWS accepts them is the policy's and the deployment's proof.
func TestCommittedFilesDecode(t *testing.T) {
	for _, tier := range sizing.TierNames() {
		platform, region, err := LoadFile(filepath.Join("..", "Pulumi.tier-"+tier+".yaml"))
		require.NoError(t, err)
		got, err := Decode(platform, region)
		require.NoError(t, err, tier)
		users, err := sizing.Tier(tier)
		require.NoError(t, err)
		alone, err := Decode([]byte(`{"users":`+plain(float64(users))+`}`), region)
		require.NoError(t, err)
		require.Empty(t, got.Market.Holidays)
		got.Market.Holidays = alone.Market.Holidays
		require.Equal(t, alone, got, "tier %s: a file states what its users alone would give", tier)
		require.Equal(t, tier, got.Plan.Tier)
		require.False(t, got.ShieldProtection(), "no subscription is stated")
	}
}

// What the largest tier gives when only its users are stated, field by field where sizing decides.
func TestDefaultsComeFromSizing(t *testing.T) {
	c, err := Decode([]byte(`{"users":100000,"account":{"shieldSubscription":true}}`), singapore)
	require.NoError(t, err)
	require.Equal(t, "arm64", c.Architecture)
	require.Equal(t, Workers{"r7g.8xlarge", "", 73, 8, 110, 64, 384, 1024, sizing.HostImage, "exec", 100, 0.1}, c.Workers)
	require.Equal(t, API{"m7g.2xlarge", 50, sizing.HostImage}, c.API)
	require.Equal(t, Valkey{"cluster", 0, 0, 6, "cache.r7g.large"}, c.Valkey)
	require.Equal(t, Database{"db.r6g.4xlarge", true, 2}, c.Database)
	require.Equal(t, Features{true, "queue", true, true, true}, c.Features)
	require.True(t, c.ShieldProtection())
	require.Equal(t, "strict", c.Protection)
	require.Equal(t, "ap-northeast-1", c.Backup.Region)
	require.Equal(t, singapore, c.Region)
	require.Equal(t, "/aws/service/ecs/optimized-ami/amazon-linux-2023/arm64/"+
		"al2023-ami-ecs-hvm-2023.0.20261113-kernel-6.1-arm64/image_id", c.AMIParameter(c.Workers.AMI))
}

// What is stated wins over the plan, and a stated architecture changes the types that the plan names.
func TestStatedValuesWin(t *testing.T) {
	c, err := Decode([]byte(`{"users":100000,"architecture":"x86_64","workers":{"instances":80,"maxInstances":120,
		"fallbackType":"r5.8xlarge"},"market":{"holidays":["2027-01-01"]},"images":{"api":"r/api@sha256:`+
		strings.Repeat("0", 64)+`"},"account":{"id":123456789012}}`), singapore)
	require.NoError(t, err)
	require.Equal(t, "r6i.8xlarge", c.Workers.InstanceType)
	require.Equal(t, 80, c.Workers.Instances)
	require.Equal(t, 8, c.Workers.MinInstances)
	require.Equal(t, []string{"2027-01-01"}, c.Market.Holidays)
	require.Contains(t, c.Images, "api")
	require.Equal(t, "123456789012", c.Account.ID, "`pulumi config set` writes digits as a number")
	require.Equal(t, "r6i.8xlarge", c.Plan.Workers.Type.Name)
	require.Equal(t, 120*2+75+12+4+120, c.Plan.Network.Addresses, "what follows, follows what is stated")
	require.Equal(t, c.Plan.BudgetUSD(), c.MonthlyBudgetUSD)
	require.Greater(t, c.MonthlyBudgetUSD, 170_000, "80 hosts cost more than the 73 of the plan")
}

// What a preview may lack and a deployment may not.
func TestUnready(t *testing.T) {
	c, err := Decode([]byte(`{"users":100}`), singapore)
	require.NoError(t, err)
	require.EqualError(t, c.Unready(), "account.id: is not stated; allowed: twelve digits\n"+
		"edge.domain: workerfleet.example.com is the example; allowed: a domain that you own\n"+
		"identity.issuer: is not stated; allowed: an address that starts with https://")
	c, err = Decode([]byte(`{"users":100,"account":{"id":"012345678901"},"edge":{"domain":"fleet.test.io"},
		"identity":{"issuer":"https://id.test.io/realm"}}`), singapore)
	require.NoError(t, err)
	require.EqualError(t, c.Unready(), "edge.hostedZoneId: is not stated, and no edge.certificateArn; allowed: the domain's zone in Route 53, or a certificate")
	for _, proof := range []string{`"hostedZoneId":"Z0123456789ABCDEFGHIJ"`, `"certificateArn":"arn:aws:acm:ap-southeast-1:012345678901:certificate/ab-c"`} {
		c, err = Decode([]byte(`{"users":100,"account":{"id":"012345678901"},"edge":{"domain":"fleet.test.io",`+proof+`},
			"identity":{"issuer":"https://id.test.io/realm"}}`), singapore)
		require.NoError(t, err)
		require.Empty(t, c.Unready())
	}
}

// The running stack's configuration arrives through Pulumi as JSON, and a missing one is explained. The engine's own
// reading of YAML is proved by the previews of the committed files.
func TestFromStack(t *testing.T) {
	run := func(config map[string]string) (c Config, err error) {
		program := func(ctx *pulumi.Context) error {
			c, err = FromStack(ctx)
			return nil
		}
		require.NoError(t, pulumi.RunErr(program, pulumi.WithMocks("workerfleet", "test", noResources{}),
			func(info *pulumi.RunInfo) { info.Config = config }))
		return c, err
	}
	c, err := run(map[string]string{"workerfleet:platform": `{"users":500}`, "aws:region": singapore})
	require.NoError(t, err)
	require.Equal(t, 6, c.Workers.Instances)
	_, err = run(map[string]string{"workerfleet:platform": `{"users":500}`, "aws:region": singapore, "workerfleet:protection": "strict"})
	require.EqualError(t, err, "workerfleet:protection: stands beside workerfleet:platform; allowed: inside it "+
		"(pulumi config set --path workerfleet:platform.protection …)")
	_, err = run(nil)
	require.ErrorContains(t, err, "workerfleet:platform: is not set; start from a committed file")
}

type noResources struct{ pulumi.MockResourceMonitor }

// A stack file is read as Pulumi reads it; what cannot be read names the file.
func TestLoadFile(t *testing.T) {
	platform, region, err := LoadFile("../Pulumi.tier-500.yaml")
	require.NoError(t, err)
	require.Equal(t, singapore, region)
	require.True(t, json.Valid(platform))
	_, _, err = LoadFile("no-such-file.yaml")
	require.ErrorContains(t, err, "no-such-file.yaml")
	astray := filepath.Join(t.TempDir(), "Pulumi.astray.yaml")
	require.NoError(t, os.WriteFile(astray, []byte("config: {'workerfleet:protection': strict, 'workerfleet:platform': {users: 1}}"), 0o600))
	_, _, err = LoadFile(astray)
	require.EqualError(t, err, astray+": workerfleet:protection is not allowed; allowed: workerfleet:platform, which holds everything")
	_, _, err = LoadFile("../Pulumi.yaml")
	require.EqualError(t, err, "../Pulumi.yaml: config has no workerfleet:platform")
}
