package edge

import (
	"maps"
	"slices"

	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/ec2"
	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/lb"
	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/shield"
	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/vpc"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"workerfleet/components/names"
)

// Tasks in bridge mode are given a port by their host: the range of Linux and Docker together.
const (
	FirstPort = 32_768
	LastPort  = 65_535
)

// Edge is the load balancer with what stands before it.
type Edge struct {
	pulumi.ResourceState
	// URL is the API's address.
	URL string
	// TargetGroup is the ARN of the group that tasks register with; Listener must stand before a service may name it.
	TargetGroup pulumi.StringOutput
	Listener    pulumi.Resource
	// Group is the load balancer's security group, which the API's hosts admit on FirstPort to LastPort.
	Group pulumi.StringOutput
	// BalancerSuffix and TargetGroupSuffix are what metrics call the two.
	BalancerSuffix, TargetGroupSuffix pulumi.StringOutput
	// WebACL is the name that metrics call the web ACL by.
	WebACL string
}

// builder carries what the steps of New share.
type builder struct {
	ctx  *pulumi.Context
	name string
	args Args
	c    *Edge

	logs        pulumi.StringOutput // the bucket's name, known when it takes logs
	certificate pulumi.StringOutput
	balancer    *lb.LoadBalancer
	targets     *lb.TargetGroup
}

// New makes the edge.
func New(ctx *pulumi.Context, name string, args *Args, opts ...pulumi.ResourceOption) (*Edge, error) {
	a, err := args.complete(name)
	if err != nil {
		return nil, err
	}
	c := &Edge{URL: "https://" + a.Domain, WebACL: a.Place.Stated(names.WebACL, name)}
	if err := ctx.RegisterComponentResource("workerfleet:edge:Edge", name, c, opts...); err != nil {
		return nil, err
	}
	b := &builder{ctx: ctx, name: name, args: a, c: c}
	for _, step := range []func() error{
		b.makeGroup, b.makeLogs, b.makeBalancer, b.makeCertificate, b.makeTargets, b.makeListeners, b.makeRecords,
		b.makeWebACL, b.makeShield, b.watch,
	} {
		if err := step(); err != nil {
			return nil, err
		}
	}
	return c, ctx.RegisterResourceOutputs(c, pulumi.Map{"url": pulumi.String(c.URL), "targetGroup": c.TargetGroup})
}

func (b *builder) parent() pulumi.ResourceOption { return pulumi.Parent(b.c) }

func (b *builder) child(suffix ...string) string {
	return names.Join(append([]string{b.name}, suffix...)...)
}

// makeGroup makes the load balancer's security group: anybody comes in on 80 and 443, and nothing goes out but to the
// API's hosts.
func (b *builder) makeGroup() error {
	name := b.child("group")
	group, err := ec2.NewSecurityGroup(b.ctx, name, &ec2.SecurityGroupArgs{
		VpcId: b.args.VPC, Description: pulumi.String("Load balancer of the API"),
		Tags: pulumi.StringMap{"Name": pulumi.String(names.Join(b.args.Place.Stack, name))},
	}, b.parent())
	if err != nil {
		return err
	}
	b.c.Group = group.ID().ToStringOutput()
	for way, port := range map[string]int{"http": 80, "https": 443} {
		if _, err := vpc.NewSecurityGroupIngressRule(b.ctx, names.Join(name, way), &vpc.SecurityGroupIngressRuleArgs{
			SecurityGroupId: group.ID(), CidrIpv4: pulumi.String("0.0.0.0/0"), IpProtocol: pulumi.String("tcp"),
			FromPort: pulumi.Int(port), ToPort: pulumi.Int(port), Description: pulumi.String("Users and webhooks by " + way),
		}, b.parent()); err != nil {
			return err
		}
	}
	for _, target := range slices.Sorted(maps.Keys(b.args.Targets)) {
		if _, err := vpc.NewSecurityGroupEgressRule(b.ctx, names.Join(name, target), &vpc.SecurityGroupEgressRuleArgs{
			SecurityGroupId: group.ID(), ReferencedSecurityGroupId: b.args.Targets[target], IpProtocol: pulumi.String("tcp"),
			FromPort: pulumi.Int(FirstPort), ToPort: pulumi.Int(LastPort), Description: pulumi.String("Tasks on the hosts of " + target),
		}, b.parent()); err != nil {
			return err
		}
	}
	return nil
}

// makeShield protects the load balancer where the organisation has the subscription.
func (b *builder) makeShield() error {
	if !b.args.Shield {
		return nil
	}
	_, err := shield.NewProtection(b.ctx, b.child("shield"), &shield.ProtectionArgs{
		Name: pulumi.String(b.c.WebACL), ResourceArn: b.balancer.Arn,
	}, b.parent())
	return err
}
