package network

import (
	"strings"

	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/ec2"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"workerfleet/components/names"
)

// Network is the VPC with its subnets and its ways out.
type Network struct {
	pulumi.ResourceState
	VPC  pulumi.StringOutput
	CIDR string
	// PublicSubnets and PrivateSubnets are subnet ids, in the order of the zones.
	PublicSubnets, PrivateSubnets pulumi.StringArray
	// Egress is everything that must stand before a private host reaches AWS or a broker: hosts and services that are
	// made earlier fail at their start and are replaced until it does.
	Egress []pulumi.Resource
}

// builder carries what the steps of New share.
type builder struct {
	ctx  *pulumi.Context
	name string
	args Args
	c    *Network

	vpc             *ec2.Vpc
	gateway         *ec2.InternetGateway
	public, private []*ec2.Subnet
	// privateTables are the ids of the private route tables, one a zone.
	privateTables pulumi.StringArray
}

// New makes the network.
func New(ctx *pulumi.Context, name string, args *Args, opts ...pulumi.ResourceOption) (*Network, error) {
	a, subnets, err := args.complete(name)
	if err != nil {
		return nil, err
	}
	c := &Network{CIDR: a.CIDR}
	if err := ctx.RegisterComponentResource("workerfleet:network:Network", name, c, opts...); err != nil {
		return nil, err
	}
	b := &builder{ctx: ctx, name: name, args: a, c: c}
	for _, step := range []func() error{
		b.makeVPC,
		func() error { return b.makeSubnets(subnets) },
		b.makeWayOut,
		b.makeStorageEndpoint,
		b.makeInterfaceEndpoints,
		b.makeFlowLog,
	} {
		if err := step(); err != nil {
			return nil, err
		}
	}
	return c, ctx.RegisterResourceOutputs(c, pulumi.Map{
		"vpc": c.VPC, "publicSubnets": c.PublicSubnets, "privateSubnets": c.PrivateSubnets,
	})
}

// child is the name of a child.
func (b *builder) child(suffix ...string) string {
	return names.Join(append([]string{b.name}, suffix...)...)
}

// tags give a resource the name that the console's lists show. The stack's other tags come from the provider.
func (b *builder) tags(child string) pulumi.StringMap {
	return pulumi.StringMap{"Name": pulumi.String(names.Join(b.args.Place.Stack, child))}
}

// parent is the option of every child.
func (b *builder) parent() pulumi.ResourceOption { return pulumi.Parent(b.c) }

// letter is what tells a zone from the others of its region: "a" of ap-southeast-1a.
func (b *builder) letter(i int) string {
	return strings.TrimPrefix(b.args.Zones[i], b.args.Place.Region)
}

// makeVPC makes the VPC, empties its default security group – whoever states none gets no connection instead of all –
// and opens it to the internet.
func (b *builder) makeVPC() (err error) {
	name := b.child("vpc")
	b.vpc, err = ec2.NewVpc(b.ctx, name, &ec2.VpcArgs{
		CidrBlock: pulumi.String(b.args.CIDR),
		// Private names of interface endpoints need both.
		EnableDnsSupport: pulumi.Bool(true), EnableDnsHostnames: pulumi.Bool(true),
		Tags: b.tags(name),
	}, b.parent())
	if err != nil {
		return err
	}
	b.c.VPC = b.vpc.ID().ToStringOutput()
	name = b.child("default-group")
	if _, err = ec2.NewDefaultSecurityGroup(b.ctx, name, &ec2.DefaultSecurityGroupArgs{
		VpcId: b.vpc.ID(), Tags: b.tags(name),
	}, b.parent()); err != nil {
		return err
	}
	name = b.child("gateway")
	b.gateway, err = ec2.NewInternetGateway(b.ctx, name, &ec2.InternetGatewayArgs{VpcId: b.vpc.ID(), Tags: b.tags(name)}, b.parent())
	return err
}

// makeSubnets makes a public and a private subnet in every zone. No subnet gives public addresses out: load balancer
// and NAT gateways bring their own.
func (b *builder) makeSubnets(blocks []Subnets) error {
	for i, block := range blocks {
		public, err := b.subnet(b.child("public", b.letter(i)), block.Public.String(), i)
		if err != nil {
			return err
		}
		private, err := b.subnet(b.child("private", b.letter(i)), block.Private.String(), i)
		if err != nil {
			return err
		}
		b.public, b.private = append(b.public, public), append(b.private, private)
		b.c.PublicSubnets = append(b.c.PublicSubnets, public.ID().ToStringOutput())
		b.c.PrivateSubnets = append(b.c.PrivateSubnets, private.ID().ToStringOutput())
	}
	return nil
}

func (b *builder) subnet(name, block string, zone int) (*ec2.Subnet, error) {
	return ec2.NewSubnet(b.ctx, name, &ec2.SubnetArgs{
		VpcId: b.vpc.ID(), CidrBlock: pulumi.String(block), AvailabilityZone: pulumi.String(b.args.Zones[zone]),
		MapPublicIpOnLaunch: pulumi.Bool(false), Tags: b.tags(name),
	}, b.parent())
}
