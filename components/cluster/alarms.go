package cluster

import (
	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/autoscaling"
	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/ecs"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"workerfleet/components/alarms"
	"workerfleet/components/names"
)

// watch makes a group's alarms: hosts do not come, hosts are ill, there can be no more of them, and tasks wait for
// hosts. A group without hosts writes no data: missing data is good.
func (b *builder) watch(g group, made *autoscaling.Group, provider *ecs.CapacityProvider) error {
	ofGroup := pulumi.StringMap{"AutoScalingGroupName": made.Name}
	for suffix, alarm := range map[string]alarms.Alarm{
		"full": {
			Says: "The group of hosts is at its maximum: what needs more room waits. Look for a jump in users or for hosts " +
				"that do not empty; then raise the maximum in the stack file, and the account's vCPU quota with it.",
			Metric:  alarms.Metric{Namespace: "AWS/AutoScaling", Name: "GroupInServiceInstances", Dimensions: ofGroup},
			Above:   float64(g.hosts.Max) - 1,
			Periods: 3,
		},
		"ill": {
			Says: "A host fails EC2's status checks and is being replaced. If it is not gone after ten minutes, look at its " +
				"system log and end it by hand.",
			Metric: alarms.Metric{Namespace: "AWS/EC2", Name: "StatusCheckFailed", Dimensions: ofGroup}, Above: 0, Periods: 5,
		},
		"short": {
			Says: "Tasks have been waiting for hosts for a quarter of an hour. Look at the group's activity: no capacity of " +
				"the instance type, a quota, or hosts that start and do not join the cluster.",
			Metric: alarms.Metric{
				Namespace: "AWS/ECS/ManagedScaling", Name: "CapacityProviderReservation",
				Dimensions: pulumi.StringMap{"CapacityProviderName": provider.Name, "ClusterName": pulumi.String(b.c.Name)},
			},
			Above: 100, Periods: 15,
		},
	} {
		alarm.Missing = alarms.NotBreaching
		if _, err := b.args.Topic.Alarm(b.ctx, names.Join(g.name, suffix), alarm, b.parent()); err != nil {
			return err
		}
	}
	return b.args.Topic.OnEvent(b.ctx, names.Join(g.name, "refused"), alarms.Event{
		Pattern: pulumi.Map{
			"source":      pulumi.ToStringArray([]string{"aws.autoscaling"}),
			"detail-type": pulumi.ToStringArray([]string{"EC2 Instance Launch Unsuccessful"}),
			"detail":      pulumi.Map{"AutoScalingGroupName": pulumi.StringArray{made.Name}},
		},
		Says:   "EC2 did not launch a host of <group>. The group's activity says why: no capacity of the type, a quota, or the image.",
		Values: map[string]string{"group": "$.detail.AutoScalingGroupName"},
	}, b.parent())
}
