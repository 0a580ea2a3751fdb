package valkey

import (
	"fmt"
	"slices"

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

// alarm is one alarm of a cache; where it reads comes on top.
type alarm struct {
	suffix, metric, says string
	statistic            alarms.Statistic
	above                float64
	periods              int
}

// both kinds of cache write these.
func everywhere() []alarm {
	return []alarm{
		{
			suffix: "connections", metric: "CurrConnections", above: mostConnections * nearly, periods: 3,
			says: "The cache is close to its limit of 65,000 connections; beyond, clients are refused. Look for a process " +
				"that opens connections and does not close them; then for more hosts than the plan knows.",
		},
		{
			suffix: "authentication", metric: "AuthenticationFailures", statistic: alarms.Sum, above: 0, periods: 1,
			says: "Somebody failed to sign in to Valkey. Compare the time with deployments: a process with a wrong user or " +
				"clock, or somebody who should not be there.",
		},
		{
			suffix: "commands", metric: "CommandAuthorizationFailures", statistic: alarms.Sum, above: 0, periods: 1,
			says: "A process called a command that its user may not. After a release, a script uses a command that " +
				"components/valkey does not grant; otherwise somebody tries what the process never does.",
		},
		{
			suffix: "keys", metric: "KeyAuthorizationFailures", statistic: alarms.Sum, above: 0, periods: 1,
			says: "A process asked for a key that its user may not see. After a release, a key pattern is missing in " +
				"components/valkey; otherwise somebody reads what the process never does.",
		},
		{
			suffix: "evictions", metric: "Evictions", statistic: alarms.Sum, above: 0, periods: 1,
			says: "The cache drops keys because it is full. Keys of ownership carry no expiry and are not dropped first, but " +
				"there is no room: raise the storage limit or add shards now.",
		},
	}
}

// watchServerless tells of a serverless cache that reaches what it is limited to.
func (b *builder) watchServerless(cache pulumi.StringOutput) error {
	s := b.args.Serverless
	all := append(everywhere(),
		alarm{
			suffix: "throttled", metric: "ThrottledCmds", statistic: alarms.Sum, above: 0, periods: 1,
			says: "Valkey throttles commands: more ECPU a second are asked for than the limit, or than it has grown to. " +
				"Raise valkey.ecpu; before a market's open set a minimum an hour ahead.",
		},
		alarm{
			suffix: "ecpu", metric: "ElastiCacheProcessingUnits", statistic: alarms.Sum, above: float64(s.ECPU) * minute * nearly, periods: 3,
			says: "The cache has used four fifths of its ECPU limit for minutes. Raise valkey.ecpu before commands are throttled.",
		},
		alarm{
			suffix: "memory", metric: "BytesUsedForCache", above: float64(s.StorageGB) * gigabyte * nearly, periods: 3,
			says: "The cache has used four fifths of its storage limit. Raise valkey.storageGB; look for mailboxes or replay " +
				"marks that nobody trims.",
		},
	)
	for _, a := range all {
		if err := b.tell(names.Join(b.name, "serverless", a.suffix), a, alarms.Metric{
			Dimensions: pulumi.StringMap{"clusterId": cache},
		}); err != nil {
			return err
		}
	}
	return nil
}

// watchCluster tells of nodes that are full, busy or behind. An alarm reads ten nodes at most, so that a large cluster
// has several of each.
func (b *builder) watchCluster(id string) error {
	all := append(everywhere(),
		alarm{
			suffix: "cpu", metric: "EngineCPUUtilization", above: busyCore, periods: 5,
			says: "A node's one core for commands is nearly full. If it is the node of the pool's slot, look at the rate of " +
				"beats and claims; a larger node does not help, fewer or cheaper scripts do.",
		},
		alarm{
			suffix: "memory", metric: "DatabaseMemoryUsagePercentage", above: fullMemory, periods: 3,
			says: "A node's memory is three quarters full. A full node refuses new claims: take larger nodes or more shards.",
		},
		alarm{
			suffix: "lag", metric: "ReplicationLag", above: lagSeconds, periods: 3,
			says: "A replica is behind its primary by more than a second. A failover now would lose that much; epochs still " +
				"rise, because their floor is in the database. Look at the primary's load.",
		},
	)
	for _, a := range all {
		batch := 0
		for some := range slices.Chunk(nodes(id, b.args.Cluster.Shards), alarms.MostEach) {
			batch++
			metric := alarms.Metric{}
			for _, node := range some {
				metric.Each = append(metric.Each, pulumi.StringMap{"CacheClusterId": pulumi.String(node)})
			}
			// Numbered also where there is one, so that a cluster that grows keeps the alarms that it has.
			if err := b.tell(b.child(a.suffix, fmt.Sprint(batch)), a, metric); err != nil {
				return err
			}
		}
	}
	return nil
}

// tell makes the alarm. ElastiCache writes every metric each minute, and none of a node or cache that does not exist yet.
func (b *builder) tell(name string, a alarm, at alarms.Metric) error {
	at.Namespace, at.Name, at.Statistic = "AWS/ElastiCache", a.metric, a.statistic
	_, err := b.args.Topic.Alarm(b.ctx, name, alarms.Alarm{
		Says: a.says, Metric: at, Above: a.above, Periods: a.periods, Missing: alarms.NotBreaching,
	}, b.parent())
	return err
}
