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

// watch tells of users who get no answer, a late one, or a refusal. Both services write a metric only while there is
// something to count.
func (b *builder) watch() error {
	balancer := func(name string, statistic alarms.Statistic) alarms.Metric {
		return alarms.Metric{
			Namespace: "AWS/ApplicationELB", Name: name, Statistic: statistic, Dimensions: pulumi.StringMap{"LoadBalancer": b.c.BalancerSuffix},
		}
	}
	targets := func(name string, statistic alarms.Statistic) alarms.Metric {
		metric := balancer(name, statistic)
		metric.Dimensions["TargetGroup"] = b.c.TargetGroupSuffix
		return metric
	}
	for suffix, alarm := range map[string]alarms.Alarm{
		"errors": {
			Says: "The load balancer answers users with errors of its own: no task is healthy, or they close connections. " +
				"Look at the targets' health and at the last deployment.",
			Metric: balancer("HTTPCode_ELB_5XX_Count", alarms.Sum), Above: failures, Periods: 2,
		},
		"target-errors": {
			Says:   "The API answers with errors. Its log says which; then look at Valkey, the database and the last deployment.",
			Metric: targets("HTTPCode_Target_5XX_Count", alarms.Sum), Above: failures, Periods: 2,
		},
		"unhealthy": {
			Says:   "A task of the API has not been ready for five minutes. Ask /readyz of it: the answer names what it waits for.",
			Metric: targets("UnHealthyHostCount", alarms.Maximum), Above: 0, Periods: 5,
		},
		"rejected": {
			Says: "The load balancer rejected connections because it had no more. Reserve capacity for it before the next " +
				"market's open; look at the web ACL for an attack.",
			Metric: balancer("RejectedConnectionCount", alarms.Sum), Above: 0, Periods: 1,
		},
		"latency": {
			Says: "One answer in a hundred takes longer than a second. Compare claims, Valkey and the database on the dashboard: " +
				"one of them is slow.",
			Metric: targets("TargetResponseTime", alarms.P99), Above: slowSeconds, Periods: 5,
		},
		"blocked": {
			Says: "The web ACL blocks far more than it usually does. Its log names rule and addresses: if they are users, the rule " +
				"is wrong and is set to count; if not, it does what it is there for.",
			Metric: alarms.Metric{
				Namespace: "AWS/WAFV2", Name: "BlockedRequests", Statistic: alarms.Sum, Seconds: rateWindow, Dimensions: pulumi.StringMap{
					"WebACL": pulumi.String(b.c.WebACL), "Region": pulumi.String(b.args.Place.Region), "Rule": pulumi.String("ALL"),
				},
			},
			Above: blockedSpike, Periods: 1,
		},
	} {
		alarm.Missing = alarms.NotBreaching
		if _, err := b.args.Topic.Alarm(b.ctx, b.child(suffix), alarm, b.parent()); err != nil {
			return err
		}
	}
	return nil
}
