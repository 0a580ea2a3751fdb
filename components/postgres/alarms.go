package postgres

import (
	"fmt"
	"slices"

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
	gigabyte          = 1 << 30
	pinnedConnections = 10
)

// alarm is one alarm of the database.
type alarm struct {
	suffix, metric, says string
	statistic            alarms.Statistic
	above, below         float64
	periods              int
}

// watch tells of instances that are full, busy or behind, and of the volume.
func (b *builder) watch() error {
	class := b.args.Class
	each := []alarm{
		{
			suffix: "cpu", metric: "CPUUtilization", statistic: alarms.Average, above: busyPercent, periods: 5,
			says: "A database instance has been busy for five minutes. Look at Database Insights for the statement that " +
				"takes the time; then at the class.",
		},
		{
			suffix: "memory", metric: "FreeableMemory", statistic: alarms.Average, below: float64(class.MemoryGB * gigabyte / freePart), periods: 5,
			says: "A database instance has less than a tenth of its memory left. Look for many connections or a statement " +
				"that sorts too much; then take a larger class.",
		},
		{
			suffix: "connections", metric: "DatabaseConnections", above: float64(class.MaxConnections * connectionPercent / 100), periods: 3,
			says: "A database instance has four fifths of its connections in use. The proxy keeps them: look for pinned " +
				"connections and long transactions, then for clients that go past the proxy.",
		},
		{
			suffix: "deadlocks", metric: "Deadlocks", above: 0, periods: 1,
			says: "The database ended a transaction because two waited for each other. The log names both statements; it " +
				"was repeated by its caller, but should not happen.",
		},
		{
			suffix: "transactions", metric: "MaximumUsedTransactionIDs", above: transactionIDs, periods: 3,
			says: "The database uses up its transaction numbers: vacuum does not keep up, and at two billion it stops " +
				"writing. End the oldest transaction, then vacuum the oldest table.",
		},
		{
			suffix: "commits", metric: "CommitLatency", statistic: alarms.Average, above: commitMillis, periods: 3,
			says: "Commits take longer than 50 ms. Every claim and every order waits for one. Look at the volume's writes " +
				"and at locks in Database Insights.",
		},
	}
	if len(b.instances) > 1 {
		each = append(each, alarm{
			suffix: "lag", metric: "AuroraReplicaLag", above: lagMillis, periods: 3,
			says: "A reader is more than a second behind the writer. Reads of it are old, and a failover takes longer. Look " +
				"for a long query on the reader.",
		})
	}
	for _, a := range each {
		batch := 0
		for some := range slices.Chunk(b.instances, alarms.MostEach) {
			batch++
			metric := alarms.Metric{}
			for _, member := range some {
				metric.Each = append(metric.Each, pulumi.StringMap{"DBInstanceIdentifier": member.id})
			}
			if err := b.tell(b.child(a.suffix, fmt.Sprint(batch)), a, metric); err != nil {
				return err
			}
		}
	}
	return b.tell(b.child("volume"), alarm{
		suffix: "volume", metric: "VolumeBytesUsed", above: volumeBytes, periods: 1,
		says: "The database's volume has four fifths of Aurora's 128 TiB. Move old orders and audit records out.",
	}, alarms.Metric{Dimensions: pulumi.StringMap{"DBClusterIdentifier": b.cluster}, Seconds: 3_600})
}

// watchProxy tells of clients that wait for a connection, and of those that keep theirs to themselves.
func (b *builder) watchProxy() error {
	for _, a := range []alarm{
		{
			suffix: "borrow", metric: "DatabaseConnectionsBorrowLatency", statistic: alarms.Average, above: borrowMicros, periods: 3,
			says: "Clients wait for more than a second for a connection of the proxy; after ten they are refused. Look for " +
				"pinned connections and long transactions, then at the class of the database.",
		},
		{
			suffix: "pinned", metric: "DatabaseConnectionsCurrentlySessionPinned", above: pinnedConnections, periods: 5,
			says: "Connections of the proxy are pinned to their clients: a statement sets session state. The proxy's log " +
				"names it; such statements belong into migrate.",
		},
		{
			suffix: "refused", metric: "DatabaseConnectionsSetupFailed", statistic: alarms.Sum, above: 0, periods: 3,
			says: "The proxy cannot connect to the database. After a first deployment migrate has not run yet; otherwise " +
				"the role's secret and its password differ: run migrate.",
		},
		{
			suffix: "authentication", metric: "ClientConnectionsSetupFailedAuth", statistic: alarms.Sum, above: 0, periods: 3,
			says: "Clients failed to sign in to the proxy. Compare the time with deployments: a role without rds-db:connect, " +
				"a clock, or somebody who should not be there.",
		},
	} {
		if err := b.tell(b.child("proxy", a.suffix), a, alarms.Metric{Dimensions: pulumi.StringMap{"ProxyName": b.c.ProxyName}}); err != nil {
			return err
		}
	}
	return nil
}

// tell makes the alarm. RDS writes its metrics each minute, and none of what does not exist yet or does not happen.
func (b *builder) tell(name string, a alarm, at alarms.Metric) error {
	at.Namespace, at.Name, at.Statistic = "AWS/RDS", a.metric, a.statistic
	_, err := b.args.Topic.Alarm(b.ctx, name, alarms.Alarm{
		Says: a.says, Metric: at, Above: a.above, Below: a.below, Periods: a.periods, Missing: alarms.NotBreaching,
	}, b.parent())
	return err
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
