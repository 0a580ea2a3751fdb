package valkey

import (
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"workerfleet/components/alarms"
	"workerfleet/components/names"
)

// Bounds of the alarms.
const (
	// mostConnections is the limit of a node and of a serverless cache alike (facts ec.node.conn, ec.sls.maxclients).
	mostConnections = 65_000
	// nearly is the share of a limit at which people are told: there is time to act before it is reached.
	nearly = 0.8
	// Scripts run on one core, which is full at 100 %; from 75 % on queues form.
	busyCore = 75
	// Of a node's memory a quarter is ElastiCache's own reserve for failover and snapshots.
	fullMemory = 75
	// A replica that lags by more than this loses as much at a failover.
	lagSeconds = 1
	minute     = 60
	gigabyte   = 1 << 30
)

// metric is a metric of ElastiCache, which writes all of them each minute, and none of what does not exist yet.
func metric(name string, statistic alarms.Statistic) alarms.Metric {
	return alarms.Metric{Namespace: "AWS/ElastiCache", Name: name, Statistic: statistic}
}

// everywhere are the alarms that both kinds of cache have, by suffix.
func everywhere() map[string]alarms.Alarm {
	return map[string]alarms.Alarm{
		"connections": {
			Says: "The cache is close to its limit of 65,000 connections; beyond, clients are refused. Look for a process " +
				"that opens connections and does not close them; then for more hosts than the plan knows.",
			Metric: metric("CurrConnections", alarms.Maximum), Above: mostConnections * nearly, Periods: 3,
		},
		"authentication": {
			Says: "Somebody failed to sign in to Valkey. Compare the time with deployments: a process with a wrong user or " +
				"clock, or somebody who should not be there.",
			Metric: metric("AuthenticationFailures", alarms.Sum), Above: 0, Periods: 1,
		},
		"commands": {
			Says: "A process called a command that its user may not. After a release, a script uses a command that " +
				"components/valkey does not grant; otherwise somebody tries what the process never does.",
			Metric: metric("CommandAuthorizationFailures", alarms.Sum), Above: 0, Periods: 1,
		},
		"keys": {
			Says: "A process asked for a key that its user may not see. After a release, a key pattern is missing in " +
				"components/valkey; otherwise somebody reads what the process never does.",
			Metric: metric("KeyAuthorizationFailures", alarms.Sum), Above: 0, Periods: 1,
		},
		"evictions": {
			Says: "The cache drops keys because it is full. Keys of ownership carry no expiry and are not dropped first, but " +
				"there is no room: raise the storage limit or add shards now.",
			Metric: metric("Evictions", alarms.Sum), Above: 0, Periods: 1,
		},
	}
}

// watchServerless tells of a serverless cache that reaches what it is limited to.
func (b *builder) watchServerless(cache pulumi.StringOutput) error {
	s, all := b.args.Serverless, everywhere()
	all["throttled"] = alarms.Alarm{
		Says: "Valkey throttles commands: more ECPU a second are asked for than the limit, or than it has grown to. " +
			"Raise valkey.ecpu; before a market's open set a minimum an hour ahead.",
		Metric: metric("ThrottledCmds", alarms.Sum), Above: 0, Periods: 1,
	}
	all["ecpu"] = alarms.Alarm{
		Says: "The cache has used four fifths of its ECPU limit for minutes. Raise valkey.ecpu before commands are throttled.",
		// The metric adds up a minute; the limit is for a second.
		Metric: metric("ElastiCacheProcessingUnits", alarms.Sum), Above: float64(s.ECPU) * minute * nearly, Periods: 3,
	}
	all["memory"] = alarms.Alarm{
		Says: "The cache has used four fifths of its storage limit. Raise valkey.storageGB; look for mailboxes or replay " +
			"marks that nobody trims.",
		Metric: metric("BytesUsedForCache", alarms.Maximum), Above: float64(s.StorageGB) * gigabyte * nearly, Periods: 3,
	}
	for suffix, alarm := range all {
		alarm.Missing, alarm.Metric.Dimensions = alarms.NotBreaching, pulumi.StringMap{"clusterId": cache}
		if _, err := b.args.Topic.Alarm(b.ctx, names.Join(b.name, "serverless", suffix), alarm, b.parent()); err != nil {
			return err
		}
	}
	return nil
}

// watchCluster tells of nodes that are full, busy or behind.
func (b *builder) watchCluster(id string) error {
	all := everywhere()
	all["cpu"] = alarms.Alarm{
		Says: "A node's one core for commands is nearly full. If it is the node of the pool's slot, look at the rate of " +
			"beats and claims; a larger node does not help, fewer or cheaper scripts do.",
		Metric: metric("EngineCPUUtilization", alarms.Maximum), Above: busyCore, Periods: 5,
	}
	all["memory"] = alarms.Alarm{
		Says:   "A node's memory is three quarters full. A full node refuses new claims: take larger nodes or more shards.",
		Metric: metric("DatabaseMemoryUsagePercentage", alarms.Maximum), Above: fullMemory, Periods: 3,
	}
	all["lag"] = alarms.Alarm{
		Says: "A replica is behind its primary by more than a second. A failover now would lose that much; epochs still " +
			"rise, because their floor is in the database. Look at the primary's load.",
		Metric: metric("ReplicationLag", alarms.Maximum), Above: lagSeconds, Periods: 3,
	}
	var each []pulumi.StringMap
	for _, node := range nodes(id, b.args.Cluster.Shards) {
		each = append(each, pulumi.StringMap{"CacheClusterId": pulumi.String(node)})
	}
	for suffix, alarm := range all {
		alarm.Missing = alarms.NotBreaching
		if err := b.args.Topic.AlarmOfAll(b.ctx, b.child(suffix), alarm, each, b.parent()); err != nil {
			return err
		}
	}
	return nil
}
