package service

import (
	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/appautoscaling"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"workerfleet/components/names"
)

// How long a scaling waits for the effect of the one before it, in seconds: out soon, in slowly.
const (
	outSeconds = 60
	inSeconds  = 300
)

// scale lets the service follow its load: processors, and behind the load balancer requests. Whichever asks for more
// tasks decides.
func (c *Service) scale(ctx *pulumi.Context, name string, a *Args) error {
	target, err := appautoscaling.NewTarget(ctx, names.Join(name, "scaling"), &appautoscaling.TargetArgs{
		MinCapacity: pulumi.Int(a.Min), MaxCapacity: pulumi.Int(a.Max), ServiceNamespace: pulumi.String("ecs"),
		ScalableDimension: pulumi.String("ecs:service:DesiredCount"), ResourceId: pulumi.Sprintf("service/%s/%s", a.ClusterName, c.Name),
	}, pulumi.Parent(c))
	if err != nil {
		return err
	}
	metrics := map[string]appautoscaling.PolicyTargetTrackingScalingPolicyConfigurationArgs{
		"processors": {
			TargetValue: pulumi.Float64(a.CPUPercent),
			PredefinedMetricSpecification: appautoscaling.PolicyTargetTrackingScalingPolicyConfigurationPredefinedMetricSpecificationArgs{
				PredefinedMetricType: pulumi.String("ECSServiceAverageCPUUtilization"),
			},
		},
	}
	if b := a.Balanced; b != nil {
		metrics["requests"] = appautoscaling.PolicyTargetTrackingScalingPolicyConfigurationArgs{
			TargetValue: pulumi.Float64(b.RequestsPerMinute),
			PredefinedMetricSpecification: appautoscaling.PolicyTargetTrackingScalingPolicyConfigurationPredefinedMetricSpecificationArgs{
				PredefinedMetricType: pulumi.String("ALBRequestCountPerTarget"), ResourceLabel: pulumi.Sprintf("%s/%s", b.LoadBalancer, b.TargetGroup),
			},
		}
	}
	for suffix, tracking := range metrics {
		tracking.ScaleOutCooldown, tracking.ScaleInCooldown = pulumi.Int(outSeconds), pulumi.Int(inSeconds)
		if _, err := appautoscaling.NewPolicy(ctx, names.Join(name, "scaling", suffix), &appautoscaling.PolicyArgs{
			PolicyType: pulumi.String("TargetTrackingScaling"), ServiceNamespace: target.ServiceNamespace,
			ScalableDimension: target.ScalableDimension, ResourceId: target.ResourceId,
			TargetTrackingScalingPolicyConfiguration: tracking,
		}, pulumi.Parent(c)); err != nil {
			return err
		}
	}
	return nil
}
