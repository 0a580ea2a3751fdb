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

// graceSeconds is how long a new task may fail the load balancer's checks.
const graceSeconds = 60

// Args describe a service.
type Args struct {
	// Cluster is the cluster's ARN, ClusterName its name.
	Cluster, ClusterName string
	Task                 *task.Task
	// CapacityProvider is where the tasks run.
	CapacityProvider pulumi.StringInput
	// Min tasks run; Max more than Min lets them grow with their load.
	Min, Max int
	// MinHealthy and MaxPercent bound a deployment, in percent of the tasks.
	MinHealthy, MaxPercent int
	// Balanced puts the service behind the load balancer; nil does not.
	Balanced *Balanced
	// CPUPercent is what a growing service's processors are kept at.
	CPUPercent float64
	// After must stand before the service: the cluster's providers, the way out, the listener. It is taken down before
	// them.
	After []pulumi.Resource
	Topic *alarms.Topic
}

// Balanced is the service's place behind the load balancer.
type Balanced struct {
	TargetGroupARN pulumi.StringInput
	// LoadBalancer and TargetGroup are the ARN suffixes by which CloudWatch and the scaling policy know them.
	LoadBalancer, TargetGroup pulumi.StringInput
	Container                 string
	Port                      int
	// RequestsPerMinute is what one task is kept at.
	RequestsPerMinute float64
	// ErrorsPerMinute are the most answers of 500 and above that are still well; more turn a deployment back.
	ErrorsPerMinute float64
}

// Service is a service.
type Service struct {
	pulumi.ResourceState
	Name, ARN pulumi.StringOutput
}

// New makes the service, its scaling and its alarms.
func New(ctx *pulumi.Context, name string, args *Args, opts ...pulumi.ResourceOption) (*Service, error) {
	if err := args.validate(); err != nil {
		return nil, fmt.Errorf("service.Service %q: %w", name, err)
	}
	c := &Service{}
	if err := ctx.RegisterComponentResource("workerfleet:service:Service", name, c, opts...); err != nil {
		return nil, err
	}
	w := watcher{ctx: ctx, topic: args.Topic, name: name, parent: pulumi.Parent(c)}
	service := args.service()
	if args.Balanced != nil {
		errors, err := w.errors(args.Balanced)
		if err != nil {
			return nil, err
		}
		service.Alarms = ecs.ServiceAlarmsArgs{
			AlarmNames: pulumi.StringArray{errors.Name}, Enable: pulumi.Bool(true), Rollback: pulumi.Bool(true),
		}
	}
	options := []pulumi.ResourceOption{pulumi.Parent(c), pulumi.DependsOn(args.After)}
	if args.grows() {
		options = append(options, pulumi.IgnoreChanges([]string{"desiredCount"}))
	}
	made, err := ecs.NewService(ctx, names.Join(name, "service"), service, options...)
	if err != nil {
		return nil, err
	}
	c.Name, c.ARN = made.Name, made.ID().ToStringOutput()
	if args.grows() {
		if err := c.scale(ctx, name, args); err != nil {
			return nil, err
		}
	}
	if err := w.load(args.ClusterName, made.Name); err != nil {
		return nil, err
	}
	if err := w.failures(c.ARN); err != nil {
		return nil, err
	}
	return c, ctx.RegisterResourceOutputs(c, pulumi.Map{"name": c.Name, "arn": c.ARN})
}

func (a *Args) grows() bool { return a.Max > a.Min }

// service is the service's own definition. The engine does not wait for its tasks: a new stack's API is healthy only
// after the first migration, which comes later; a deployment that fails is told of and turned back by ECS.
func (a *Args) service() *ecs.ServiceArgs {
	args := &ecs.ServiceArgs{
		Cluster: pulumi.String(a.Cluster), TaskDefinition: a.Task.ARN, DesiredCount: pulumi.Int(a.Min),
		CapacityProviderStrategies: ecs.ServiceCapacityProviderStrategyArray{ecs.ServiceCapacityProviderStrategyArgs{
			CapacityProvider: a.CapacityProvider, Base: pulumi.Int(0), Weight: pulumi.Int(1),
		}},
		// A changed strategy would otherwise replace the service.
		ForceNewDeployment: pulumi.Bool(true),
		OrderedPlacementStrategies: ecs.ServiceOrderedPlacementStrategyArray{
			ecs.ServiceOrderedPlacementStrategyArgs{Type: pulumi.String("spread"), Field: pulumi.String("attribute:ecs.availability-zone")},
			ecs.ServiceOrderedPlacementStrategyArgs{Type: pulumi.String("spread"), Field: pulumi.String("instanceId")},
		},
		AvailabilityZoneRebalancing:     pulumi.String("ENABLED"),
		DeploymentCircuitBreaker:        breaker(),
		DeploymentMinimumHealthyPercent: pulumi.Int(a.MinHealthy), DeploymentMaximumPercent: pulumi.Int(a.MaxPercent),
		EnableEcsManagedTags: pulumi.Bool(true), PropagateTags: pulumi.String("SERVICE"), EnableExecuteCommand: pulumi.Bool(false),
	}
	if a.Balanced != nil {
		args.LoadBalancers = ecs.ServiceLoadBalancerArray{ecs.ServiceLoadBalancerArgs{
			TargetGroupArn: a.Balanced.TargetGroupARN.ToStringOutput().ToStringPtrOutput(),
			ContainerName:  pulumi.String(a.Balanced.Container), ContainerPort: pulumi.Int(a.Balanced.Port),
		}}
		args.HealthCheckGracePeriodSeconds = pulumi.Int(graceSeconds)
	}
	return args
}

func breaker() ecs.ServiceDeploymentCircuitBreakerPtrInput {
	return ecs.ServiceDeploymentCircuitBreakerArgs{Enable: pulumi.Bool(true), Rollback: pulumi.Bool(true)}
}

func (a *Args) validate() error {
	var problems []error
	refuse := func(format string, values ...any) { problems = append(problems, fmt.Errorf(format, values...)) }
	if a.Cluster == "" || a.ClusterName == "" || a.CapacityProvider == nil {
		refuse("cluster, clusterName and capacityProvider: one is missing; allowed: all stated")
	}
	if a.Task == nil || a.Task.Network != task.Bridge {
		refuse("task: is missing or has an interface of its own; allowed: a task in bridge mode")
	}
	if a.Min < 1 || a.Max < a.Min {
		refuse("min: %d with max %d is not allowed; allowed: 1 ≤ min ≤ max", a.Min, a.Max)
	}
	if a.MinHealthy < 0 || a.MinHealthy > 100 || a.MaxPercent <= 100 {
		refuse("minHealthy: %d with maxPercent %d is not allowed; allowed: 0 to 100 and more than 100", a.MinHealthy, a.MaxPercent)
	}
	if a.grows() && (a.CPUPercent <= 0 || a.CPUPercent >= 100) {
		refuse("cpuPercent: %v is not allowed; allowed: between 0 and 100", a.CPUPercent)
	}
	if b := a.Balanced; b != nil && (b.TargetGroupARN == nil || b.LoadBalancer == nil || b.TargetGroup == nil || b.Container == "" || b.Port < 1 || b.RequestsPerMinute <= 0) {
		refuse("balanced: something is missing; allowed: target group, both suffixes, container, port and requestsPerMinute")
	}
	if a.Topic == nil {
		refuse("topic: is missing; allowed: the stack's alarm topic")
	}
	return errors.Join(problems...)
}
