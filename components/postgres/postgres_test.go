package postgres_test

import (
	"sync"
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"github.com/stretchr/testify/require"

	"workerfleet/components/access"
	"workerfleet/components/alarms"
	"workerfleet/components/place"
	"workerfleet/components/postgres"
	"workerfleet/components/protection"
	"workerfleet/stacks/graph"
)

const (
	instanceType = "aws:rds/clusterInstance:ClusterInstance"
	endpointType = "aws:rds/proxyEndpoint:ProxyEndpoint"
	ingressRule  = "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule"
	egressRule   = "aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule"
)

var here = place.Place{Stack: "tier-5k", Account: "111122223333", Region: "ap-southeast-1"}

// made is what the component hands on, by name.
type made map[string]string

func program(args postgres.Args, out made) pulumi.RunFunc {
	return func(ctx *pulumi.Context) error {
		topic, err := alarms.NewTopic(ctx, "alarms", &alarms.Args{Place: here, Key: pulumi.String("key-arn")})
		if err != nil {
			return err
		}
		args.Place, args.Topic, args.VPC, args.Migrate = here, topic, pulumi.String("vpc-1"), pulumi.String("sg-migrate")
		args.Key, args.LogsKey = pulumi.String("data-key"), pulumi.String("logs-key")
		args.Subnets, args.Zones = pulumi.ToStringArray([]string{"subnet-a", "subnet-b", "subnet-c"}), []string{"z-a", "z-b", "z-c"}
		args.Clients = map[string]pulumi.StringInput{"api": pulumi.String("sg-api"), "function": pulumi.String("sg-function")}
		args.Class = postgres.Class{Name: "db.r6g.large", MemoryGB: 16, MaxConnections: 1_722}
		c, err := postgres.New(ctx, "database", &args)
		if err != nil || out == nil {
			return err
		}
		var mu sync.Mutex // outputs come from goroutines of their own
		for name, value := range map[string]pulumi.StringOutput{
			"endpoint": c.Endpoint, "reader": c.ReaderEndpoint, "writer": c.WriterEndpoint, "id": c.ResourceID,
			"owner": c.OwnerSecret, "role": c.RoleSecret, "connect": access.Document{c.Connect()}.JSON().ToStringOutput(),
		} {
			ctx.Export(name, value.ApplyT(func(text string) string {
				mu.Lock()
				defer mu.Unlock()
				out[name] = text
				return text
			}))
		}
		return nil
	}
}

func record(t *testing.T, args postgres.Args) *graph.Graph {
	t.Helper()
	g, err := graph.Record(program(args, nil), graph.Run{})
	require.NoError(t, err)
	return g
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

// The cluster is encrypted, signs people in by IAM, leaves its owner's password to Aurora, keeps two weeks of every second
// and writes its log into a group that stands before it. That a restore works is shown by a restore.
func TestCluster(t *testing.T) {
	g := record(t, postgres.Args{MultiAZ: true})
	cluster := named(t, g, "database-cluster")
	require.Equal(t, map[string]any{
		"clusterIdentifier": "tier-5k-database", "engine": "aurora-postgresql", "engineVersion": "16.8", "databaseName": "fleet", "port": 5_432.0,
		"masterUsername": "fleet_owner", "manageMasterUserPassword": true, "masterUserSecretKmsKeyId": "data-key",
		"iamDatabaseAuthenticationEnabled": true, "storageEncrypted": true, "kmsKeyId": "data-key",
		"dbSubnetGroupName":            named(t, g, "database-subnets").PhysicalName(),
		"vpcSecurityGroupIds":          []any{named(t, g, "database-cluster-group").Outputs["id"]},
		"dbClusterParameterGroupName":  named(t, g, "database-cluster-parameters").PhysicalName(),
		"enabledCloudwatchLogsExports": []any{"postgresql"}, "databaseInsightsMode": "standard", "backupRetentionPeriod": 14.0,
		"preferredBackupWindow": "22:00-23:00", "preferredMaintenanceWindow": "sat:17:00-sat:18:00", "copyTagsToSnapshot": true,
		"applyImmediately": false, "allowMajorVersionUpgrade": false, "deletionProtection": true, "skipFinalSnapshot": false,
		"deleteAutomatedBackups": false, "finalSnapshotIdentifier": "tier-5k-database-final",
	}, cluster.Inputs)
	require.True(t, cluster.Options.Protect)
	require.Equal(t, []string{"engineVersion"}, cluster.Options.IgnoreChanges)
	log := named(t, g, "database-log")
	require.Equal(t, map[string]any{"name": "/aws/rds/cluster/tier-5k-database/postgresql", "kmsKeyId": "logs-key", "retentionInDays": 30.0}, log.Inputs)
	require.Contains(t, cluster.Options.DependsOn, log.URN)
}

// Relaxed, the same cluster goes with its data and needs no thought.
func TestRelaxed(t *testing.T) {
	g := record(t, postgres.Args{Protection: protection.Relaxed})
	cluster := named(t, g, "database-cluster")
	require.False(t, cluster.Options.Protect)
	require.False(t, cluster.Flag("deletionProtection"))
	require.True(t, cluster.Flag("skipFinalSnapshot"))
	require.True(t, cluster.Flag("deleteAutomatedBackups"))
	require.NotContains(t, cluster.Inputs, "finalSnapshotIdentifier")
	require.Equal(t, 7.0, cluster.Value("backupRetentionPeriod"))
	require.Equal(t, 0.0, named(t, g, "database-role").Value("recoveryWindowInDays"))
	require.False(t, named(t, g, "database-role").Options.Protect)
}

// No connection without TLS, statements and slow queries logged without their values, idle transactions ended.
func TestParameters(t *testing.T) {
	g := record(t, postgres.Args{})
	group := named(t, g, "database-cluster-parameters")
	require.Equal(t, "aurora-postgresql16", group.Text("family"))
	stated := map[string]any{}
	for _, p := range group.Inputs["parameters"].([]any) {
		parameter := p.(map[string]any)
		stated[parameter["name"].(string)] = parameter["value"]
	}
	require.Equal(t, map[string]any{
		"rds.force_ssl": "1", "ssl_min_protocol_version": "TLSv1.2", "shared_preload_libraries": "pg_stat_statements",
		"log_statement": "ddl", "log_min_duration_statement": "1000", "log_lock_waits": "1", "log_parameter_max_length": "0",
		"log_parameter_max_length_on_error": "0", "idle_in_transaction_session_timeout": "10000",
	}, stated)
	require.Equal(t, "aurora-postgresql16", named(t, g, "database-instance-parameters").Text("family"))
}

// The tier's instances: a writer, a failover reader in the next zone that takes over first, read replicas that take over
// last. Each watches itself; none is public.
func TestInstances(t *testing.T) {
	type place struct {
		zone string
		tier float64
	}
	for _, tier := range []struct {
		multiAZ  bool
		replicas int
		want     map[string]place
	}{
		{false, 0, map[string]place{"database-writer": {"z-a", 0}}},
		{true, 0, map[string]place{"database-writer": {"z-a", 0}, "database-failover": {"z-b", 1}}},
		{true, 2, map[string]place{
			"database-writer": {"z-a", 0}, "database-failover": {"z-b", 1}, "database-reader-1": {"z-c", 2}, "database-reader-2": {"z-a", 2},
		}},
	} {
		g := record(t, postgres.Args{MultiAZ: tier.multiAZ, ReadReplicas: tier.replicas})
		require.Len(t, g.OfType(instanceType), len(tier.want))
		for name, want := range tier.want {
			instance := named(t, g, name)
			require.Equal(t, map[string]any{
				"identifierPrefix": "tier-5k-" + name + "-", "clusterIdentifier": "tier-5k-database", "engine": "aurora-postgresql",
				"engineVersion": "16.8", "instanceClass": "db.r6g.large", "availabilityZone": want.zone, "promotionTier": want.tier,
				"publiclyAccessible": false, "caCertIdentifier": "rds-ca-rsa2048-g1", "autoMinorVersionUpgrade": true, "copyTagsToSnapshot": true,
				"dbParameterGroupName":       named(t, g, "database-instance-parameters").PhysicalName(),
				"preferredMaintenanceWindow": "sat:17:00-sat:18:00", "applyImmediately": false, "monitoringInterval": 60.0,
				"monitoringRoleArn":          named(t, g, "database-monitoring-role").Outputs["arn"],
				"performanceInsightsEnabled": true, "performanceInsightsKmsKeyId": "data-key", "performanceInsightsRetentionPeriod": 7.0,
			}, instance.Inputs)
			require.Equal(t, []string{"engineVersion"}, instance.Options.IgnoreChanges)
		}
	}
}

// Clients reach the proxy, the proxy and migrate reach the cluster; nobody else comes in, and nothing goes out but the
// proxy's connections.
func TestWalls(t *testing.T) {
	g := record(t, postgres.Args{})
	proxy, cluster := named(t, g, "database-proxy-group").Outputs["id"], named(t, g, "database-cluster-group").Outputs["id"]
	require.Len(t, g.OfType(ingressRule), 4)
	for name, rule := range map[string]struct{ into, from any }{
		"database-proxy-group-api": {proxy, "sg-api"}, "database-proxy-group-function": {proxy, "sg-function"},
		"database-cluster-group-proxy": {cluster, proxy}, "database-cluster-group-migrate": {cluster, "sg-migrate"},
	} {
		made := named(t, g, name)
		require.Equal(t, rule.into, made.Inputs["securityGroupId"], name)
		require.Equal(t, rule.from, made.Inputs["referencedSecurityGroupId"], name)
		require.NotContains(t, made.Inputs, "cidrIpv4")
		require.Equal(t, []any{5_432.0, 5_432.0, "tcp"}, []any{made.Inputs["fromPort"], made.Inputs["toPort"], made.Inputs["ipProtocol"]}, name)
	}
	require.Len(t, g.OfType(egressRule), 1)
	require.Equal(t, cluster, named(t, g, "database-proxy-group-cluster").Inputs["referencedSecurityGroupId"])
}

// Every wrong argument is named at once, with what is allowed, and nothing is registered.
func TestRefuses(t *testing.T) {
	g, err := graph.Record(func(ctx *pulumi.Context) error {
		_, err := postgres.New(ctx, "database", &postgres.Args{
			Class: postgres.Class{Name: "r6g.large"}, ReadReplicas: 15, Protection: "some", Zones: []string{"z-a", "z-b"},
		})
		return err
	}, graph.Run{})
	for _, problem := range []string{
		`postgres.Postgres "database": `, `class.name: "r6g.large" is not allowed; allowed: a class such as db.r6g.large`,
		"class.memoryGB: 0 is not allowed; allowed: 1 to 1024", "class.maxConnections: 0 is not allowed; allowed: 10 to 262143",
		"readReplicas: 15 is not allowed; allowed: 0 to 14", "readReplicas: 15 need multiAZ; allowed: 0, or multiAZ: true",
		"zones: 2 with 0 subnets; allowed: at least 2 zones, each with its subnet", "clients: is empty", `protection: "some" is not allowed`,
		"vpc: is missing", "migrate: is missing", "key: is missing", "logsKey: is missing", "topic: is missing",
	} {
		require.ErrorContains(t, err, problem)
	}
	require.Empty(t, g.All())
}

// A preview shows the same resources.
func TestPreview(t *testing.T) {
	args := postgres.Args{MultiAZ: true, ReadReplicas: 2}
	wet := record(t, args)
	dry, err := graph.Record(program(args, nil), graph.Run{DryRun: true})
	require.NoError(t, err)
	require.Len(t, dry.All(), len(wet.All()))
	for i, r := range dry.All() {
		require.Equal(t, wet.All()[i].URN, r.URN)
	}
}
