package stacks

import (
	"fmt"
	"time"

	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/ssm"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"workerfleet/components/cluster"
	"workerfleet/components/edge"
	"workerfleet/components/protection"
	"workerfleet/components/queues"
	"workerfleet/components/registry"
	"workerfleet/components/watch"
	"workerfleet/components/workers"
)

// How long before the open the worker hosts stand, and how long after the close they stay. Costs are planned with the
// same hours.
const (
	beforeOpen = time.Hour
	afterClose = time.Hour
)

// once is the stack file's word for making what exists once in an account.
const once = "create"

// computeGround is what the compute half is built on: the data half's ground, and what that has made.
type computeGround struct {
	dataGround
	data   *dataParts
	work   map[string]*queues.Queue
	images *registry.Registry
}

// computeParts are what runs.
type computeParts struct {
	cluster *cluster.Cluster
	workers *workers.Workers
	// migration is how a release runs the migration before it deploys.
	migration pulumi.Map
	// roles are those that tasks run under, as a release hands them on.
	roles []pulumi.StringInput
	may   permissions
	reads environments
}

// newCompute makes the hosts, the worker's definition and the services.
func newCompute(ctx *pulumi.Context, cfg Config, on computeGround) (*computeParts, error) {
	c := &computeParts{}
	if cfg.Account.ECSSettings == once {
		if _, err := cluster.NewSettings(ctx, "ecs-settings", on.through); err != nil {
			return nil, err
		}
	}
	hosts, err := newCluster(ctx, cfg, on)
	if err != nil {
		return nil, err
	}
	c.cluster = hosts
	c.reads = environments{
		cfg: cfg, stack: ctx.Stack(), data: on.data, queues: map[string]pulumi.StringInput{}, key: on.keys.Credentials,
		cluster: hosts.Name, provider: hosts.Workers,
	}
	for name, queue := range on.work {
		c.reads.queues[name] = queue.URL
	}
	c.workers, err = workers.New(ctx, "workers", &workers.Args{
		Place: on.place, Architecture: cfg.Architecture, Image: on.artifacts.image("worker", on.images),
		CPU: cfg.Workers.CPU, MemorySoft: cfg.Workers.MemorySoft, MemoryHard: cfg.Workers.MemoryHard,
		Environment: c.reads.worker(), LogsKey: on.keys.Logs,
	}, on.through)
	if err != nil {
		return nil, err
	}
	c.reads.definition = c.workers.Task.ARN
	c.roles = append(c.roles, c.workers.Task.ExecutionRole)
	c.may = permissions{place: on.place, data: on.data, keys: on.keys, work: on.work, cluster: hosts, workers: c.workers}
	return c, c.newServices(ctx, cfg, on)
}

// newCluster makes the cluster with both groups of hosts.
func newCluster(ctx *pulumi.Context, cfg Config, on computeGround) (*cluster.Cluster, error) {
	plan := cfg.Plan
	workerImage, err := imageOf(ctx, cfg.AMIParameter(cfg.Workers.AMI), on)
	if err != nil {
		return nil, err
	}
	apiImage := workerImage
	if cfg.API.AMI != cfg.Workers.AMI {
		if apiImage, err = imageOf(ctx, cfg.AMIParameter(cfg.API.AMI), on); err != nil {
			return nil, err
		}
	}
	return cluster.New(ctx, "cluster", &cluster.Args{
		Place: on.place, Protection: protection.Level(cfg.Protection), VPC: on.network.VPC, CIDR: on.network.CIDR,
		Subnets: on.network.PrivateSubnets, Egress: on.network.Egress, VolumesKey: on.keys.Compute, LogsKey: on.keys.Logs,
		APIGroup: on.clients.API, Balancer: cluster.Balancer{Group: on.data.EdgeGroup, FirstPort: edge.FirstPort, LastPort: edge.LastPort},
		Workers: cluster.Hosts{
			Image: workerImage, InstanceType: cfg.Workers.InstanceType, FallbackType: cfg.Workers.FallbackType,
			Min: cfg.Workers.MinInstances, Max: cfg.Workers.MaxInstances, VolumeGB: plan.Workers.VolumeGB,
		},
		API: cluster.Hosts{
			Image: apiImage, InstanceType: cfg.API.InstanceType, Min: cfg.API.Instances, Max: plan.API.MaxInstances, VolumeGB: plan.API.VolumeGB,
		},
		Calendar: cluster.Calendar{
			TimeZone: cfg.Market.TimeZone, Open: cfg.Market.Open, Close: cfg.Market.Close,
			Lead: beforeOpen, Tail: afterClose, Hosts: cfg.Workers.Instances,
		},
		Tags: tags(ctx.Stack(), cfg), Topic: on.topic,
	}, on.through)
}

// imageOf asks AWS for the id of a released image.
func imageOf(ctx *pulumi.Context, parameter string, on computeGround) (string, error) {
	found, err := ssm.LookupParameter(ctx, &ssm.LookupParameterArgs{Name: parameter}, pulumi.Provider(on.provider))
	if err != nil {
		return "", fmt.Errorf("ask AWS for the image %s: %w", parameter, err)
	}
	return found.Value, nil
}

// watched is what the watch shows and gathers of what runs: what users feel, and what runs full.
func (c *computeParts) watched() watchParts {
	cluster := pulumi.StringMap{"ClusterName": pulumi.String(c.cluster.Name)}
	ofCluster := func(metric, statistic, label string) watch.Series {
		return watch.Series{Namespace: "ECS/ContainerInsights", Name: metric, Dimensions: cluster, Statistic: statistic, Label: label}
	}
	hosts := func(provider pulumi.StringInput, label string) watch.Series {
		return watch.Series{
			Namespace: "AWS/ECS/ManagedScaling", Name: "CapacityProviderReservation", Statistic: "Average", Label: label,
			Dimensions: pulumi.StringMap{"ClusterName": pulumi.String(c.cluster.Name), "CapacityProviderName": provider},
		}
	}
	return watchParts{
		users: []string{
			"api-errors", "function-*-errors", "function-*-stopped", "function-failures-depth", "vitals-claims-*", "vitals-recovery-slow",
			"vitals-hold", "vitals-orders-*", "vitals-beats-stopped",
		},
		capacity: []string{"cluster-*-full", "cluster-*-short", "function-*-throttles", "api-processors", "api-memory", "keeper-*", "vitals-limits", "vitals-no-capacity"},
		sections: []watch.Section{{Title: "Hosts and tasks", Graphs: []watch.Graph{
			{Title: "Hosts in use, percent of those there are", Series: []watch.Series{hosts(c.cluster.Workers, "worker hosts"), hosts(c.cluster.API, "API hosts")}},
			{Title: "Hosts and tasks", Series: []watch.Series{ofCluster("ContainerInstanceCount", "Average", "hosts"), ofCluster("TaskCount", "Average", "tasks")}},
		}}},
	}
}
