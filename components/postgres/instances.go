package postgres

import (
	"fmt"

	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/rds"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"workerfleet/components/access"
	"workerfleet/components/names"
)

const (
	monitoringSeconds = 60
	insightsDays      = 7 // what Database Insights' standard mode keeps at no cost
	certificate       = "rds-ca-rsa2048-g1"
)

// instance is one instance: the name that it is born with, and where it stands in the order of succession. After a
// failover another one writes; the names stay.
type instance struct {
	name string
	tier int
	id   pulumi.StringOutput
}

// members are the instances of a cluster: the writer, the failover reader in the next zone, and the read replicas, which
// take over only when nobody else can.
func members(multiAZ bool, replicas int) []instance {
	all := []instance{{name: "writer"}}
	if multiAZ {
		all = append(all, instance{name: "failover", tier: 1})
	}
	for i := range replicas {
		all = append(all, instance{name: fmt.Sprintf("reader-%d", i+1), tier: 2})
	}
	return all
}

// makeInstances makes the instances, each in the zone after that of the one before it.
func (b *builder) makeInstances() error {
	role, err := b.monitoringRole()
	if err != nil {
		return err
	}
	parameters, err := rds.NewParameterGroup(b.ctx, b.child("instance-parameters"), &rds.ParameterGroupArgs{
		Family: pulumi.String(parameterFamily), Description: pulumi.String("Statements of each instance"),
		Parameters: rds.ParameterGroupParameterArray{
			rds.ParameterGroupParameterArgs{Name: pulumi.String("log_autovacuum_min_duration"), Value: pulumi.String("10000")},
			rds.ParameterGroupParameterArgs{Name: pulumi.String("pg_stat_statements.track"), Value: pulumi.String("all")},
		},
	}, b.parent())
	if err != nil {
		return err
	}
	for i, member := range members(b.args.MultiAZ, b.args.ReadReplicas) {
		made, err := rds.NewClusterInstance(b.ctx, b.child(member.name), &rds.ClusterInstanceArgs{
			// A replacement must stand before the old one goes, under another name.
			IdentifierPrefix:  pulumi.String(names.Join(b.id, member.name) + "-"),
			ClusterIdentifier: b.cluster, Engine: pulumi.String(engine), EngineVersion: pulumi.String(engineVersion),
			InstanceClass: pulumi.String(b.args.Class.Name), AvailabilityZone: pulumi.String(b.args.Zones[i%len(b.args.Zones)]),
			PromotionTier: pulumi.Int(member.tier), PubliclyAccessible: pulumi.Bool(false), CaCertIdentifier: pulumi.String(certificate),
			DbParameterGroupName: parameters.Name, AutoMinorVersionUpgrade: pulumi.Bool(true), CopyTagsToSnapshot: pulumi.Bool(true),
			PreferredMaintenanceWindow: pulumi.String(maintenanceWindow), ApplyImmediately: pulumi.Bool(false),
			MonitoringInterval: pulumi.Int(monitoringSeconds), MonitoringRoleArn: role.Arn,
			PerformanceInsightsEnabled: pulumi.Bool(true), PerformanceInsightsKmsKeyId: b.args.Key.ToStringOutput().ToStringPtrOutput(),
			PerformanceInsightsRetentionPeriod: pulumi.Int(insightsDays),
		}, b.parent(), pulumi.IgnoreChanges([]string{"engineVersion"}))
		if err != nil {
			return err
		}
		member.id = made.Identifier
		b.instances = append(b.instances, member)
		b.c.Ready = append(b.c.Ready, made)
	}
	return nil
}

// monitoringRole lets RDS write what the operating systems of the instances do: it always writes to the account's group
// RDSOSMetrics.
func (b *builder) monitoringRole() (*access.ServiceRole, error) {
	p := b.args.Place
	return access.NewServiceRole(b.ctx, b.child("monitoring"), &access.ServiceRoleArgs{
		Place: p, Service: "monitoring.rds.amazonaws.com", Description: "Writes metrics of the database's operating systems.",
		Policy: access.Document{
			{
				Sid: "Group", Actions: []string{"logs:CreateLogGroup", "logs:PutRetentionPolicy"},
				Resources: access.Texts(p.ARN("logs", "log-group:RDS*")),
			},
			{
				Sid: "Write", Actions: []string{"logs:CreateLogStream", "logs:PutLogEvents", "logs:DescribeLogStreams", "logs:GetLogEvents"},
				Resources: access.Texts(p.ARN("logs", "log-group:RDS*:log-stream:*")),
			},
		},
	}, b.parent())
}
