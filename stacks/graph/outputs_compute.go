package graph

// computeShapes are the shapes of what runs: hosts, clusters, tasks, functions, and what scales them.
var computeShapes = map[string]shape{
	"aws:autoscaling/group:Group":      {arn: "arn:aws:autoscaling:{region}:{account}:autoScalingGroup:{uuid}:autoScalingGroupName/{name}"},
	"aws:appautoscaling/target:Target": {id: "{resourceId}", arn: "arn:aws:application-autoscaling:{region}:{account}:scalable-target/{hex}"},
	"aws:appautoscaling/policy:Policy": {arn: "arn:aws:autoscaling:{region}:{account}:scalingPolicy:{uuid}:policyName/{name}"},
	"aws:ec2/launchTemplate:LaunchTemplate": {
		id: "lt-{hex}", arn: "arn:aws:ec2:{region}:{account}:launch-template/{id}", numbers: map[string]float64{"latestVersion": 1},
	},
	"aws:ecs/capacityProvider:CapacityProvider": {id: "arn:aws:ecs:{region}:{account}:capacity-provider/{name}", arn: "arn:aws:ecs:{region}:{account}:capacity-provider/{name}"},
	"aws:ecs/cluster:Cluster":                   {id: "arn:aws:ecs:{region}:{account}:cluster/{name}", arn: "arn:aws:ecs:{region}:{account}:cluster/{name}"},
	"aws:ecs/service:Service":                   {id: "arn:aws:ecs:{region}:{account}:service/{name}", arn: "arn:aws:ecs:{region}:{account}:service/{name}"},
	"aws:ecs/taskDefinition:TaskDefinition": {
		id: "{family}", arn: "arn:aws:ecs:{region}:{account}:task-definition/{family}:{revision}",
	},
	"aws:iam/instanceProfile:InstanceProfile":          {arn: "arn:aws:iam::{account}:instance-profile/{name}"},
	"aws:lambda/eventSourceMapping:EventSourceMapping": {id: "{uuid}", arn: "arn:aws:lambda:{region}:{account}:event-source-mapping:{uuid}"},
	"aws:lambda/function:Function":                     {arn: "arn:aws:lambda:{region}:{account}:function:{name}", more: map[string]string{"invokeArn": "arn:aws:apigateway:{region}:lambda:path/2015-03-31/functions/arn:aws:lambda:{region}:{account}:function:{name}/invocations"}},
}
