package stacks

import (
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"github.com/stretchr/testify/require"

	"workerfleet/components/cluster"
	"workerfleet/components/delivery"
	"workerfleet/components/queues"
	"workerfleet/components/registry"
	"workerfleet/components/task"
	"workerfleet/components/watch"
	"workerfleet/components/workers"
	"workerfleet/stacks/sizing"
)

func configOf(t *testing.T, platform string) Config {
	t.Helper()
	cfg, err := Decode([]byte(platform), singapore)
	require.NoError(t, err)
	return cfg
}

// The outputs have the names that tools read, and the values of what was made. That the engine stores them is shown by
// the engine's own test.
func TestStackOutputs(t *testing.T) {
	text := func(s string) pulumi.StringOutput { return pulumi.String(s).ToStringOutput() }
	url, of := text("url"), outputParts{
		images: &registry.Registry{URLs: pulumi.StringMap{"api": pulumi.String("repository")}}, watch: &watch.Watch{DashboardURL: "dashboard"},
		data: &dataParts{
			URL: "https://fleet.acme.com", ValkeyEndpoint: text("valkey:6379"), DatabaseEndpoint: text("proxy"), DatabaseReaderEndpoint: text("reader"),
			ValkeyUsers: map[string]string{"operator": "acme-valkey-operator"}, ValkeyName: text("cache"),
		},
		releases: &delivery.Delivery{RoleARN: text("role")},
		compute: &computeParts{
			cluster: &cluster.Cluster{Name: "acme-cluster"}, workers: &workers.Workers{Task: &task.Task{ARN: text("definition")}},
			migration: pulumi.Map{"taskDefinition": text("migration")},
		},
	}
	of.work = map[string]*queues.Queue{poolClaim: {URL: url}}
	found := stackOutputs(configOf(t, `{"users":100}`), of)
	require.Len(t, found, 15)
	require.Equal(t, pulumi.String("acme-cluster"), found["clusterName"])
	require.Equal(t, of.compute.workers.Task.ARN, found["workerTaskDefinition"])
	require.Equal(t, of.compute.migration, found["migration"])
	require.Equal(t, pulumi.StringMap{poolClaim: url}, found["queueUrls"])
	require.Equal(t, of.images.URLs, found["repositories"])
	require.Equal(t, pulumi.String("https://fleet.acme.com"), found["apiUrl"])
	require.Equal(t, pulumi.String("https://fleet.acme.com/console"), found["consoleUrl"])
	require.Equal(t, of.data.ValkeyEndpoint, found["valkeyEndpoint"])
	require.Equal(t, of.data.DatabaseEndpoint, found["databaseProxyEndpoint"])
	require.Equal(t, of.data.DatabaseReaderEndpoint, found["databaseReaderEndpoint"])
	require.Equal(t, pulumi.String("dashboard"), found["dashboardUrl"])
	require.Equal(t, of.releases.RoleARN, found["deployRoleArn"])
	require.Contains(t, found, "quotasToRaise")
	operator := found["operator"].(pulumi.Map)
	require.Equal(t, pulumi.String(singapore), operator["region"])
	require.Equal(t, "rediss://acme-valkey-operator@valkey:6379?cluster=1", resolved(t, operator["valkeyUrl"]))
	require.Equal(t, "serverless:cache", resolved(t, operator["valkeyCache"]))
	require.Contains(t, found, "reservedInstancesToBuy")

	of.releases = nil
	require.Contains(t, stackOutputs(configOf(t, `{"users":100}`), of), "deployRoleArn", "a tool that reads it finds an empty text")
}

// The quotas to raise follow what the stack may reach, not its tier: 5,000 hosts of 2 vCPU beside 5 of the API, though
// 100 users need 3 and 5.
func TestQuotasToRaise(t *testing.T) {
	quota := func(service, name string, required, standard int) pulumi.Map {
		return pulumi.Map{
			"service": pulumi.String(service), "name": pulumi.String(name),
			"required": pulumi.Int(required), "default": pulumi.Int(standard),
		}
	}
	const vcpu = "Running On-Demand Standard instances (vCPU)"
	lambda := quota("Lambda", "Concurrent executions", 150, 1_000)
	lambda["newAccountsStartLower"] = pulumi.Bool(true)
	require.Equal(t, pulumi.Array{quota("EC2", vcpu, 16, 5), lambda}, quotasToRaise(configOf(t, `{"users":100}`)))
	require.Equal(t, pulumi.Array{
		quota("EC2", vcpu, 5_000*2+5*2, 5), lambda, quota("ECS", "Container instances per cluster", 5_005, 5_000),
	}, quotasToRaise(configOf(t, `{"users":100,"workers":{"maxInstances":5000}}`)))

	overridden := quotasToRaise(configOf(t, `{"users":100000,"lambda":{"concurrency":3000},"api":{"instances":100},
		"valkey":{"shards":50}}`))
	lambda = quota("Lambda", "Concurrent executions", 3_100, 1_000)
	lambda["newAccountsStartLower"] = pulumi.Bool(true)
	require.Equal(t, pulumi.Array{
		quota("EC2", vcpu, 110*32+150*8, 5), lambda,
		quota("ElastiCache", "Nodes per cluster (cluster mode enabled)", 100, 90),
		quota("Elastic Load Balancing", "Targets per Application Load Balancer", 1_050, 1_000),
		quota("Elastic Load Balancing", "Targets per target group", 1_050, 1_000),
	}, overridden)
}

// Hosts that run around the clock are worth reserving where the switch is on: of the workers those that stay outside
// market hours, of the API all.
func TestReservedInstancesToBuy(t *testing.T) {
	require.Empty(t, reservedInstancesToBuy(configOf(t, `{"users":1000}`)))
	cfg := configOf(t, `{"users":100000}`)
	require.Equal(t, pulumi.Array{
		pulumi.Map{"instanceType": pulumi.String("r7g.8xlarge"), "quantity": pulumi.Int(8)},
		pulumi.Map{"instanceType": pulumi.String("m7g.2xlarge"), "quantity": pulumi.Int(50)},
	}, reservedInstancesToBuy(cfg))
	require.Equal(t, cfg.Plan.Cost.ReservedQuantity, 58, "what the cost report prices is what the stack says to buy")
	cfg = configOf(t, `{"users":100000,"workers":{"minInstances":20}}`)
	require.Equal(t, pulumi.Int(20), reservedInstancesToBuy(cfg)[0].(pulumi.Map)["quantity"])
	require.Equal(t, 20+50, cfg.Plan.Cost.ReservedQuantity)
}

// Of many zones the first three by name are taken; a region with fewer is refused.
func TestFirstZones(t *testing.T) {
	zones, err := firstZones("r-1", []string{"r-1d", "r-1a", "r-1c", "r-1b"})
	require.NoError(t, err)
	require.Equal(t, []string{"r-1a", "r-1b", "r-1c"}, zones)
	_, err = firstZones("r-1", []string{"r-1b", "r-1a"})
	require.EqualError(t, err, "aws:region: r-1 has 2 zones (r-1a, r-1b); allowed: a region with 3")
	require.Len(t, zones, sizing.Zones)
}

// resolved waits for what an output holds.
func resolved(t *testing.T, output pulumi.Input) any {
	t.Helper()
	held := make(chan any, 1)
	output.(pulumi.StringOutput).ApplyT(func(text string) string {
		held <- text
		return text
	})
	return <-held
}
