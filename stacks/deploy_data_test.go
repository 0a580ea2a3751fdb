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

// What holds data is protected from tier 1k on, by every means that its type has; below, it goes with the stack. A
// serverless cache alone is free: docs/decisions/serverless-cache.md.
func TestDataProtectionByTier(t *testing.T) {
	for _, tier := range sizing.TierNames() {
		strict := tier != "100" && tier != "500"
		g := deployTier(t, tier, graph.Run{})
		kept := slices.Concat(g.OfType(replicationResource), g.OfType(clusterResource), g.OfType(secretResource),
			g.OfType(bucketResource), g.OfType("aws:backup/vault:Vault"))
		require.GreaterOrEqual(t, len(kept), 4, tier)
		for _, r := range g.OfType(serverlessResource) {
			require.False(t, r.Options.Protect, "%s %s", tier, r.Name)
		}
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

// Where the stack states that the organisation has the subscription, and the tier's switch is on, Shield protects the
// load balancer; each alone makes nothing, because the subscription costs from its first day.
func TestShieldNeedsBoth(t *testing.T) {
	const protection = "aws:shield/protection:Protection"
	for _, stated := range []struct {
		platform string
		want     int
	}{
		{`{"users":50000}`, 0}, {`{"users":1000,"account":{"shieldSubscription":true}}`, 0},
		{`{"users":50000,"account":{"shieldSubscription":true}}`, 1},
		{`{"users":1000,"account":{"shieldSubscription":true},"features":{"shieldAdvanced":true}}`, 1},
	} {
		g, err := upIn(graph.SimulatedAccount, stated.platform, false)
		require.NoError(t, err)
		require.Len(t, g.OfType(protection), stated.want, stated.platform)
	}
}

// A stack moves from the serverless cache to a cluster by configuration alone: with both, the cluster stands beside the
// cache and is the one in use; afterwards the cache goes, and nothing else does.
func TestMovingToACluster(t *testing.T) {
	at := func(valkey string) *graph.Graph {
		g, err := upIn(graph.SimulatedAccount, `{"users":10000,"valkey":{`+valkey+`}}`, false)
		require.NoError(t, err)
		return g
	}
	nodes := `"shards":3,"nodeType":"cache.r7g.large"`
	before, during, after := at(`"mode":"serverless"`), at(`"mode":"both",`+nodes), at(`"mode":"cluster",`+nodes)
	require.Len(t, during.OfType(serverlessResource), 1)
	require.Len(t, during.OfType(replicationResource), 1)
	endpoint := func(g *graph.Graph) string { return byName(t, g, "api-task-definition").Text("containerDefinitions") }
	require.Contains(t, endpoint(before), ".serverless.")
	require.Contains(t, endpoint(during), "clustercfg.")
	for _, move := range [][2]*graph.Graph{{before, during}, {during, after}} {
		for _, r := range move[0].All() {
			next, stays := move[1].Get(r.URN)
			if !stays {
				require.Contains(t, r.Name, "valkey-serverless", "nothing else goes")
				require.False(t, r.Options.Protect, r.Name)
				continue
			}
			require.Equal(t, r.Options.Protect, next.Options.Protect, r.Name)
		}
	}
}

// Copies leave the region from 50k on, to a vault and a key that stand in the second region.
func TestCopiesAbroad(t *testing.T) {
	for _, tier := range sizing.TierNames() {
		g := deployTier(t, tier, graph.Run{})
		var abroad []graph.Resource
		for _, r := range g.All() {
			if r.Provider == abroadProvider {
				abroad = append(abroad, r)
			}
		}
		if tier != "50k" && tier != "100k" {
			require.Empty(t, abroad, tier)
			continue
		}
		require.Len(t, abroad, 4, "vault, lock, key and its alias")
		require.Contains(t, byName(t, g, "backup-abroad").Outputs["arn"], ":ap-northeast-1:")
	}
}

// Workflows may release where a repository is stated, and nowhere else; the identity provider is made where told to.
func TestReleases(t *testing.T) {
	const identity = "aws:iam/openIdConnectProvider:OpenIdConnectProvider"
	for _, stated := range []struct {
		platform        string
		roles, provider int
	}{
		{`{"users":100}`, 0, 0},
		{`{"users":100,"account":{"githubOidc":"adopt"},"delivery":{"repository":"acme/fleet"}}`, 1, 0},
		{`{"users":100,"account":{"githubOidc":"create"},"delivery":{"repository":"acme/fleet"}}`, 1, 1},
	} {
		g, err := upIn(graph.SimulatedAccount, stated.platform, false)
		require.NoError(t, err)
		roles := 0
		for _, role := range g.OfType("aws:iam/role:Role") {
			if role.Name == "delivery-role" {
				roles++
			}
		}
		require.Equal(t, stated.roles, roles, stated.platform)
		require.Len(t, g.OfType(identity), stated.provider, stated.platform)
	}
}
