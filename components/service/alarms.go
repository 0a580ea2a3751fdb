package service

import (
	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/cloudwatch"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"workerfleet/components/alarms"
	"workerfleet/components/names"
)

// busyPercent of a reservation, for a quarter of an hour, is more than a service should need.
const busyPercent = 90

// watcher makes a service's alarms.
type watcher struct {
	ctx    *pulumi.Context
	topic  *alarms.Topic
	name   string
	parent pulumi.ResourceOption
}

// errors alarms on answers of 500 and above. It stands before the service, which a deployment reads it for.
func (w watcher) errors(b *Balanced) (*cloudwatch.MetricAlarm, error) {
	return w.topic.Alarm(w.ctx, names.Join(w.name, "errors"), alarms.Alarm{
		Says: "The API answers with errors of its own. During a deployment ECS goes back to the version before; else look at " +
			"the log for the first error, then at the cache and the database.",
		Metric: alarms.Metric{
			Namespace: "AWS/ApplicationELB", Name: "HTTPCode_Target_5XX_Count", Statistic: alarms.Sum,
			Dimensions: pulumi.StringMap{"LoadBalancer": b.LoadBalancer, "TargetGroup": b.TargetGroup},
		},
		Above: b.ErrorsPerMinute, Periods: 3, Missing: alarms.NotBreaching,
	}, w.parent)
}

// load alarms when the tasks use more than they reserve for long. A service writes no data while it has no task:
// that is told by failures.
func (w watcher) load(cluster string, service pulumi.StringInput) error {
	for suffix, metric := range map[string]string{"processors": "CPUUtilization", "memory": "MemoryUtilization"} {
		if _, err := w.topic.Alarm(w.ctx, names.Join(w.name, suffix), alarms.Alarm{
			Says: "The tasks have been using nearly all of their reservation for a quarter of an hour. Look for a jump in " +
				"load or a leak; restart the service if it is a leak, and raise the number of tasks if it is load.",
			Metric: alarms.Metric{
				Namespace: "AWS/ECS", Name: metric, Statistic: alarms.Average,
				Dimensions: pulumi.StringMap{"ClusterName": pulumi.String(cluster), "ServiceName": service},
			},
			Above: busyPercent, Periods: 15, Missing: alarms.NotBreaching,
		}, w.parent); err != nil {
			return err
		}
	}
	return nil
}

// failures tells of deployments that failed and of tasks that find no room or do not start.
func (w watcher) failures(service pulumi.StringInput) error {
	return w.topic.OnEvent(w.ctx, names.Join(w.name, "failed"), alarms.Event{
		Pattern: pulumi.Map{
			"source":      pulumi.ToStringArray([]string{"aws.ecs"}),
			"detail-type": pulumi.ToStringArray([]string{"ECS Deployment State Change", "ECS Service Action"}),
			"resources":   pulumi.StringArray{service},
			"detail": pulumi.Map{"eventName": pulumi.ToStringArray([]string{
				"SERVICE_DEPLOYMENT_FAILED", "SERVICE_TASK_CONFIGURATION_FAILURE", "SERVICE_TASK_PLACEMENT_FAILURE", "SERVICE_TASK_START_IMPAIRED",
			})},
		},
		Says: "ECS says <what> of " + w.name + ": <why>. A failed deployment has gone back by itself; tasks without room " +
			"need hosts, and tasks that do not start say why in their log.",
		Values: map[string]string{"what": "$.detail.eventName", "why": "$.detail.reason"},
	}, w.parent)
}
