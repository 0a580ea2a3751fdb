package sizing

import (
	"math"
	"testing"

	"github.com/stretchr/testify/require"
)

// Every cell of the published density table (planned workers by instance size). The columns by memory and by CPU are
// recomputed from the worker's reservation; `planned` and the price are data and are compared with what a plan uses.
func TestDensityTable(t *testing.T) {
	rows := []struct {
		name                  string
		vcpu, memory          int
		byMemory, byCPU, plan int
		hour, perWorker       float64
	}{
		{"r6i.large", 2, 16, 42, 32, 30, 0.152, 0.00507},
		{"r6i.xlarge", 4, 32, 85, 64, 60, 0.304, 0.00507},
		{"r6i.2xlarge", 8, 64, 170, 128, 120, 0.608, 0.00507},
		{"r6i.4xlarge", 16, 128, 340, 256, 240, 1.216, 0.00507},
		{"r6i.8xlarge", 32, 256, 680, 512, 480, 2.432, 0.00507},
	}
	forWorkers, _ := Instances()
	require.Len(t, forWorkers, 2*len(rows))
	for i, row := range rows {
		got := forWorkers[i]
		require.Equal(t, row.name, got.Name)
		require.Equal(t, row.vcpu, got.VCPU, row.name)
		require.Equal(t, row.memory, got.MemoryGB, row.name)
		require.Equal(t, row.plan, got.PerHost, row.name)
		require.Equal(t, row.hour, got.HourUSD, row.name)
		require.InDelta(t, row.perWorker, got.HourUSD/float64(got.PerHost), 0.000005, row.name)
		require.Equal(t, row.byMemory, workerRows[i].byMemory, row.name)
		// 4xlarge and 8xlarge hold 341 and 682: the table rounds down, and so stays data.
		require.InDelta(t, row.byMemory, row.memory*1024/workerMemorySoft, 2, row.name)
		require.Equal(t, row.byCPU, workerRows[i].byCPU, row.name)
		require.Equal(t, row.byCPU, row.vcpu*unitsPerVCPU/workerCPU, row.name)
	}
}

// What agent and log router reserve leaves exactly the planned number of workers on every size, so that placement by
// CPU units enforces the density. It proves the arithmetic, not that a host registers all of its units.
func TestReservedUnitsEnforceDensity(t *testing.T) {
	for _, row := range workerRows {
		units := row.vcpu * unitsPerVCPU
		left := units - units/reservedShare
		require.Equal(t, row.planned*workerCPU, left, row.size)
		require.LessOrEqual(t, row.planned*workerMemorySoft+512, row.memoryGB*1024, row.size)
	}
}

type tierCells struct {
	name                string
	users, peak         int
	workers             int
	workerType          string
	api                 int
	apiType             string
	lambda              int
	mode                ValkeyMode
	storage, ecpu       int // 0: the table states none
	shards              int
	class               string
	multiAZ             bool
	replicas, instances int
}

var published = []tierCells{
	{"100", 100, 35, 2, "r6i.large", 3, "m6i.large", 50, Serverless, 1, 0, 0, "db.t3.large", false, 0, 1},
	{"500", 500, 175, 6, "r6i.large", 5, "m6i.large", 50, Serverless, 1, 0, 0, "db.t3.large", false, 0, 1},
	{"1k", 1000, 350, 12, "r6i.large", 10, "m6i.large", 100, Serverless, 5, 10_000, 0, "db.r6g.large", true, 0, 2},
	{"5k", 5000, 1750, 15, "r6i.2xlarge", 20, "m6i.xlarge", 200, Serverless, 5, 50_000, 0, "db.r6g.large", true, 1, 3},
	{"10k", 10_000, 3500, 15, "r6i.4xlarge", 30, "m6i.xlarge", 500, Serverless, 10, 100_000, 0, "db.r6g.xlarge", true, 1, 3},
	{"50k", 50_000, 17_500, 37, "r6i.8xlarge", 50, "m6i.2xlarge", 500, Cluster, 0, 0, 3, "db.r6g.2xlarge", true, 2, 4},
	{"100k", 100_000, 35_000, 73, "r6i.8xlarge", 50, "m6i.2xlarge", 500, Cluster, 0, 0, 6, "db.r6g.4xlarge", true, 2, 4},
}

// Every cell of the published tier table, on x86_64 to the letter.
func TestTierTable(t *testing.T) {
	for _, want := range published {
		p, err := ForArchitecture(want.users, X86)
		require.NoError(t, err)
		got := tierCells{
			p.Tier, p.Users, p.PeakWorkers, p.Workers.Instances, p.Workers.Type.Name,
			p.API.Instances, p.API.Type.Name, p.Lambda.Concurrency,
			p.Valkey.Mode, p.Valkey.StorageGB, p.Valkey.ECPU, p.Valkey.Shards,
			p.Database.Class.Name, p.Database.MultiAZ, p.Database.ReadReplicas, p.Database.Instances,
		}
		if want.ecpu == 0 {
			got.ecpu = 0 // the table states none for 100 and 500: the floor is tested beside the rule
		}
		require.Equal(t, want, got)
	}
}

// Graviton keeps every size and count of the table and changes the family only.
func TestGravitonKeepsSizesAndCounts(t *testing.T) {
	for _, want := range published {
		x86, err := ForArchitecture(want.users, X86)
		require.NoError(t, err)
		arm, err := ForArchitecture(want.users, ARM)
		require.NoError(t, err)
		require.Equal(t, "r7g"+x86.Workers.Type.Name[3:], arm.Workers.Type.Name)
		require.Equal(t, "m7g"+x86.API.Type.Name[3:], arm.API.Type.Name)
		require.Equal(t, x86.Workers.Instances, arm.Workers.Instances)
		require.Equal(t, x86.Workers.PerHost, arm.Workers.PerHost)
		require.Equal(t, x86.API.Instances, arm.API.Instances)
		require.Equal(t, ARM, arm.Workers.Type.Architecture())
		require.Equal(t, X86, x86.API.Type.Architecture())
	}
}

// Every cell of the published table of switches. Sorted-set tracking has no switch: it is used at every tier, which
// includes those that the table names.
func TestSwitchTable(t *testing.T) {
	rows := []struct {
		change string
		cells  string // one letter a tier: y on, p partial, - off
		of     func(Plan) byte
	}{
		{"single-AZ database", "yy-----", func(p Plan) byte { return mark(!p.Database.MultiAZ) }},
		{"Multi-AZ database", "--yyyyy", func(p Plan) byte { return mark(p.Database.MultiAZ) }},
		{"database read replicas", "---yyyy", func(p Plan) byte { return mark(p.Database.ReadReplicas > 0) }},
		{"rate-limiting middleware", "--yyyyy", func(p Plan) byte { return mark(p.Features.RateLimiting) }},
		{"background tasks on SQS", "---pyyy", func(p Plan) byte {
			return map[Tasks]byte{Inline: '-', Partial: 'p', Queue: 'y'}[p.Features.BackgroundTasks]
		}},
		{"reserved instances", "---yyyy", func(p Plan) byte { return mark(p.Features.ReservedInstances) }},
		{"Graviton", "-----yy", func(p Plan) byte { return mark(p.Architecture == ARM) }},
		{"Shield Advanced", "-----yy", func(p Plan) byte { return mark(p.Features.ShieldAdvanced) }},
		{"cross-region backup", "-----yy", func(p Plan) byte { return mark(p.Features.CrossRegionBackup) }},
		{"provisioned Valkey cluster", "-----yy", func(p Plan) byte { return mark(p.Valkey.Mode == Cluster) }},
	}
	for _, row := range rows {
		got := ""
		for _, tier := range published {
			p, err := For(tier.users)
			require.NoError(t, err)
			got += string(row.of(p))
		}
		require.Equal(t, row.cells, got, row.change)
	}
}

func mark(on bool) byte {
	if on {
		return 'y'
	}
	return '-'
}

// Decisions that the table leaves open, at each tier: protection, NAT, endpoints, what stays at night, the maximum.
func TestDecisionsByTier(t *testing.T) {
	wantMin := []int{2, 2, 2, 3, 3, 4, 8}
	wantMax := []int{3, 9, 18, 23, 23, 56, 110}
	for i, tier := range published {
		p, err := For(tier.users)
		require.NoError(t, err)
		require.Equal(t, tier.users >= 1000, p.Protection == Strict, tier.name)
		require.Equal(t, tier.users >= 1000, p.Network.NATPerZone, tier.name)
		require.Equal(t, tier.users >= 10_000, p.Network.InterfaceEndpoints, tier.name)
		require.Equal(t, wantMin[i], p.Workers.MinInstances, tier.name)
		require.Equal(t, wantMax[i], p.Workers.MaxInstances, tier.name)
		require.Equal(t, tier.api, p.API.MinTasks, tier.name)
		require.Equal(t, int(math.Ceil(1.5*float64(tier.api))), p.API.MaxInstances, tier.name)
	}
}

// Published classes and their default max_connections (AWS's own table).
func TestMaxConnections(t *testing.T) {
	want := map[string]int{
		"db.t3.large": 844, "db.r6g.large": 1722, "db.r6g.xlarge": 3479, "db.r6g.2xlarge": 5000,
		"db.r6g.4xlarge": 5000, "db.r6g.8xlarge": 5000, "db.r6g.16xlarge": 5000,
	}
	for _, class := range DatabaseClasses() {
		require.Equal(t, want[class.Name], class.MaxConnections, class.Name)
	}
	require.Len(t, DatabaseClasses(), len(want))
}
