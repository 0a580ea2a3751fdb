package service

import (
	"errors"
	"fmt"

	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/ecs"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"workerfleet/components/alarms"
	"workerfleet/components/names"
	"workerfleet/components/task"
)

// DaemonArgs describe a task that runs on every host of a kind.
type DaemonArgs struct {
	Cluster, ClusterName string
	Task                 *task.Task
	// Attribute and Value are what the hosts carry.
	Attribute, Value string
	// Subnets and SecurityGroup are the task's own interface.
	Subnets       pulumi.StringArray
	SecurityGroup pulumi.StringInput
	// MinHealthy is how many of the hosts keep their task during a deployment, in percent. AWS's default is none.
	MinHealthy int
	After      []pulumi.Resource
	Topic      *alarms.Topic
}

// Daemon is a service with one task a host.
type Daemon struct {
	pulumi.ResourceState
	Name, ARN pulumi.StringOutput
}

// NewDaemon makes the service. It states its launch type: a daemon takes no capacity provider, and a cluster's default
// strategy would be inherited and refused.
func NewDaemon(ctx *pulumi.Context, name string, args *DaemonArgs, opts ...pulumi.ResourceOption) (*Daemon, error) {
	if err := args.validate(); err != nil {
		return nil, fmt.Errorf("service.Daemon %q: %w", name, err)
	}
	c := &Daemon{}
	if err := ctx.RegisterComponentResource("workerfleet:service:Daemon", name, c, opts...); err != nil {
		return nil, err
	}
	made, err := ecs.NewService(ctx, names.Join(name, "service"), &ecs.ServiceArgs{
		Cluster: pulumi.String(args.Cluster), TaskDefinition: args.Task.ARN,
		SchedulingStrategy: pulumi.String("DAEMON"), LaunchType: pulumi.String("EC2"),
		PlacementConstraints: ecs.ServicePlacementConstraintArray{ecs.ServicePlacementConstraintArgs{
			Type: pulumi.String("memberOf"), Expression: pulumi.String("attribute:" + args.Attribute + " == " + args.Value),
		}},
		NetworkConfiguration: ecs.ServiceNetworkConfigurationArgs{
			AssignPublicIp: pulumi.Bool(false), Subnets: args.Subnets, SecurityGroups: pulumi.StringArray{args.SecurityGroup},
		},
		DeploymentCircuitBreaker:        breaker(),
		DeploymentMinimumHealthyPercent: pulumi.Int(args.MinHealthy), DeploymentMaximumPercent: pulumi.Int(100),
		EnableEcsManagedTags: pulumi.Bool(true), PropagateTags: pulumi.String("SERVICE"), EnableExecuteCommand: pulumi.Bool(false),
	}, pulumi.Parent(c), pulumi.DependsOn(args.After))
	if err != nil {
		return nil, err
	}
	c.Name, c.ARN = made.Name, made.ID().ToStringOutput()
	w := watcher{ctx: ctx, topic: args.Topic, name: name, parent: pulumi.Parent(c)}
	if err := w.load(args.ClusterName, made.Name); err != nil {
		return nil, err
	}
	if err := w.failures(c.ARN); err != nil {
		return nil, err
	}
	return c, ctx.RegisterResourceOutputs(c, pulumi.Map{"name": c.Name, "arn": c.ARN})
}

func (a *DaemonArgs) validate() error {
	var problems []error
	refuse := func(format string, values ...any) { problems = append(problems, fmt.Errorf(format, values...)) }
	if a.Cluster == "" || a.ClusterName == "" || a.Attribute == "" || a.Value == "" {
		refuse("cluster, clusterName, attribute and value: one is missing; allowed: all stated")
	}
	if a.Task == nil || a.Task.Network != task.Own {
		refuse("task: is missing or shares its host's interface; allowed: a task with an interface of its own")
	}
	if len(a.Subnets) == 0 || a.SecurityGroup == nil {
		refuse("subnets and securityGroup: one is missing; allowed: both stated")
	}
	if a.MinHealthy < 1 || a.MinHealthy > 99 {
		refuse("minHealthy: %d is not allowed; allowed: 1 to 99, because a host's task stops before its next one starts", a.MinHealthy)
	}
	if a.Topic == nil {
		refuse("topic: is missing; allowed: the stack's alarm topic")
	}
	return errors.Join(problems...)
}
