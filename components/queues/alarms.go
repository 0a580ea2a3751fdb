package queues

import (
	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/sqs"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"workerfleet/components/alarms"
	"workerfleet/components/names"
)

// mostInFlight is how many received and not yet deleted messages a FIFO queue holds; more are not handed out and nobody
// gets an error (https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/quotas-fifo.html). The
// alarm comes at 80 %.
const (
	mostInFlight  = 120_000
	inFlightShare = 0.8
)

// watch makes the queue's alarms. Each reads a metric that SQS writes every minute while the queue is in use and not at
// all while it lies idle, so that missing data is good.
func (c *Queue) watch(ctx *pulumi.Context, name string, queue, dead *sqs.Queue, a Args) error {
	metric := func(q *sqs.Queue, metricName string) alarms.Metric {
		return alarms.Metric{Namespace: "AWS/SQS", Name: metricName, Dimensions: pulumi.StringMap{"QueueName": q.Name}}
	}
	for suffix, alarm := range map[string]alarms.Alarm{
		"dead-depth": {
			Says: "A message failed too often and lies in the dead-letter queue. Read it and the consumer's log for its " +
				"message id; redrive it when the cause is gone.",
			Metric: metric(dead, "ApproximateNumberOfMessagesVisible"), Above: 0, Periods: 1,
		},
		"age": {
			Says: "The oldest message has waited for too long. Look for a message group that keeps failing, then for " +
				"throttles and errors of the consumer.",
			Metric: metric(queue, "ApproximateAgeOfOldestMessage"), Above: float64(a.OldestSeconds), Periods: 3,
		},
		"in-flight": {
			Says: "The queue is close to the most messages that SQS keeps in flight; beyond, it hands out none and reports " +
				"no error. Look for consumers that receive and do not delete.",
			Metric: metric(queue, "ApproximateNumberOfMessagesNotVisible"), Above: mostInFlight * inFlightShare, Periods: 1,
		},
	} {
		alarm.Missing = alarms.NotBreaching
		if _, err := a.Topic.Alarm(ctx, names.Join(name, suffix), alarm, pulumi.Parent(c)); err != nil {
			return err
		}
	}
	return nil
}
