package stacks

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"workerfleet/stacks/graph"
	"workerfleet/stacks/sizing"
)

const (
	serverlessResource  = "aws:elasticache/serverlessCache:ServerlessCache"
	replicationResource = "aws:elasticache/replicationGroup:ReplicationGroup"
	clusterResource     = "aws:rds/cluster:Cluster"
	instanceResource    = "aws:rds/clusterInstance:ClusterInstance"
	endpointResource    = "aws:rds/proxyEndpoint:ProxyEndpoint"
	secretResource      = "aws:secretsmanager/secret:Secret"
	balancerResource    = "aws:lb/loadBalancer:LoadBalancer"
	bucketResource      = "aws:s3/bucketV2:BucketV2"
)

// The switches of the published tiers decide which cache there is, how many instances the database has, and whether
// reads have an endpoint of their own.
func TestDataSwitches(t *testing.T) {
	for _, tier := range []struct {
		name               string
		storage, ecpu      float64
		shards             float64
		class              string
		instances, readers int
	}{
		{"100", 1, 5_000, 0, "db.t3.large", 1, 0},
		{"500", 1, 5_000, 0, "db.t3.large", 1, 0},
		{"1k", 5, 10_000, 0, "db.r6g.large", 2, 0},
		{"5k", 5, 50_000, 0, "db.r6g.large", 3, 1},
		{"10k", 10, 100_000, 0, "db.r6g.xlarge", 3, 1},
		{"50k", 0, 0, 3, "db.r6g.2xlarge", 4, 1},
		{"100k", 0, 0, 6, "db.r6g.4xlarge", 4, 1},
	} {
		g := deployTier(t, tier.name, graph.Run{})
		serverless, clusters := g.OfType(serverlessResource), g.OfType(replicationResource)
		if tier.shards == 0 {
			require.Len(t, serverless, 1, tier.name)
			require.Empty(t, clusters, tier.name)
			require.Equal(t, tier.storage, serverless[0].Value("cacheUsageLimits.dataStorage.maximum"), tier.name)
			require.Equal(t, []any{map[string]any{"maximum": tier.ecpu}}, serverless[0].Value("cacheUsageLimits.ecpuPerSeconds"), tier.name)
		} else {
			require.Empty(t, serverless, tier.name)
			require.Len(t, clusters, 1, tier.name)
			require.Equal(t, tier.shards, clusters[0].Value("numNodeGroups"), tier.name)
		}
		require.Len(t, g.OfType(instanceResource), tier.instances, tier.name)
		for _, instance := range g.OfType(instanceResource) {
			require.Equal(t, tier.class, instance.Text("instanceClass"), tier.name)
		}
		require.Len(t, g.OfType(endpointResource), tier.readers, tier.name)
		require.Empty(t, g.OfType("aws:shield/protection:Protection"), "%s: no subscription is stated", tier.name)
	}
}

// What holds data is protected from tier 1k on, by every means that its type has; below, it goes with the stack.
func TestDataProtectionByTier(t *testing.T) {
	for _, tier := range sizing.TierNames() {
		strict := tier != "100" && tier != "500"
		g := deployTier(t, tier, graph.Run{})
		kept := slices.Concat(g.OfType(serverlessResource), g.OfType(replicationResource), g.OfType(clusterResource),
			g.OfType(secretResource), g.OfType(bucketResource))
		require.GreaterOrEqual(t, len(kept), 4, tier)
		for _, r := range kept {
			require.Equal(t, strict, r.Options.Protect, "%s %s", tier, r.Name)
		}
		cluster := g.OfType(clusterResource)[0]
		require.Equal(t, strict, cluster.Flag("deletionProtection"), tier)
		require.Equal(t, !strict, cluster.Flag("skipFinalSnapshot"), tier)
		require.Equal(t, strict, cluster.Text("finalSnapshotIdentifier") != "", tier)
		require.Equal(t, strict, g.OfType(balancerResource)[0].Flag("enableDeletionProtection"), tier)
		require.Equal(t, !strict, g.OfType(bucketResource)[0].Flag("forceDestroy"), tier)
	}
}
