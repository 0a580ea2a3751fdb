package provider

import (
	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/appautoscaling"
	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/autoscaling"
	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/ec2"
	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/ecs"
	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/iam"
	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/lambda"
)

// computeArguments are the argument types of what runs: hosts, clusters, tasks, functions, and what scales them.
func computeArguments() []argument {
	return []argument{
		appautoscaling.PolicyArgs{},
		appautoscaling.TargetArgs{},
		autoscaling.GroupArgs{},
		autoscaling.LifecycleHookArgs{},
		autoscaling.ScheduleArgs{},
		ec2.LaunchTemplateArgs{},
		ecs.AccountSettingDefaultArgs{},
		ecs.CapacityProviderArgs{},
		ecs.ClusterArgs{},
		ecs.ClusterCapacityProvidersArgs{},
		ecs.ServiceArgs{},
		ecs.TaskDefinitionArgs{},
		iam.InstanceProfileArgs{},
		lambda.EventSourceMappingArgs{},
		lambda.FunctionArgs{},
		lambda.FunctionEventInvokeConfigArgs{},
		lambda.PermissionArgs{},
	}
}
