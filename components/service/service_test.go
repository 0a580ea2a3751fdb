package service_test

import (
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"github.com/stretchr/testify/require"

	"workerfleet/components/alarms"
	"workerfleet/components/place"
	"workerfleet/components/service"
	"workerfleet/components/task"
	"workerfleet/stacks/graph"
)

var here = place.Place{Stack: "tier-1k", Account: "111122223333", Region: "ap-southeast-1"}

func balanced() service.Args {
	return service.Args{
		Cluster: "cluster-arn", ClusterName: "tier-1k-cluster", CapacityProvider: pulumi.String("api-hosts"), Min: 10, Max: 15,
		MinHealthy: 100, MaxPercent: 200, CPUPercent: 70,
		Balanced: &service.Balanced{
			TargetGroupARN: pulumi.String("group-arn"), LoadBalancer: pulumi.String("app/lb/1"), TargetGroup: pulumi.String("targetgroup/tg/2"),
			Container: "api", Port: 8443, RequestsPerMinute: 1000, ErrorsPerMinute: 10,
		},
	}
}

// with runs what the test makes of a topic and a task.
func with(t *testing.T, network task.Network, make func(*pulumi.Context, *alarms.Topic, *task.Task) error) (*graph.Graph, error) {
	t.Helper()
	return graph.Record(func(ctx *pulumi.Context) error {
		topic, err := alarms.NewTopic(ctx, "alarms", &alarms.Args{Place: here, Key: pulumi.String("key-arn")})
		if err != nil {
			return err
		}
		made, err := task.New(ctx, "task", &task.Args{
			Place: here, Network: network, Architecture: "x86_64", LogsKey: pulumi.String("logs-key"),
			Containers: []task.Container{{Name: "api", Image: task.Image{Reference: pulumi.String("image")}, CPU: 1, MemorySoft: 6, MemoryHard: 6, User: 1}},
		})
		if err != nil {
			return err
		}
		return make(ctx, topic, made)
	}, graph.Run{})
}

func record(t *testing.T, args service.Args) *graph.Graph {
	t.Helper()
	g, err := with(t, task.Bridge, func(ctx *pulumi.Context, topic *alarms.Topic, made *task.Task) error {
		args.Topic, args.Task = topic, made
		_, err := service.New(ctx, "api", &args)
		return err
	})
	require.NoError(t, err)
	return g
}

func named(t *testing.T, g *graph.Graph, name string) graph.Resource {
	t.Helper()
	for _, r := range g.All() {
		if r.Name == name && r.Custom {
			return r
		}
	}
	require.Fail(t, "no resource is called "+name)
	return graph.Resource{}
}

// The API rolls without losing a task, goes back by itself when tasks do not start or answer with errors, spreads over
// the zones, and is called by TLS on the port that Docker chose.
func TestBalancedService(t *testing.T) {
	g := record(t, balanced())
	made := named(t, g, "api-service")
	require.Equal(t, map[string]any{
		"cluster": "cluster-arn", "taskDefinition": named(t, g, "task-definition").Outputs["arn"], "desiredCount": 10.0,
		"capacityProviderStrategies": []any{map[string]any{"capacityProvider": "api-hosts", "base": 0.0, "weight": 1.0}},
		"forceNewDeployment":         true, "availabilityZoneRebalancing": "ENABLED",
		"orderedPlacementStrategies": []any{
			map[string]any{"type": "spread", "field": "attribute:ecs.availability-zone"}, map[string]any{"type": "spread", "field": "instanceId"},
		},
		"deploymentCircuitBreaker":        map[string]any{"enable": true, "rollback": true},
		"deploymentMinimumHealthyPercent": 100.0, "deploymentMaximumPercent": 200.0,
		"alarms":               map[string]any{"alarmNames": []any{"tier-1k-api-errors"}, "enable": true, "rollback": true},
		"enableEcsManagedTags": true, "propagateTags": "SERVICE", "enableExecuteCommand": false,
		"loadBalancers":                 []any{map[string]any{"targetGroupArn": "group-arn", "containerName": "api", "containerPort": 8443.0}},
		"healthCheckGracePeriodSeconds": 60.0,
	}, made.Inputs)
	require.Equal(t, []string{"desiredCount"}, made.Options.IgnoreChanges)
}

// It follows its processors and its requests, out within a minute, in within five.
func TestScaling(t *testing.T) {
	g := record(t, balanced())
	id := "service/tier-1k-cluster/" + named(t, g, "api-service").PhysicalName()
	require.Equal(t, map[string]any{
		"minCapacity": 10.0, "maxCapacity": 15.0, "serviceNamespace": "ecs", "scalableDimension": "ecs:service:DesiredCount", "resourceId": id,
	}, named(t, g, "api-scaling").Inputs)
	for suffix, want := range map[string]map[string]any{
		"processors": {"targetValue": 70.0, "predefinedMetricSpecification": map[string]any{"predefinedMetricType": "ECSServiceAverageCPUUtilization"}},
		"requests": {"targetValue": 1000.0, "predefinedMetricSpecification": map[string]any{
			"predefinedMetricType": "ALBRequestCountPerTarget", "resourceLabel": "app/lb/1/targetgroup/tg/2",
		}},
	} {
		want["scaleOutCooldown"], want["scaleInCooldown"] = 60.0, 300.0
		policy := named(t, g, "api-scaling-"+suffix)
		require.Equal(t, want, policy.Value("targetTrackingScalingPolicyConfiguration"))
		require.Equal(t, id, policy.Text("resourceId"))
	}
}

// A service of a fixed number of tasks has no scaling, and its number is the program's.
func TestFixedService(t *testing.T) {
	args := balanced()
	args.Min, args.Max, args.Balanced = 2, 2, nil
	g := record(t, args)
	require.Empty(t, g.OfType("aws:appautoscaling/target:Target"))
	made := named(t, g, "api-service")
	require.Empty(t, made.Options.IgnoreChanges)
	for _, absent := range []string{"loadBalancers", "alarms", "launchType", "networkConfiguration", "healthCheckGracePeriodSeconds"} {
		require.NotContains(t, made.Inputs, absent)
	}
}

// Failed deployments, tasks without room, and tasks that are too busy are told of.
func TestAlarms(t *testing.T) {
	g := record(t, balanced())
	made := named(t, g, "api-service")
	for suffix, metric := range map[string]string{"processors": "CPUUtilization", "memory": "MemoryUtilization"} {
		alarm := named(t, g, "api-"+suffix)
		require.Equal(t, metric, alarm.Text("metricName"))
		require.Equal(t, map[string]any{"ClusterName": "tier-1k-cluster", "ServiceName": made.PhysicalName()}, alarm.Value("dimensions"))
	}
	require.Equal(t, map[string]any{"LoadBalancer": "app/lb/1", "TargetGroup": "targetgroup/tg/2"}, named(t, g, "api-errors").Value("dimensions"))
	rule := named(t, g, "api-failed")
	require.Contains(t, rule.Text("eventPattern"), made.Outputs["id"])
	require.Contains(t, rule.Text("eventPattern"), "SERVICE_DEPLOYMENT_FAILED")
}

// A daemon states its launch type, where it runs and how many tasks stay up; it has no count, no strategy and no
// placement strategy, which AWS would refuse.
func TestDaemon(t *testing.T) {
	g, err := with(t, task.Own, func(ctx *pulumi.Context, topic *alarms.Topic, made *task.Task) error {
		_, err := service.NewDaemon(ctx, "agent", &service.DaemonArgs{
			Cluster: "cluster-arn", ClusterName: "tier-1k-cluster", Task: made, Attribute: "fleet.role", Value: "worker",
			Subnets: pulumi.ToStringArray([]string{"a", "b"}), SecurityGroup: pulumi.String("sg-agent"), MinHealthy: 66, Topic: topic,
		})
		return err
	})
	require.NoError(t, err)
	require.Equal(t, map[string]any{
		"cluster": "cluster-arn", "taskDefinition": named(t, g, "task-definition").Outputs["arn"], "schedulingStrategy": "DAEMON", "launchType": "EC2",
		"placementConstraints":     []any{map[string]any{"type": "memberOf", "expression": "attribute:fleet.role == worker"}},
		"networkConfiguration":     map[string]any{"assignPublicIp": false, "subnets": []any{"a", "b"}, "securityGroups": []any{"sg-agent"}},
		"deploymentCircuitBreaker": map[string]any{"enable": true, "rollback": true}, "deploymentMinimumHealthyPercent": 66.0, "deploymentMaximumPercent": 100.0,
		"enableEcsManagedTags": true, "propagateTags": "SERVICE", "enableExecuteCommand": false,
	}, named(t, g, "agent-service").Inputs)
	require.Contains(t, named(t, g, "agent-failed").Text("eventPattern"), named(t, g, "agent-service").Outputs["id"])
}

// Every wrong argument is named at once, and no service is registered.
func TestRefuses(t *testing.T) {
	g, err := with(t, task.Own, func(ctx *pulumi.Context, _ *alarms.Topic, made *task.Task) error {
		_, err := service.New(ctx, "api", &service.Args{Task: made, Min: 2, Max: 1, MaxPercent: 100, Balanced: &service.Balanced{}})
		return err
	})
	for _, problem := range []string{
		`service.Service "api": cluster, clusterName and capacityProvider: one is missing`, "task: is missing or has an interface of its own",
		"min: 2 with max 1 is not allowed; allowed: 1 ≤ min ≤ max", "minHealthy: 0 with maxPercent 100 is not allowed", "balanced: something is missing", "topic: is missing",
	} {
		require.ErrorContains(t, err, problem)
	}
	require.Empty(t, g.OfType("aws:ecs/service:Service"))
	_, err = with(t, task.Bridge, func(ctx *pulumi.Context, topic *alarms.Topic, made *task.Task) error {
		args := balanced()
		args.CPUPercent, args.Topic, args.Task = 100, topic, made
		_, err := service.New(ctx, "api", &args)
		return err
	})
	require.ErrorContains(t, err, "cpuPercent: 100 is not allowed; allowed: between 0 and 100")
	_, err = with(t, task.Bridge, func(ctx *pulumi.Context, _ *alarms.Topic, made *task.Task) error {
		_, err := service.NewDaemon(ctx, "agent", &service.DaemonArgs{Task: made})
		return err
	})
	for _, problem := range []string{
		`service.Daemon "agent": cluster, clusterName, attribute and value: one is missing`, "task: is missing or shares its host's interface",
		"subnets and securityGroup: one is missing", "minHealthy: 0 is not allowed; allowed: 1 to 99", "topic: is missing",
	} {
		require.ErrorContains(t, err, problem)
	}
}
