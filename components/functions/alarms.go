package functions

import (
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"workerfleet/components/alarms"
)

// longShare of the timeout is too long: the next slow call would be cut off.
const longShare = 0.8

// watch makes the function's alarms. A function that nothing calls writes no data, which is good of a queue's consumer;
// one that the clock calls must write some every minute.
func (b *builder) watch() error {
	metric := func(name string, statistic alarms.Statistic) alarms.Metric {
		return alarms.Metric{Namespace: "AWS/Lambda", Name: name, Statistic: statistic, Dimensions: pulumi.StringMap{"FunctionName": b.c.Name}}
	}
	for suffix, alarm := range map[string]alarms.Alarm{
		"errors": {
			Says: "The function has failed in three minutes running. Look into its log for the first error; a queue's " +
				"messages come again, and go to its dead-letter queue after five times.",
			Metric: metric("Errors", alarms.Sum), Periods: 3,
		},
		"throttles": {
			Says: "The function was wanted more often at once than its reserve allows, five minutes running. Work waits in " +
				"its queue; raise lambda.concurrency in the stack file if it stays.",
			Metric: metric("Throttles", alarms.Sum), Periods: 5,
		},
		"duration": {
			Says: "A call takes nearly as long as the function may run. Look in its traces for what it waits for: the " +
				"database, the cache, or AWS.",
			Metric: metric("Duration", alarms.Maximum), Above: float64(b.args.TimeoutSeconds) * 1000 * longShare, Periods: 3,
		},
		"undelivered": {
			Says:   "Lambda could not keep what the function failed at: it is lost. Check the queue of failures and its key.",
			Metric: metric("DeadLetterErrors", alarms.Sum), Periods: 1,
		},
	} {
		alarm.Missing = alarms.NotBreaching
		if _, err := b.args.Topic.Alarm(b.ctx, b.child(suffix), alarm, b.parent()); err != nil {
			return err
		}
	}
	if b.args.Schedule == "" {
		return nil
	}
	// A pass that runs has its duration as data; the threshold is never passed. What sounds is that there is none.
	_, err := b.args.Topic.Alarm(b.ctx, b.child("stopped"), alarms.Alarm{
		Says: "The clock has not started the function for five minutes. The keeper does the same work; check the rule, its " +
			"permission and the account's Lambda concurrency before the keeper has a bad day too.",
		Metric: metric("Duration", alarms.Minimum), Above: longestSeconds * 1000, Periods: 5, Missing: alarms.Breaching,
	}, b.parent())
	return err
}
