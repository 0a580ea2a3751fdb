package perimeter

import (
	"errors"
	"fmt"
	"slices"

	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/ec2"
	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/vpc"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"workerfleet/components/names"
	"workerfleet/components/place"
)

// The ports of the two stores.
const (
	ValkeyPort   = 6379
	PostgresPort = 5432
)

// Args say where the groups stand.
type Args struct {
	Place place.Place
	VPC   pulumi.StringInput
	// CIDR is the VPC's block: the stores are reached within it alone.
	CIDR string
}

// Perimeter holds the groups' ids.
type Perimeter struct {
	pulumi.ResourceState
	API, Agent, Function, Migrate pulumi.StringOutput
}

// client is one kind of process: what its group is called, and which stores it may call.
type client struct {
	name, describes string
	id              *pulumi.StringOutput
	ports           []int
}

func (c *Perimeter) clients() []client {
	return []client{
		{"api", "API hosts: api and keeper", &c.API, []int{ValkeyPort, PostgresPort}},
		{"agent", "Agents of the worker hosts", &c.Agent, []int{ValkeyPort}},
		{"function", "Functions", &c.Function, []int{ValkeyPort, PostgresPort}},
		{"migrate", "The task that changes the schema", &c.Migrate, []int{PostgresPort}},
	}
}

// New makes the groups. Each may call AWS and whatever else speaks HTTPS, and the stores that it needs.
func New(ctx *pulumi.Context, name string, args *Args, opts ...pulumi.ResourceOption) (*Perimeter, error) {
	if args.VPC == nil || args.CIDR == "" {
		return nil, fmt.Errorf("perimeter.Perimeter %q: %w", name, errors.New("vpc and cidr: one is missing; allowed: both stated"))
	}
	c := &Perimeter{}
	if err := ctx.RegisterComponentResource("workerfleet:perimeter:Perimeter", name, c, opts...); err != nil {
		return nil, err
	}
	outputs := pulumi.Map{}
	for _, client := range c.clients() {
		id, err := c.group(ctx, names.Join(name, client.name), args, client)
		if err != nil {
			return nil, err
		}
		*client.id = id
		outputs[client.name] = id
	}
	return c, ctx.RegisterResourceOutputs(c, outputs)
}

// group makes one group with its ways out.
func (c *Perimeter) group(ctx *pulumi.Context, name string, args *Args, of client) (pulumi.StringOutput, error) {
	group, err := ec2.NewSecurityGroup(ctx, name, &ec2.SecurityGroupArgs{
		VpcId: args.VPC, Description: pulumi.String(of.describes),
		Tags: pulumi.StringMap{"Name": pulumi.String(names.Join(args.Place.Stack, name))},
	}, pulumi.Parent(c))
	if err != nil {
		return pulumi.StringOutput{}, err
	}
	ways := map[string]vpc.SecurityGroupEgressRuleArgs{
		"https": {CidrIpv4: pulumi.String("0.0.0.0/0"), FromPort: pulumi.Int(443), ToPort: pulumi.Int(443), Description: pulumi.String("HTTPS: AWS services and identity providers")},
	}
	for port, store := range map[int]string{ValkeyPort: "valkey", PostgresPort: "postgres"} {
		if slices.Contains(of.ports, port) {
			ways[store] = vpc.SecurityGroupEgressRuleArgs{CidrIpv4: pulumi.String(args.CIDR), FromPort: pulumi.Int(port), ToPort: pulumi.Int(port), Description: pulumi.String("To " + store + " within the VPC")}
		}
	}
	for way, rule := range ways {
		rule.SecurityGroupId, rule.IpProtocol = group.ID(), pulumi.String("tcp")
		if _, err := vpc.NewSecurityGroupEgressRule(ctx, names.Join(name, way), &rule, pulumi.Parent(c)); err != nil {
			return pulumi.StringOutput{}, err
		}
	}
	return group.ID().ToStringOutput(), nil
}
