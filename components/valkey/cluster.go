package valkey

import (
	"fmt"

	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/cloudwatch"
	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/elasticache"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"workerfleet/components/names"
)

// The engine. A serverless cache is named by its major version, a cluster by its minor one.
const (
	majorVersion    = "8"
	clusterVersion  = "8.0"
	parameterFamily = "valkey8"
)

// replicas of each shard: Multi-AZ needs one.
const replicas = 1

// logDays is how long slow commands and events of the engine can be read.
const logDays = 30

// makeCluster makes the cluster of nodes where one is stated.
func (b *builder) makeCluster() error {
	cluster := b.args.Cluster
	if cluster == nil {
		return nil
	}
	subnets, err := elasticache.NewSubnetGroup(b.ctx, b.child("subnets"), &elasticache.SubnetGroupArgs{
		Description: pulumi.String("Private subnets of the nodes"), SubnetIds: b.args.Subnets,
	}, b.parent())
	if err != nil {
		return err
	}
	parameters, err := b.parameters()
	if err != nil {
		return err
	}
	logs, err := b.logs()
	if err != nil {
		return err
	}
	id := b.args.Place.Stated(names.Cache, b.child())
	args := &elasticache.ReplicationGroupArgs{
		ReplicationGroupId: pulumi.String(id), Description: pulumi.String(b.args.Place.Stack + ": who owns which worker"),
		Engine: pulumi.String(engine), EngineVersion: pulumi.String(clusterVersion), NodeType: pulumi.String(cluster.NodeType),
		NumNodeGroups: pulumi.Int(cluster.Shards), ReplicasPerNodeGroup: pulumi.Int(replicas), Port: pulumi.Int(port),
		ClusterMode: pulumi.String("enabled"), MultiAzEnabled: pulumi.Bool(true), AutomaticFailoverEnabled: pulumi.Bool(true),
		AtRestEncryptionEnabled: pulumi.Bool(true), KmsKeyId: b.args.Key,
		TransitEncryptionEnabled: pulumi.Bool(true), TransitEncryptionMode: pulumi.String("required"),
		UserGroupIds: pulumi.StringArray{b.users}, SecurityGroupIds: pulumi.StringArray{b.group},
		SubnetGroupName: subnets.Name, ParameterGroupName: parameters.Name, LogDeliveryConfigurations: logs,
		SnapshotRetentionLimit: b.snapshots(), SnapshotWindow: pulumi.String(snapshotWindow),
		AutoMinorVersionUpgrade: pulumi.Bool(true), MaintenanceWindow: pulumi.String(maintenanceWindow),
		// A change of parameters or nodes waits for the window: what is urgent is applied by hand.
		ApplyImmediately: pulumi.Bool(false),
	}
	if b.args.Protection.Protects() {
		args.FinalSnapshotIdentifier = pulumi.String(id + "-final")
	}
	made, err := elasticache.NewReplicationGroup(b.ctx, b.child(), args, b.parent(), b.args.Protection.Option())
	if err != nil {
		return err
	}
	b.c.Endpoint = pulumi.Sprintf("%s:%d", made.ConfigurationEndpointAddress, port)
	b.c.Name, b.c.arns = made.ReplicationGroupId, append(b.c.arns, made.Arn)
	return b.watchCluster(id)
}

// child is the name of the cluster's own parts.
func (b *builder) child(suffix ...string) string {
	return names.Join(append([]string{b.name, "cluster"}, suffix...)...)
}

// parameters: ownership is never evicted. A full cluster refuses new claims and keeps the sessions that it has.
func (b *builder) parameters() (*elasticache.ParameterGroup, error) {
	return elasticache.NewParameterGroup(b.ctx, b.child("parameters"), &elasticache.ParameterGroupArgs{
		Family: pulumi.String(parameterFamily), Description: pulumi.String("Cluster mode, no eviction"),
		Parameters: elasticache.ParameterGroupParameterArray{
			elasticache.ParameterGroupParameterArgs{Name: pulumi.String("cluster-enabled"), Value: pulumi.String("yes")},
			elasticache.ParameterGroupParameterArgs{Name: pulumi.String("maxmemory-policy"), Value: pulumi.String("noeviction")},
		},
	}, b.parent())
}

// logs makes the two log groups, and says that the cluster writes to them.
func (b *builder) logs() (elasticache.ReplicationGroupLogDeliveryConfigurationArray, error) {
	var delivered elasticache.ReplicationGroupLogDeliveryConfigurationArray
	for _, kind := range []string{"engine", "slow"} {
		group, err := cloudwatch.NewLogGroup(b.ctx, b.child(kind, "log"), &cloudwatch.LogGroupArgs{
			KmsKeyId: b.args.LogsKey, RetentionInDays: pulumi.Int(logDays),
		}, b.parent())
		if err != nil {
			return nil, err
		}
		delivered = append(delivered, elasticache.ReplicationGroupLogDeliveryConfigurationArgs{
			Destination: group.Name, DestinationType: pulumi.String("cloudwatch-logs"),
			LogFormat: pulumi.String("json"), LogType: pulumi.String(kind + "-log"),
		})
	}
	return delivered, nil
}

// nodes are the ids of a cluster's nodes: ElastiCache numbers shards and the nodes in each.
func nodes(id string, shards int) []string {
	var ids []string
	for shard := 1; shard <= shards; shard++ {
		for node := 1; node <= 1+replicas; node++ {
			ids = append(ids, fmt.Sprintf("%s-%04d-%03d", id, shard, node))
		}
	}
	return ids
}
