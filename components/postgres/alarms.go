package postgres

import (
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"workerfleet/components/alarms"
)

// Bounds of the alarms.
const (
	busyPercent       = 80
	freePart          = 10 // a tenth of an instance's memory; below it the cache of pages shrinks
	connectionPercent = 80 // of max_connections
	lagMillis         = 1_000
	commitMillis      = 50              // a claim waits for one commit; Aurora's usual is below 5
	volumeBytes       = 0.8 * (1 << 47) // of Aurora's 128 TiB
	transactionIDs    = 1_000_000_000   // PostgreSQL stops at two billion
	borrowMicros      = 1_000_000
	hourSeconds       = 3_600
	gigabyte          = 1 << 30
	pinnedConnections = 10
)

// metric is a metric of RDS, which writes all of them each minute, and none of what does not exist yet or does not happen.
func metric(name string, statistic alarms.Statistic) alarms.Metric {
	return alarms.Metric{Namespace: "AWS/RDS", Name: name, Statistic: statistic}
}

// watch tells of instances that are full, busy or behind, and of the volume.
func (b *builder) watch() error {
	var each []pulumi.StringMap
	for _, member := range b.instances {
		each = append(each, pulumi.StringMap{"DBInstanceIdentifier": member.id})
	}
	for suffix, alarm := range b.ofInstances() {
		alarm.Missing = alarms.NotBreaching
		if err := b.args.Topic.AlarmOfAll(b.ctx, b.child(suffix), alarm, each, b.parent()); err != nil {
			return err
		}
	}
	volume := metric("VolumeBytesUsed", alarms.Maximum)
	volume.Dimensions, volume.Seconds = pulumi.StringMap{"DBClusterIdentifier": b.cluster}, hourSeconds
	_, err := b.args.Topic.Alarm(b.ctx, b.child("volume"), alarms.Alarm{
		Says:   "The database's volume has four fifths of Aurora's 128 TiB. Move old orders and audit records out.",
		Metric: volume, Above: volumeBytes, Periods: 1, Missing: alarms.NotBreaching,
	}, b.parent())
	return err
}

// ofInstances are the alarms that judge every instance, by suffix.
func (b *builder) ofInstances() map[string]alarms.Alarm {
	class := b.args.Class
	all := map[string]alarms.Alarm{
		"cpu": {
			Says: "A database instance has been busy for five minutes. Look at Database Insights for the statement that " +
				"takes the time; then at the class.",
			Metric: metric("CPUUtilization", alarms.Average), Above: busyPercent, Periods: 5,
		},
		"memory": {
			Says: "A database instance has less than a tenth of its memory left. Look for many connections or a statement " +
				"that sorts too much; then take a larger class.",
			Metric: metric("FreeableMemory", alarms.Average), Below: float64(class.MemoryGB * gigabyte / freePart), Periods: 5,
		},
		"connections": {
			Says: "A database instance has four fifths of its connections in use. The proxy keeps them: look for pinned " +
				"connections and long transactions, then for clients that go past the proxy.",
			Metric: metric("DatabaseConnections", alarms.Maximum), Above: float64(class.MaxConnections * connectionPercent / 100), Periods: 3,
		},
		"deadlocks": {
			Says: "The database ended a transaction because two waited for each other. The log names both statements; it " +
				"was repeated by its caller, but should not happen.",
			Metric: metric("Deadlocks", alarms.Maximum), Above: 0, Periods: 1,
		},
		"transactions": {
			Says: "The database uses up its transaction numbers: vacuum does not keep up, and at two billion it stops " +
				"writing. End the oldest transaction, then vacuum the oldest table.",
			Metric: metric("MaximumUsedTransactionIDs", alarms.Maximum), Above: transactionIDs, Periods: 3,
		},
		"commits": {
			Says: "Commits take longer than 50 ms. Every claim and every order waits for one. Look at the volume's writes " +
				"and at locks in Database Insights.",
			Metric: metric("CommitLatency", alarms.Average), Above: commitMillis, Periods: 3,
		},
	}
	if len(b.instances) > 1 { // nobody can be behind a lone writer
		all["lag"] = alarms.Alarm{
			Says: "A reader is more than a second behind the writer. Reads of it are old, and a failover takes longer. Look " +
				"for a long query on the reader.",
			Metric: metric("AuroraReplicaLag", alarms.Maximum), Above: lagMillis, Periods: 3,
		}
	}
	return all
}

// watchProxy tells of clients that wait for a connection, and of those that keep theirs to themselves.
func (b *builder) watchProxy() error {
	for suffix, alarm := range map[string]alarms.Alarm{
		"borrow": {
			Says: "Clients wait for more than a second for a connection of the proxy; after ten they are refused. Look for " +
				"pinned connections and long transactions, then at the class of the database.",
			Metric: metric("DatabaseConnectionsBorrowLatency", alarms.Average), Above: borrowMicros, Periods: 3,
		},
		"pinned": {
			Says: "Connections of the proxy are pinned to their clients: a statement sets session state. The proxy's log " +
				"names it; such statements belong into migrate.",
			Metric: metric("DatabaseConnectionsCurrentlySessionPinned", alarms.Maximum), Above: pinnedConnections, Periods: 5,
		},
		"refused": {
			Says: "The proxy cannot connect to the database. After a first deployment migrate has not run yet; otherwise " +
				"the role's secret and its password differ: run migrate.",
			Metric: metric("DatabaseConnectionsSetupFailed", alarms.Sum), Above: 0, Periods: 3,
		},
		"authentication": {
			Says: "Clients failed to sign in to the proxy. Compare the time with deployments: a role without rds-db:connect, " +
				"a clock, or somebody who should not be there.",
			Metric: metric("ClientConnectionsSetupFailedAuth", alarms.Sum), Above: 0, Periods: 3,
		},
	} {
		alarm.Missing, alarm.Metric.Dimensions = alarms.NotBreaching, pulumi.StringMap{"ProxyName": b.c.ProxyName}
		if _, err := b.args.Topic.Alarm(b.ctx, b.child("proxy", suffix), alarm, b.parent()); err != nil {
			return err
		}
	}
	return nil
}

// tellOfEvents tells of what AWS does to the database, or sees happen to it: the names of instances begin with the
// cluster's.
func (b *builder) tellOfEvents() error {
	return b.args.Topic.OnEvent(b.ctx, b.child("events"), alarms.Event{
		Pattern: pulumi.Map{
			"source":      pulumi.ToStringArray([]string{"aws.rds"}),
			"detail-type": pulumi.ToStringArray([]string{"RDS DB Cluster Event", "RDS DB Instance Event"}),
			"detail": pulumi.Map{
				"EventCategories":  pulumi.ToStringArray([]string{"failover", "failure", "low storage", "maintenance", "recovery"}),
				"SourceIdentifier": pulumi.Array{pulumi.Map{"prefix": pulumi.String(b.id)}},
			},
		},
		Says:   "RDS says of <source>: <message>. After a failover or recovery, see that sessions and orders go on; maintenance is in the stated window.",
		Values: map[string]string{"source": "$.detail.SourceIdentifier", "message": "$.detail.Message"},
	}, b.parent())
}
