package edge

import (
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"workerfleet/components/alarms"
)

// Bounds of the alarms, for one minute unless said otherwise.
const (
	// A few failures a minute are broken connections of users; more are ours.
	failures = 10
	// slowSeconds is the answer that one in a hundred waits longer for. A claim of a warm worker takes milliseconds.
	slowSeconds = 1
	// blockedSpike is an attack, or a rule that has begun to block users. In five minutes.
	blockedSpike = 5_000
)

// alarm is one alarm of the edge.
type alarm struct {
	suffix, metric, says string
	statistic            alarms.Statistic
	above                float64
	periods              int
	targets              bool // the metric is the target group's
}

// watch tells of users who get no answer, a late one, or a refusal.
func (b *builder) watch() error {
	for _, a := range []alarm{
		{
			suffix: "errors", metric: "HTTPCode_ELB_5XX_Count", statistic: alarms.Sum, above: failures, periods: 2,
			says: "The load balancer answers users with errors of its own: no task is healthy, or they close connections. " +
				"Look at the targets' health and at the last deployment.",
		},
		{
			suffix: "target-errors", metric: "HTTPCode_Target_5XX_Count", statistic: alarms.Sum, above: failures, periods: 2, targets: true,
			says: "The API answers with errors. Its log says which; then look at Valkey, the database and the last deployment.",
		},
		{
			suffix: "unhealthy", metric: "UnHealthyHostCount", above: 0, periods: 5, targets: true,
			says: "A task of the API has not been ready for five minutes. Ask /readyz of it: the answer names what it waits for.",
		},
		{
			suffix: "rejected", metric: "RejectedConnectionCount", statistic: alarms.Sum, above: 0, periods: 1,
			says: "The load balancer rejected connections because it had no more. Reserve capacity for it before the next " +
				"market's open; look at the web ACL for an attack.",
		},
		{
			suffix: "latency", metric: "TargetResponseTime", statistic: alarms.P99, above: slowSeconds, periods: 5, targets: true,
			says: "One answer in a hundred takes longer than a second. Compare claims, Valkey and the database on the dashboard: " +
				"one of them is slow.",
		},
	} {
		dimensions := pulumi.StringMap{"LoadBalancer": b.c.BalancerSuffix}
		if a.targets {
			dimensions["TargetGroup"] = b.c.TargetGroupSuffix
		}
		if err := b.tell(a, alarms.Metric{Namespace: "AWS/ApplicationELB", Dimensions: dimensions}); err != nil {
			return err
		}
	}
	return b.tell(alarm{
		suffix: "blocked", metric: "BlockedRequests", statistic: alarms.Sum, above: blockedSpike, periods: 1,
		says: "The web ACL blocks far more than it usually does. Its log names rule and addresses: if they are users, the rule " +
			"is wrong and is set to count; if not, it does what it is there for.",
	}, alarms.Metric{Namespace: "AWS/WAFV2", Seconds: rateWindow, Dimensions: pulumi.StringMap{
		"WebACL": pulumi.String(b.c.WebACL), "Region": pulumi.String(b.args.Place.Region), "Rule": pulumi.String("ALL"),
	}})
}

// tell makes the alarm. Both services write a metric only while there is something to count.
func (b *builder) tell(a alarm, at alarms.Metric) error {
	at.Name, at.Statistic = a.metric, a.statistic
	_, err := b.args.Topic.Alarm(b.ctx, b.child(a.suffix), alarms.Alarm{
		Says: a.says, Metric: at, Above: a.above, Periods: a.periods, Missing: alarms.NotBreaching,
	}, b.parent())
	return err
}
