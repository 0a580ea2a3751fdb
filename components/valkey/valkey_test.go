package valkey_test

import (
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"github.com/stretchr/testify/require"

	"workerfleet/components/alarms"
	"workerfleet/components/place"
	"workerfleet/components/protection"
	"workerfleet/components/valkey"
	"workerfleet/stacks/graph"
)

const (
	ingressRule = "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule"
	egressRule  = "aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule"
	cacheType   = "aws:elasticache/serverlessCache:ServerlessCache"
	clusterType = "aws:elasticache/replicationGroup:ReplicationGroup"
	alarmType   = "aws:cloudwatch/metricAlarm:MetricAlarm"
)

var here = place.Place{Stack: "tier-1k", Account: "111122223333", Region: "ap-southeast-1"}

// made is what a test reads besides the graph: what the component hands on.
type made struct{ endpoint, name, cluster string }

func program(args valkey.Args, out *made) pulumi.RunFunc {
	return func(ctx *pulumi.Context) error {
		topic, err := alarms.NewTopic(ctx, "alarms", &alarms.Args{Place: here, Key: pulumi.String("key-arn")})
		if err != nil {
			return err
		}
		args.Place, args.Topic, args.VPC = here, topic, pulumi.String("vpc-1")
		args.Key, args.LogsKey = pulumi.String("data-key"), pulumi.String("logs-key")
		args.Subnets = pulumi.ToStringArray([]string{"subnet-a", "subnet-b", "subnet-c"})
		args.Clients = map[string]pulumi.StringInput{"api": pulumi.String("sg-api"), "agent": pulumi.String("sg-agent")}
		c, err := valkey.New(ctx, "valkey", &args)
		if err != nil || out == nil {
			return err
		}
		ctx.Export("seen", pulumi.All(c.Endpoint, c.Name, pulumi.Bool(c.IsCluster)).ApplyT(func(values []any) string {
			out.endpoint, out.name = values[0].(string), values[1].(string)
			out.cluster = map[bool]string{true: "cluster", false: "serverless"}[values[2].(bool)]
			return ""
		}))
		return nil
	}
}

func record(t *testing.T, args valkey.Args) (*graph.Graph, made) {
	t.Helper()
	var out made
	g, err := graph.Record(program(args, &out), graph.Run{})
	require.NoError(t, err)
	return g, out
}

func named(t *testing.T, g *graph.Graph, name string) graph.Resource {
	t.Helper()
	for _, r := range g.All() {
		if r.Name == name && r.Custom {
			return r
		}
	}
	require.Fail(t, "no resource is called "+name)
	return graph.Resource{}
}

func serverless() *valkey.Serverless { return &valkey.Serverless{StorageGB: 5, ECPU: 10_000} }
func cluster(shards int) *valkey.Cluster {
	return &valkey.Cluster{Shards: shards, NodeType: "cache.r7g.large"}
}

// A serverless cache is limited in what it may grow to, encrypted with the stack's key, closed to all but the clients and
// their users, and kept. That it grows within its limits is ElastiCache's promise.
func TestServerless(t *testing.T) {
	g, out := record(t, valkey.Args{Serverless: serverless()})
	cache := named(t, g, "valkey-serverless")
	require.Equal(t, map[string]any{
		"engine": "valkey", "majorEngineVersion": "8", "description": "tier-1k: who owns which worker",
		"cacheUsageLimits": map[string]any{
			"dataStorage": map[string]any{"maximum": 5.0, "unit": "GB"}, "ecpuPerSeconds": []any{map[string]any{"maximum": 10_000.0}},
		},
		"kmsKeyId": "data-key", "securityGroupIds": []any{named(t, g, "valkey-group").Outputs["id"]},
		"subnetIds": []any{"subnet-a", "subnet-b", "subnet-c"}, "userGroupId": "tier-1k-valkey",
		"dailySnapshotTime": "22:00", "snapshotRetentionLimit": 7.0,
	}, cache.Inputs)
	require.False(t, cache.Options.Protect, "a stack that moves to a cluster loses it by configuration")
	require.Empty(t, g.OfType(clusterType))
	require.Equal(t, made{
		endpoint: cache.PhysicalName() + ".serverless.ap-southeast-1.cache.amazonaws.com:6379", name: cache.PhysicalName(), cluster: "serverless",
	}, out)

	g, _ = record(t, valkey.Args{Serverless: serverless(), Protection: protection.Relaxed})
	require.Equal(t, 1.0, named(t, g, "valkey-serverless").Value("snapshotRetentionLimit"))
}

// A cluster spreads its shards over zones, fails over by itself, takes no connection without TLS, evicts nothing and
// writes its logs. That AWS takes these values together is what stacks/policy judges.
func TestCluster(t *testing.T) {
	g, out := record(t, valkey.Args{Cluster: cluster(3)})
	made := named(t, g, "valkey-cluster")
	require.Equal(t, map[string]any{
		"replicationGroupId": "tier-1k-valkey-cluster", "description": "tier-1k: who owns which worker",
		"engine": "valkey", "engineVersion": "8.0", "nodeType": "cache.r7g.large", "numNodeGroups": 3.0, "replicasPerNodeGroup": 1.0,
		"port": 6379.0, "clusterMode": "enabled", "multiAzEnabled": true, "automaticFailoverEnabled": true,
		"atRestEncryptionEnabled": true, "kmsKeyId": "data-key", "transitEncryptionEnabled": true, "transitEncryptionMode": "required",
		"userGroupIds": []any{"tier-1k-valkey"}, "securityGroupIds": []any{named(t, g, "valkey-group").Outputs["id"]},
		"subnetGroupName":    named(t, g, "valkey-cluster-subnets").PhysicalName(),
		"parameterGroupName": named(t, g, "valkey-cluster-parameters").PhysicalName(),
		"logDeliveryConfigurations": []any{
			map[string]any{"destination": named(t, g, "valkey-cluster-engine-log").PhysicalName(), "destinationType": "cloudwatch-logs", "logFormat": "json", "logType": "engine-log"},
			map[string]any{"destination": named(t, g, "valkey-cluster-slow-log").PhysicalName(), "destinationType": "cloudwatch-logs", "logFormat": "json", "logType": "slow-log"},
		},
		"snapshotRetentionLimit": 7.0, "snapshotWindow": "22:00-23:00", "finalSnapshotIdentifier": "tier-1k-valkey-cluster-final",
		"autoMinorVersionUpgrade": true, "maintenanceWindow": "sat:16:00-sat:17:00", "applyImmediately": false,
	}, made.Inputs)
	require.True(t, made.Options.Protect)
	require.Equal(t, []any{
		map[string]any{"name": "cluster-enabled", "value": "yes"}, map[string]any{"name": "maxmemory-policy", "value": "noeviction"},
	}, named(t, g, "valkey-cluster-parameters").Inputs["parameters"])
	require.Equal(t, "valkey8", named(t, g, "valkey-cluster-parameters").Text("family"))
	require.Equal(t, "logs-key", named(t, g, "valkey-cluster-slow-log").Text("kmsKeyId"))
	require.Empty(t, g.OfType(cacheType))
	require.Equal(t, "tier-1k-valkey-cluster", out.name)
	require.Equal(t, "cluster", out.cluster)

	g, _ = record(t, valkey.Args{Cluster: cluster(3), Protection: protection.Relaxed})
	require.NotContains(t, named(t, g, "valkey-cluster").Inputs, "finalSnapshotIdentifier")
}

// While a stack moves there are both, with the same users behind the same wall, and processes use the cluster.
func TestBoth(t *testing.T) {
	g, out := record(t, valkey.Args{Serverless: serverless(), Cluster: cluster(3)})
	require.Len(t, g.OfType(cacheType), 1)
	require.Len(t, g.OfType(clusterType), 1)
	require.Len(t, g.OfType("aws:elasticache/userGroup:UserGroup"), 1)
	require.Equal(t, "tier-1k-valkey-cluster", out.name)
	require.Contains(t, out.endpoint, "clustercfg.tier-1k-valkey-cluster.")
	require.Equal(t, "cluster", out.cluster)
}

// Each client has a rule of its own, by its group; nobody comes in by address, and nothing goes out.
func TestWall(t *testing.T) {
	g, _ := record(t, valkey.Args{Serverless: serverless()})
	rules := g.OfType(ingressRule)
	require.Len(t, rules, 2)
	for client, from := range map[string]string{"api": "sg-api", "agent": "sg-agent"} {
		require.Equal(t, map[string]any{
			"securityGroupId": named(t, g, "valkey-group").Outputs["id"], "referencedSecurityGroupId": from,
			"ipProtocol": "tcp", "fromPort": 6379.0, "toPort": 6379.0, "description": "Valkey from " + client,
		}, named(t, g, "valkey-group-"+client).Inputs)
	}
	require.Empty(t, g.OfType(egressRule))
}

// The topic is told before a limit is reached. A cluster's alarms judge all of its nodes, ten at a time.
func TestAlarms(t *testing.T) {
	g, _ := record(t, valkey.Args{Serverless: serverless()})
	for name, above := range map[string]float64{
		"throttled": 0, "ecpu": 480_000, "memory": 4 * (1 << 30), "connections": 52_000, "evictions": 0,
		"authentication": 0, "commands": 0, "keys": 0,
	} {
		alarm := named(t, g, "valkey-serverless-"+name)
		require.Equal(t, above, alarm.Value("threshold"), name)
		require.Equal(t, map[string]any{"clusterId": named(t, g, "valkey-serverless").PhysicalName()}, alarm.Inputs["dimensions"], name)
	}
	require.Len(t, g.OfType(alarmType), 8+1, "and the topic's own")

	g, _ = record(t, valkey.Args{Cluster: cluster(6)})
	require.Len(t, g.OfType(alarmType), 8*2+1)
	for suffix, above := range map[string]float64{
		"cpu": 75, "memory": 75, "lag": 1, "connections": 52_000, "evictions": 0, "authentication": 0, "commands": 0, "keys": 0,
	} {
		require.Equal(t, above, named(t, g, "valkey-cluster-"+suffix+"-1").Value("threshold"), suffix)
	}
	first, second := named(t, g, "valkey-cluster-cpu-1"), named(t, g, "valkey-cluster-cpu-2")
	require.Equal(t, []string{
		"tier-1k-valkey-cluster-0001-001", "tier-1k-valkey-cluster-0001-002", "tier-1k-valkey-cluster-0002-001", "tier-1k-valkey-cluster-0002-002",
		"tier-1k-valkey-cluster-0003-001", "tier-1k-valkey-cluster-0003-002", "tier-1k-valkey-cluster-0004-001", "tier-1k-valkey-cluster-0004-002",
		"tier-1k-valkey-cluster-0005-001", "tier-1k-valkey-cluster-0005-002",
	}, nodesOf(first))
	require.Equal(t, []string{"tier-1k-valkey-cluster-0006-001", "tier-1k-valkey-cluster-0006-002"}, nodesOf(second))
}

// nodesOf are the nodes that an alarm reads.
func nodesOf(alarm graph.Resource) []string {
	var nodes []string
	for _, query := range alarm.Inputs["metricQueries"].([]any)[1:] {
		metric := query.(map[string]any)["metric"].(map[string]any)
		nodes = append(nodes, metric["dimensions"].(map[string]any)["CacheClusterId"].(string))
	}
	return nodes
}

// Every wrong argument is named at once, with what is allowed, and nothing is registered.
func TestRefuses(t *testing.T) {
	refused := func(args valkey.Args, problems ...string) {
		g, err := graph.Record(func(ctx *pulumi.Context) error {
			_, err := valkey.New(ctx, "valkey", &args)
			return err
		}, graph.Run{})
		for _, problem := range problems {
			require.ErrorContains(t, err, problem)
		}
		require.Empty(t, g.All())
	}
	refused(valkey.Args{}, `valkey.Valkey "valkey": `, "serverless, cluster: neither is stated; allowed: one of them",
		"subnets: their number: 0 is not allowed; allowed: 2 to 3", "clients: is empty", "vpc: is missing", "key: is missing",
		"logsKey: is missing", "topic: is missing")
	refused(valkey.Args{Serverless: &valkey.Serverless{StorageGB: 5_001, ECPU: 999}, Cluster: &valkey.Cluster{Shards: 251}, Protection: "some"},
		"serverless.storageGB: 5001 is not allowed; allowed: 1 to 5000", "serverless.ecpu: 999 is not allowed; allowed: 1000 to 15000000",
		"cluster.shards: 251 is not allowed; allowed: 1 to 250", "cluster.nodeType: is empty", `protection: "some" is not allowed`)
}

// A preview shows the same resources.
func TestPreview(t *testing.T) {
	args := valkey.Args{Serverless: serverless(), Cluster: cluster(3)}
	wet, _ := record(t, args)
	dry, err := graph.Record(program(args, nil), graph.Run{DryRun: true})
	require.NoError(t, err)
	require.Len(t, dry.All(), len(wet.All()))
	for i, r := range dry.All() {
		require.Equal(t, wet.All()[i].URN, r.URN)
	}
}
