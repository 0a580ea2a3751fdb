package provider

// computeReplacing is [replacing] for what runs. A task definition's every change is a new revision.
var computeReplacing = map[string][]string{
	"aws:appautoscaling/policy:Policy":                               {"name", "resourceId", "scalableDimension", "serviceNamespace"},
	"aws:appautoscaling/target:Target":                               {"resourceId", "scalableDimension", "serviceNamespace"},
	"aws:autoscaling/group:Group":                                    {"name", "namePrefix", "placementGroup"},
	"aws:autoscaling/lifecycleHook:LifecycleHook":                    {"name", "autoscalingGroupName"},
	"aws:autoscaling/schedule:Schedule":                              {"scheduledActionName", "autoscalingGroupName"},
	"aws:ec2/launchTemplate:LaunchTemplate":                          {"name", "namePrefix"},
	"aws:ecs/accountSettingDefault:AccountSettingDefault":            {"name"},
	"aws:ecs/capacityProvider:CapacityProvider":                      {"name"},
	"aws:ecs/cluster:Cluster":                                        {"name"},
	"aws:ecs/clusterCapacityProviders:ClusterCapacityProviders":      {"clusterName"},
	"aws:ecs/service:Service":                                        {"cluster", "launchType", "name", "schedulingStrategy"},
	"aws:ecs/taskDefinition:TaskDefinition":                          {"containerDefinitions", "cpu", "ephemeralStorage", "executionRoleArn", "family", "ipcMode", "memory", "networkMode", "pidMode", "placementConstraints", "requiresCompatibilities", "runtimePlatform", "taskRoleArn", "volumes"},
	"aws:iam/instanceProfile:InstanceProfile":                        {"name", "namePrefix", "path"},
	"aws:lambda/eventSourceMapping:EventSourceMapping":               {"eventSourceArn", "startingPosition"},
	"aws:lambda/function:Function":                                   {"name", "packageType"},
	"aws:lambda/functionEventInvokeConfig:FunctionEventInvokeConfig": {"functionName", "qualifier"},
	"aws:lambda/permission:Permission":                               {"action", "function", "principal", "sourceArn", "statementId"},
}
