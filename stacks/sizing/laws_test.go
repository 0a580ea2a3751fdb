package sizing

import (
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// More users never means less capacity: all neighbours of the allowed range. One architecture is enough, because
// counts and sizes do not depend on it (TestGravitonKeepsSizesAndCounts). Proves the plan, not what AWS delivers.
func TestMoreUsersNeverMeanLessCapacity(t *testing.T) {
	before := capacity(MinUsers, X86)
	for users := MinUsers + 1; users <= MaxUsers; users++ {
		now := capacity(users, X86)
		if now.Workers.Slots() < before.Workers.Slots() ||
			now.Workers.MaxInstances*now.Workers.PerHost < before.Workers.MaxInstances*before.Workers.PerHost ||
			now.API.Instances*now.API.Type.VCPU < before.API.Instances*before.API.Type.VCPU ||
			now.Lambda.Concurrency < before.Lambda.Concurrency ||
			now.Database.Class.MemoryGB < before.Database.Class.MemoryGB ||
			now.Database.Instances < before.Database.Instances ||
			now.Valkey.MemoryGB() < before.Valkey.MemoryGB() {
			t.Fatalf("%d users have less of something than %d:\n%+v\n%+v", users, users-1, now, before)
		}
		before = now
	}
}

// Every allowed number of users fits: hosts carry the peak, the pool's slot stays under half of a serverless cache's
// cap, minimum ≤ count ≤ maximum, AWS's limits hold. Walked over the whole range, because the rules have edges.
func TestEveryPlanHolds(t *testing.T) {
	for users := MinUsers; users <= MaxUsers; users++ {
		p := capacity(users, X86)
		ok := p.Workers.Slots() >= p.PeakWorkers && 100*p.PeakWorkers >= 35*users && 100*(p.PeakWorkers-1) < 35*users &&
			p.Workers.MinInstances >= 2 && p.Workers.MinInstances <= p.Workers.Instances &&
			p.Workers.MaxInstances > p.Workers.Instances &&
			p.API.MaxInstances > p.API.Instances && p.API.MinTasks <= p.API.MaxTasks && p.API.MaxTasks <= 5000 &&
			p.Network.MaxPrefix >= 16 && p.Network.NATAddresses <= MaxNATAddresses && p.Database.ReadReplicas <= 14
		if p.Valkey.Mode == Serverless {
			ok = ok && p.Pool.SlotShare < 0.5 && p.Pool.ECPUPerSecond <= p.Valkey.ECPU &&
				p.Valkey.StorageGB >= 1 && p.Valkey.StorageGB <= 5000
		}
		if users >= 1_201 && users <= 54_857 {
			ok = ok && p.Workers.Instances >= 15 && p.Workers.Instances <= 40
		}
		if p.Workers.Instances >= 15 {
			ok = ok && p.Workers.MinInstances >= Zones
		}
		if !ok {
			t.Fatalf("%d users: %+v", users, p)
		}
	}
	// The bounds of the 15–40 range are exact: one user less or more leaves it.
	require.Less(t, capacity(1_200, X86).Workers.Instances, 15)
	require.Equal(t, 40, capacity(54_857, X86).Workers.Instances)
	require.Equal(t, 41, capacity(54_858, X86).Workers.Instances)
}

// Complete plans of any size on both architectures: connections stay under Valkey's limit, a quota is named only for a
// reason, every line of the bill is positive and names its source, the lines are the total, and Graviton costs less than
// x86_64.
func TestCompletePlans(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		users := rapid.IntRange(MinUsers, MaxUsers).Draw(t, "users")
		x86, err := ForArchitecture(users, X86)
		require.NoError(t, err)
		arm, err := ForArchitecture(users, ARM)
		require.NoError(t, err)
		require.Less(t, arm.Cost.MonthlyUSD, x86.Cost.MonthlyUSD)
		require.LessOrEqual(t, x86.Connections.Valkey, x86.Connections.ValkeyLimit)
		sum := 0.0
		for _, line := range x86.Cost.Lines {
			require.Positive(t, line.Monthly, line.Item)
			require.NotEmpty(t, line.Source, line.Item)
			sum += line.Monthly
		}
		require.InDelta(t, sum, x86.Cost.MonthlyUSD, 0.01)
		require.LessOrEqual(t, x86.Cost.Calendar, x86.Cost.MonthlyUSD)
		require.LessOrEqual(t, x86.Cost.Reserved, x86.Cost.MonthlyUSD)
		for _, q := range x86.Quotas {
			require.True(t, q.Required > q.Default || q.NewAccounts, q.Name)
		}
		for _, p := range []Plan{x86, arm} {
			require.Equal(t, p, p.Recounted(), "a plan follows from its own counts")
		}
	})
}

// On one architecture more users never cost less: all neighbours up to just above the largest tier, every 97th number
// beyond, where counts only grow in proportion.
func TestMoreUsersNeverCostLess(t *testing.T) {
	const neighbours, stride = 110_000, 97
	for _, arch := range Architectures() {
		before := 0.0
		for users, step := MinUsers, 1; users <= MaxUsers; users += step {
			now := cost(capacity(users, arch)).MonthlyUSD
			if now < before {
				t.Fatalf("%s: %d users cost %.2f, %d before them %.2f", arch, users, now, step, before)
			}
			before = now
			if users >= neighbours {
				step = stride
			}
		}
	}
}

// Prices the last user on each side of every rule's edge as a whole plan, both architectures: no id without a price.
func TestEdgesArePriced(t *testing.T) {
	for _, edge := range []int{1, 100, 500, 1_000, 1_201, 5_000, 10_000, 25_000, 39_000, 50_000, 54_857, 100_000,
		200_000, 400_000, 600_000, 800_000, 999_999} {
		for users := max(1, edge-1); users <= edge+1; users++ {
			for _, arch := range Architectures() {
				p, err := ForArchitecture(users, arch)
				require.NoError(t, err)
				require.Positive(t, p.Cost.PerUserUSD)
			}
		}
	}
}
