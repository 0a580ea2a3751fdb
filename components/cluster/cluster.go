package cluster

import (
	"fmt"

	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/cloudwatch"
	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/ecs"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"workerfleet/components/names"
)

// execLogDays is how long the record of interactive sessions is kept: a year, as audits ask for.
const execLogDays = 365

// How full the hosts of a provider are kept, in percent. Workers are needed within seconds and a host takes minutes:
// one in ten is ahead of them. API tasks are few and scale by themselves.
const (
	workerTarget = 90
	apiTarget    = 100
)

// builder carries what the steps of New share.
type builder struct {
	ctx  *pulumi.Context
	name string
	args Args
	c    *Cluster

	cluster *ecs.Cluster
}

// New makes the cluster, its hosts and its capacity providers.
func New(ctx *pulumi.Context, name string, args *Args, opts ...pulumi.ResourceOption) (*Cluster, error) {
	if err := args.validate(name); err != nil {
		return nil, fmt.Errorf("cluster.Cluster %q: %w", name, err)
	}
	c := &Cluster{Name: args.Place.Stated(names.Cluster, name)}
	c.ARN = args.Place.ARN("ecs", "cluster/"+c.Name)
	if err := ctx.RegisterComponentResource("workerfleet:cluster:Cluster", name, c, opts...); err != nil {
		return nil, err
	}
	b := &builder{ctx: ctx, name: name, args: *args, c: c}
	if err := b.makeCluster(); err != nil {
		return nil, err
	}
	workers, err := b.makeWorkers()
	if err != nil {
		return nil, err
	}
	api, err := b.makeAPI()
	if err != nil {
		return nil, err
	}
	if err := b.makeProviders(workers, api); err != nil {
		return nil, err
	}
	return c, ctx.RegisterResourceOutputs(c, pulumi.Map{
		"name": pulumi.String(c.Name), "workers": c.Workers, "api": c.API, "workerHosts": c.WorkerHosts,
	})
}

func (b *builder) child(suffix ...string) string {
	return names.Join(append([]string{b.name}, suffix...)...)
}

func (b *builder) parent() pulumi.ResourceOption { return pulumi.Parent(b.c) }

// makeCluster makes the ECS cluster. Container Insights is "enabled" and not "enhanced": series for each of 35,000
// tasks would cost more than the cache. Nothing opens interactive sessions; whoever does, is written down.
func (b *builder) makeCluster() error {
	log, err := cloudwatch.NewLogGroup(b.ctx, b.child("exec"), &cloudwatch.LogGroupArgs{
		KmsKeyId: b.args.LogsKey, RetentionInDays: pulumi.Int(execLogDays),
	}, b.parent())
	if err != nil {
		return err
	}
	b.cluster, err = ecs.NewCluster(b.ctx, b.child("ecs"), &ecs.ClusterArgs{
		Name:     pulumi.String(b.c.Name),
		Settings: ecs.ClusterSettingArray{ecs.ClusterSettingArgs{Name: pulumi.String("containerInsights"), Value: pulumi.String("enabled")}},
		Configuration: ecs.ClusterConfigurationArgs{ExecuteCommandConfiguration: ecs.ClusterConfigurationExecuteCommandConfigurationArgs{
			KmsKeyId: b.args.LogsKey, Logging: pulumi.String("OVERRIDE"),
			LogConfiguration: ecs.ClusterConfigurationExecuteCommandConfigurationLogConfigurationArgs{
				CloudWatchEncryptionEnabled: pulumi.Bool(true), CloudWatchLogGroupName: log.Name,
			},
		}},
	}, b.parent())
	return err
}

// makeProviders makes both capacity providers known to the cluster. There is no default strategy: a daemon would
// inherit it and be refused, and whatever else runs says where. The list refers to the cluster's own name and so is
// taken down before it.
func (b *builder) makeProviders(workers, api *ecs.CapacityProvider) error {
	providers, err := ecs.NewClusterCapacityProviders(b.ctx, b.child("providers"), &ecs.ClusterCapacityProvidersArgs{
		ClusterName: b.cluster.Name, CapacityProviders: pulumi.StringArray{workers.Name, api.Name},
	}, b.parent())
	b.c.Workers, b.c.API = workers.Name, api.Name
	b.c.Ready = []pulumi.Resource{b.cluster, providers}
	return err
}
