package sizing

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func plan(t *testing.T, users int) Plan {
	t.Helper()
	p, err := For(users)
	require.NoError(t, err)
	return p
}

// One parser names tiers everywhere; what it refuses, it answers with the names that it takes.
func TestTierNames(t *testing.T) {
	for _, name := range []string{"10k", "tier-10k", "10000", "tier-10000"} {
		users, err := Tier(name)
		require.NoError(t, err, name)
		require.Equal(t, 10_000, users, name)
	}
	for _, name := range []string{"", "tier-", "10K ", "2k", "-10k", "10,000", "tier-tier-10k"} {
		_, err := Tier(name)
		require.EqualError(t, err, `tier: "`+name+`" is not allowed; allowed: 100, 500, 1k, 5k, 10k, 50k, 100k`)
	}
}

// Arguments out of range are refused with the field and the allowed values.
func TestRefusals(t *testing.T) {
	for users, says := range map[int]string{
		0:         "users: 0 is not allowed; allowed: 1 to 1,000,000",
		-1:        "users: -1 is not allowed; allowed: 1 to 1,000,000",
		1_000_001: "users: 1000001 is not allowed; allowed: 1 to 1,000,000",
	} {
		_, err := For(users)
		require.EqualError(t, err, says)
	}
	_, err := ForArchitecture(100, "arm")
	require.EqualError(t, err, `architecture: "arm" is not allowed; allowed: x86_64, arm64`)
}

// The API between tiers: linear in vCPU, whole hosts of the upper tier's type; flat below and proportional above.
func TestAPIBetweenTiers(t *testing.T) {
	for _, c := range []struct {
		users, hosts int
		kind         string
	}{
		{1, 3, "m6i.large"},
		{101, 4, "m6i.large"},       // 6.01 vCPU
		{750, 8, "m6i.large"},       // 15 vCPU
		{1_001, 6, "m6i.xlarge"},    // 20.02 vCPU
		{3_000, 13, "m6i.xlarge"},   // 50 vCPU
		{30_000, 33, "m6i.2xlarge"}, // 260 vCPU
		{75_000, 50, "m7g.2xlarge"},
		{100_001, 51, "m7g.2xlarge"},
		{1_000_000, 500, "m7g.2xlarge"},
	} {
		p := plan(t, c.users)
		require.Equal(t, c.hosts, p.API.Instances, "%d users", c.users)
		require.Equal(t, c.kind, p.API.Type.Name, "%d users", c.users)
	}
}

// Stateful rules between and above the tiers, each with its edge on both sides.
func TestStatefulBetweenTiers(t *testing.T) {
	require.Equal(t, 5_000, plan(t, 100).Valkey.ECPU, "floor")
	require.Equal(t, 5_010, plan(t, 501).Valkey.ECPU)
	require.Equal(t, 11, plan(t, 10_001).Valkey.StorageGB)
	require.Equal(t, 39, plan(t, 49_999).Valkey.StorageGB, "never more than the cluster that follows")
	require.Equal(t, 3, plan(t, 50_000).Valkey.Shards)
	require.Equal(t, 4, plan(t, 50_001).Valkey.Shards)
	require.Equal(t, 7, plan(t, 100_001).Valkey.Shards)
	require.Equal(t, "db.r6g.xlarge", plan(t, 25_000).Database.Class.Name)
	require.Equal(t, "db.r6g.2xlarge", plan(t, 25_001).Database.Class.Name)
	require.Equal(t, "db.r6g.16xlarge", plan(t, 200_001).Database.Class.Name)
	require.Equal(t, 2, plan(t, 400_000).Database.ReadReplicas)
	require.Equal(t, 3, plan(t, 400_001).Database.ReadReplicas)
	require.Equal(t, 5, plan(t, 1_000_000).Database.ReadReplicas)
	require.Equal(t, 500, plan(t, 5_001).Lambda.Concurrency)
	require.Equal(t, 1_000, plan(t, 100_001).Lambda.Concurrency)
}

// The pool's slot at 100,000 users: 17,500 beats/s at 4 µs and 600 claims/s at 67 µs are 7 % and 4 % of one core. Past
// half and past all of it the plan says so in words.
func TestPoolLoad(t *testing.T) {
	p := plan(t, 100_000)
	require.Equal(t, 17_500, p.Pool.BeatsPerSecond)
	require.Equal(t, 37, p.Pool.BatchesPerSecond)
	require.InDelta(t, 600, p.Pool.ClaimsPerSecond, 1e-9)
	require.InDelta(t, 0.07+0.0402, p.Pool.SlotShare, 1e-9)
	require.NotContains(t, joined(p.Notes), "one slot is one core")
	require.Contains(t, joined(plan(t, 500_000).Notes), "more than the planned half")
	require.Contains(t, joined(plan(t, 1_000_000).Notes), "Run two stacks")
	require.Contains(t, joined(plan(t, 1_000_000).Notes), "would need 110 % of one core")
	require.Contains(t, joined(plan(t, 100).Notes), "T classes")
}

func joined(notes []string) string {
	all := ""
	for _, n := range notes {
		all += n + "\n"
	}
	return all
}

// Quotas: only what exceeds the account's default is named, and Lambda's, which new accounts have less of. 4,120 vCPU at 100k are 110 × 32 for workers and 75 × 8 for
// the API.
func TestQuotas(t *testing.T) {
	require.Equal(t, []Quota{
		{Service: "EC2", Name: "Running On-Demand Standard instances (vCPU)", Required: 16, Default: 5, Source: srcVCPU},
		{"Lambda", "Concurrent executions", 150, 1_000, true, srcLambda},
	}, plan(t, 100).Quotas)
	require.Equal(t, []Quota{
		{Service: "EC2", Name: "Running On-Demand Standard instances (vCPU)", Required: 4_120, Default: 5, Source: srcVCPU},
		{"Lambda", "Concurrent executions", 600, 1_000, true, srcLambda},
	}, plan(t, 100_000).Quotas)
	// 250,000 users need two addresses a NAT gateway, exactly the default: only the account's total is named.
	var names []string
	for _, q := range plan(t, 250_000).Quotas {
		names = append(names, q.Name)
	}
	require.Contains(t, names, "Elastic IP addresses")
	require.NotContains(t, names, "Elastic IP addresses per NAT gateway")
	raise := map[string]int{}
	for _, q := range plan(t, 1_000_000).Quotas {
		raise[q.Name] = q.Required
	}
	require.Equal(t, map[string]int{
		"Running On-Demand Standard instances (vCPU)":          1_095*32 + 750*8,
		"Concurrent executions":                                5_100,
		"Cluster resource modify actions, sustained (calls/s)": 59, // (35,000 calls − 100) in 600 s
		"Nodes per cluster (cluster mode enabled)":             120,
		"Targets per Application Load Balancer":                5_000,
		"Targets per target group":                             5_000,
		"Elastic IP addresses per NAT gateway":                 7,
		"Elastic IP addresses":                                 21,
	}, raise)
}

// Addresses: two a worker host, because its agent has its own; the smallest VPC that still holds them in two zones.
func TestAddresses(t *testing.T) {
	p := plan(t, 100_000)
	require.Equal(t, 110*2+75+12+4+120, p.Network.Addresses)
	require.Equal(t, 22, p.Network.MaxPrefix) // 196 a zone with one zone lost; a quarter of a /22 is 256
	require.Equal(t, 1, p.Network.NATAddresses)
	require.Equal(t, 7, plan(t, 1_000_000).Network.NATAddresses)
}

// The bill at 100,000 users: at or below the queue-claim baseline's USD 1.61 on the default architecture, near it on
// x86_64. Everything at peak count in all hours, on demand; prices are those of facts.go, most of them not live.
func TestCostAgainstBaseline(t *testing.T) {
	arm := plan(t, 100_000)
	require.Equal(t, ARM, arm.Architecture)
	require.LessOrEqual(t, arm.Cost.PerUserUSD, BaselinePerUserUSD)
	x86, err := ForArchitecture(100_000, X86)
	require.NoError(t, err)
	require.InDelta(t, BaselinePerUserUSD, x86.Cost.PerUserUSD, 0.1)
	require.InDelta(t, 0.00507, x86.Cost.WorkerHourlyUSD, 0.000005)
	require.Equal(t, 8+50, arm.Cost.ReservedQuantity)
	require.InDelta(t, 0.34*730*(8*2.0672+50*0.408), arm.Cost.MonthlyUSD-arm.Cost.Reserved, 0.01)
	require.InDelta(t, 65*520*2.0672, arm.Cost.MonthlyUSD-arm.Cost.Calendar, 0.01)
	require.Zero(t, plan(t, 1_000).Cost.ReservedQuantity)
	require.Greater(t, arm.Cost.VerifiedShare(), 0.8)
}

// Facts are unique, and every line's id stands among them: a bill can be traced to its sources.
func TestFacts(t *testing.T) {
	seen := map[string]Fact{}
	for _, f := range Facts() {
		require.NotContains(t, seen, f.ID)
		require.Positive(t, f.USD, f.ID)
		require.NotEmpty(t, f.Source, f.ID)
		seen[f.ID] = f
	}
	for _, l := range plan(t, 100_000).Cost.Lines {
		require.Equal(t, seen[l.Source].USD, l.UnitUSD, l.Item)
		require.Equal(t, seen[l.Source].Verified, l.Verified, l.Item)
	}
}
