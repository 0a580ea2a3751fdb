package valkey

import (
	"maps"
	"slices"

	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/ec2"
	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/elasticache"
	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/vpc"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"workerfleet/components/names"
)

// port is where both kinds of cache listen. Serverless ones read from replicas on the next port, which nobody here does.
const port = 6379

// Daily snapshots, in UTC: at 22:00 no exchange between Tokyo and New York trades.
const (
	snapshotTime   = "22:00"
	snapshotWindow = "22:00-23:00"
	// Saturday evening in Europe, Sunday morning in Asia: no exchange trades anywhere.
	maintenanceWindow = "sat:16:00-sat:17:00"
)

// How many days of snapshots are kept. The index is rebuilt from the agents; snapshots are for looking back.
const (
	snapshotsStrict  = 7
	snapshotsRelaxed = 1
)

// Valkey is the cache that processes use.
type Valkey struct {
	pulumi.ResourceState
	// Endpoint is host:port of the cache in use; Name is what IAM tokens are signed for.
	Endpoint, Name pulumi.StringOutput
	// IsCluster says whether the cache in use is a cluster of nodes; tokens for a serverless one say so.
	IsCluster bool
	// Users by process.
	Users map[string]User

	arns []pulumi.StringInput
}

// builder carries what the steps of New share.
type builder struct {
	ctx  *pulumi.Context
	name string
	args *Args
	c    *Valkey

	group pulumi.StringOutput // the security group
	users pulumi.StringOutput // the user group
}

// New makes the cache, or both while a stack moves from one kind to the other.
func New(ctx *pulumi.Context, name string, args *Args, opts ...pulumi.ResourceOption) (*Valkey, error) {
	if err := args.complete(name); err != nil {
		return nil, err
	}
	c := &Valkey{IsCluster: args.Cluster != nil}
	if err := ctx.RegisterComponentResource("workerfleet:valkey:Valkey", name, c, opts...); err != nil {
		return nil, err
	}
	b := &builder{ctx: ctx, name: name, args: args, c: c}
	// The cluster comes last: where there are both, it is the one in use.
	for _, step := range []func() error{b.makeGroup, b.makeUsers, b.makeServerless, b.makeCluster} {
		if err := step(); err != nil {
			return nil, err
		}
	}
	return c, ctx.RegisterResourceOutputs(c, pulumi.Map{"endpoint": c.Endpoint, "name": c.Name})
}

func (b *builder) parent() pulumi.ResourceOption { return pulumi.Parent(b.c) }

func (b *builder) snapshots() pulumi.Int {
	if b.args.Protection.Protects() {
		return snapshotsStrict
	}
	return snapshotsRelaxed
}

// makeGroup makes the security group of the caches: it admits the clients, one rule each, and lets nothing out.
func (b *builder) makeGroup() error {
	name := names.Join(b.name, "group")
	group, err := ec2.NewSecurityGroup(b.ctx, name, &ec2.SecurityGroupArgs{
		VpcId: b.args.VPC, Description: pulumi.String("Valkey: who owns which worker"),
		Tags: pulumi.StringMap{"Name": pulumi.String(names.Join(b.args.Place.Stack, name))},
	}, b.parent())
	if err != nil {
		return err
	}
	b.group = group.ID().ToStringOutput()
	for _, client := range slices.Sorted(maps.Keys(b.args.Clients)) {
		if _, err := vpc.NewSecurityGroupIngressRule(b.ctx, names.Join(name, client), &vpc.SecurityGroupIngressRuleArgs{
			SecurityGroupId: group.ID(), ReferencedSecurityGroupId: b.args.Clients[client],
			IpProtocol: pulumi.String("tcp"), FromPort: pulumi.Int(port), ToPort: pulumi.Int(port),
			Description: pulumi.String("Valkey from " + client),
		}, b.parent()); err != nil {
			return err
		}
	}
	return nil
}

// makeServerless makes the serverless cache where one is stated. Its name is the provider's: a change of key or subnets
// replaces it, and the new one must stand before the old one goes. It is not protected, so that a stack that has moved to
// a cluster loses it by configuration alone; what it holds is rebuilt (docs/decisions/serverless-cache.md).
func (b *builder) makeServerless() error {
	s := b.args.Serverless
	if s == nil {
		return nil
	}
	cache, err := elasticache.NewServerlessCache(b.ctx, names.Join(b.name, "serverless"), &elasticache.ServerlessCacheArgs{
		Engine: pulumi.String(engine), MajorEngineVersion: pulumi.String(majorVersion),
		Description: pulumi.String(b.args.Place.Stack + ": who owns which worker"),
		CacheUsageLimits: elasticache.ServerlessCacheCacheUsageLimitsArgs{
			DataStorage: elasticache.ServerlessCacheCacheUsageLimitsDataStorageArgs{
				Maximum: pulumi.Int(s.StorageGB), Unit: pulumi.String("GB"),
			},
			EcpuPerSeconds: elasticache.ServerlessCacheCacheUsageLimitsEcpuPerSecondArray{
				elasticache.ServerlessCacheCacheUsageLimitsEcpuPerSecondArgs{Maximum: pulumi.Int(s.ECPU)},
			},
		},
		KmsKeyId: b.args.Key, SecurityGroupIds: pulumi.StringArray{b.group}, SubnetIds: b.args.Subnets, UserGroupId: b.users,
		DailySnapshotTime: pulumi.String(snapshotTime), SnapshotRetentionLimit: b.snapshots(),
	}, b.parent())
	if err != nil {
		return err
	}
	endpoint := cache.Endpoints.Index(pulumi.Int(0))
	b.c.Endpoint = pulumi.Sprintf("%s:%d", endpoint.Address(), endpoint.Port())
	b.c.Name, b.c.arns = cache.Name, append(b.c.arns, cache.Arn)
	return b.watchServerless(cache.Name)
}
