package postgres_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"workerfleet/components/postgres"
	"workerfleet/stacks/graph"
)

// The proxy takes nobody without TLS and an IAM token, signs in with the one secret that it may read, and is led to the
// cluster when an instance stands. That it pools is RDS's promise.
func TestProxy(t *testing.T) {
	out := made{}
	g, err := graph.Record(program(postgres.Args{MultiAZ: true}, out), graph.Run{})
	require.NoError(t, err)
	proxy, secret := named(t, g, "database-proxy"), named(t, g, "database-role")
	require.Equal(t, map[string]any{
		"name": "tier-5k-database", "engineFamily": "POSTGRESQL", "requireTls": true, "debugLogging": false, "idleClientTimeout": 1_800.0,
		"roleArn": named(t, g, "database-proxy-reads-role").Outputs["arn"], "vpcSubnetIds": []any{"subnet-a", "subnet-b", "subnet-c"},
		"vpcSecurityGroupIds": []any{named(t, g, "database-proxy-group").Outputs["id"]},
		"auths": []any{map[string]any{
			"authScheme": "SECRETS", "iamAuth": "REQUIRED", "secretArn": secret.Outputs["arn"], "description": "The role that processes share",
		}},
	}, proxy.Inputs)
	require.Contains(t, proxy.Options.DependsOn, named(t, g, "database-proxy-log").URN)
	require.Equal(t, "/aws/rds/proxy/tier-5k-database", named(t, g, "database-proxy-log").Text("name"))

	require.Equal(t, map[string]any{
		"dbProxyName": "tier-5k-database",
		"connectionPoolConfig": map[string]any{
			"maxConnectionsPercent": 80.0, "maxIdleConnectionsPercent": 20.0, "connectionBorrowTimeout": 10.0,
		},
	}, named(t, g, "database-proxy-pool").Inputs)
	target := named(t, g, "database-proxy-target")
	require.Equal(t, "tier-5k-database", target.Text("dbClusterIdentifier"))
	require.Contains(t, target.Options.DependsOn, named(t, g, "database-writer").URN)
	require.Contains(t, target.Options.DependsOn, named(t, g, "database-cluster-group-proxy").URN)

	require.Equal(t, proxy.Outputs["endpoint"], out["endpoint"])
	require.Empty(t, out["reader"])
	require.Regexp(t, `^prx-[0-9a-f]{17}$`, out["id"])
	require.Equal(t, named(t, g, "database-cluster").Outputs["endpoint"], out["writer"])
	require.Contains(t, out["owner"], ":secret:rds!cluster-")
	require.Equal(t, secret.Outputs["arn"], out["role"])
	require.Equal(t, `{"Version":"2012-10-17","Statement":[{"Sid":"SignInToPostgres","Effect":"Allow","Action":["rds-db:connect"],`+
		`"Resource":["arn:aws:rds-db:ap-southeast-1:111122223333:dbuser:`+out["id"]+`/fleet"]}]}`, out["connect"])
}

// Reads have an endpoint of their own as soon as there is a read replica, and only then.
func TestReaderEndpoint(t *testing.T) {
	require.Empty(t, record(t, postgres.Args{MultiAZ: true}).OfType(endpointType))

	out := made{}
	g, err := graph.Record(program(postgres.Args{MultiAZ: true, ReadReplicas: 1}, out), graph.Run{})
	require.NoError(t, err)
	endpoint := named(t, g, "database-proxy-reader")
	require.Equal(t, map[string]any{
		"dbProxyEndpointName": "tier-5k-database-reader", "dbProxyName": "tier-5k-database", "targetRole": "READ_ONLY",
		"vpcSubnetIds":        []any{"subnet-a", "subnet-b", "subnet-c"},
		"vpcSecurityGroupIds": []any{named(t, g, "database-proxy-group").Outputs["id"]},
	}, endpoint.Inputs)
	require.Equal(t, endpoint.Outputs["endpoint"], out["reader"])
}

// The secret is made without a value, encrypted, kept; the proxy's role reads it alone and opens it through Secrets
// Manager alone.
func TestSecret(t *testing.T) {
	g := record(t, postgres.Args{})
	secret := named(t, g, "database-role")
	require.Equal(t, "data-key", secret.Text("kmsKeyId"))
	require.Equal(t, 30.0, secret.Value("recoveryWindowInDays"))
	require.True(t, secret.Options.Protect)
	require.Empty(t, g.OfType("aws:secretsmanager/secretVersion:SecretVersion"))
	require.Equal(t, `{"Version":"2012-10-17","Statement":[`+
		`{"Sid":"Read","Effect":"Allow","Action":["secretsmanager:GetSecretValue"],"Resource":["`+secret.Outputs["arn"].(string)+`"]},`+
		`{"Sid":"Open","Effect":"Allow","Action":["kms:Decrypt"],"Resource":["data-key"],"Condition":{"StringEquals":{"kms:ViaService":["secretsmanager.ap-southeast-1.amazonaws.com"]}}}]}`,
		named(t, g, "database-proxy-reads-policy").Text("policy"))
	require.Contains(t, named(t, g, "database-proxy-reads-role").Text("assumeRolePolicy"), `"rds.amazonaws.com"`)
}

// The topic is told before the database stops: each alarm judges all instances, and lag where there is a reader.
func TestAlarms(t *testing.T) {
	g := record(t, postgres.Args{MultiAZ: true, ReadReplicas: 2})
	for name, bound := range map[string]float64{
		"cpu-1": 80, "memory-1": 1_717_986_918, "connections-1": 1_377, "deadlocks-1": 0, "transactions-1": 1e9, "commits-1": 50,
		"lag-1": 1_000, "volume": 0.8 * (1 << 47), "proxy-borrow": 1e6, "proxy-pinned": 10, "proxy-refused": 0, "proxy-authentication": 0,
	} {
		require.Equal(t, bound, named(t, g, "database-"+name).Value("threshold"), name)
	}
	require.Equal(t, "LessThanThreshold", named(t, g, "database-memory-1").Text("comparisonOperator"))
	require.Len(t, named(t, g, "database-cpu-1").Inputs["metricQueries"], 1+4)
	require.Equal(t, map[string]any{"ProxyName": "tier-5k-database"}, named(t, g, "database-proxy-borrow").Inputs["dimensions"])
	pattern := named(t, g, "database-events").Text("eventPattern")
	require.Contains(t, pattern, `"SourceIdentifier":[{"prefix":"tier-5k-database"}]`)
	require.Contains(t, pattern, `"failover"`)

	for _, alarm := range record(t, postgres.Args{}).OfType("aws:cloudwatch/metricAlarm:MetricAlarm") {
		require.NotEqual(t, "database-lag-1", alarm.Name, "nobody can be behind a lone writer")
	}
}
