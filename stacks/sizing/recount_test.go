package sizing

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// What a stack states of its own changes everything that follows from it: here the largest tier, with twice the hosts of
// a smaller type, more API hosts, a larger cache in both modes and one gateway. It proves the arithmetic; whether such
// values are allowed is proved where the configuration is decoded.
func TestRecounted(t *testing.T) {
	p := plan(t, 100_000)
	planned := p
	forWorkers, _ := Instances()
	for _, kind := range forWorkers {
		if kind.Name == "r7g.4xlarge" {
			p.Workers.Type = kind
		}
	}
	p.Workers.Instances, p.Workers.MaxInstances = 146, 220
	p.API.Instances = 60
	p.Lambda.Concurrency = 2_000
	p.Valkey = Valkey{Mode: Both, StorageGB: 100, ECPU: 1_000_000, Shards: 60, NodeType: "cache.r7g.xlarge"}.Only()
	p.Database.ReadReplicas = 3
	p.Network.NATPerZone = false
	p = p.Recounted()

	require.Equal(t, 240, p.Workers.PerHost)
	require.Equal(t, 1_024, p.Workers.ReservedUnits)
	require.Equal(t, API{p.API.Type, 60, 90, 60, 630, 30}, p.API)
	require.Equal(t, 5, p.Database.Instances)
	require.Equal(t, 120, p.Valkey.Nodes())
	require.Equal(t, 220*2+90+120+5+120, p.Network.Addresses)
	require.Equal(t, 2, p.Network.NATAddresses, "70,000 connections through one gateway")
	require.Equal(t, 220*2+630*8+16+2_000, p.Connections.Valkey)
	required := map[string]int{}
	for _, q := range p.Quotas {
		required[q.Name] = q.Required
	}
	require.Equal(t, map[string]int{
		"Running On-Demand Standard instances (vCPU)": 220*16 + 90*8,
		"Concurrent executions":                       2_100,
		"Nodes per cluster (cluster mode enabled)":    120,
	}, required)
	items := map[string]float64{}
	for _, line := range p.Cost.Lines {
		items[line.Item] = line.Monthly
	}
	require.InDelta(t, 146*1.0336*HoursPerMonth, items["worker hosts"], 0.01)
	require.InDelta(t, 120*0.42*HoursPerMonth, items["Valkey nodes"], 0.01)
	require.InDelta(t, 100*0.101*HoursPerMonth, items["Valkey storage, full"], 0.01)
	require.Equal(t, planned, plan(t, 100_000), "the plan itself is not touched")
	require.Equal(t, planned.PeakWorkers, p.PeakWorkers)
}

// A cache keeps what its mode has; what both can hold is what the smaller can.
func TestOnly(t *testing.T) {
	all := Valkey{Mode: Serverless, StorageGB: 39, ECPU: 7, Shards: 3, NodeType: "cache.r7g.xlarge"}
	require.Equal(t, Valkey{Mode: Serverless, StorageGB: 39, ECPU: 7}, all.Only())
	require.InDelta(t, 39, all.MemoryGB(), 0)
	all.Mode = Cluster
	require.Equal(t, Valkey{Mode: Cluster, Shards: 3, Replicas: 1, NodeType: "cache.r7g.xlarge"}, all.Only())
	require.InDelta(t, 78.96, all.MemoryGB(), 1e-9)
	all.Mode = Both
	require.Equal(t, Valkey{Both, 39, 7, 3, 1, "cache.r7g.xlarge"}, all.Only())
	require.InDelta(t, 39, all.MemoryGB(), 0)
}

// Every node type has a price, and its memory grows with its size.
func TestCacheNodes(t *testing.T) {
	before := 0.0
	for _, node := range CacheNodes() {
		require.Positive(t, price(node.fact), node.Name)
		require.GreaterOrEqual(t, node.MemoryGB, before, node.Name)
		before = node.MemoryGB
	}
	require.Equal(t, valkeyNodeType, cacheNode(valkeyNodeType).Name, "what a plan names is listed")
}
