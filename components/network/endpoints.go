package network

import (
	"strings"

	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/ec2"
	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/vpc"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"workerfleet/components/names"
)

// Services are the AWS services that private hosts and functions call all day: pulling images, joining the cluster,
// logs, queues, secrets, keys, metrics, tokens, and the Systems Manager by which people reach a host. X-Ray is left to
// NAT: traces are sampled, their traffic does not pay for an endpoint in every zone.
func Services() []string {
	return []string{
		"ec2", "ec2messages", "ecr.api", "ecr.dkr", "ecs", "ecs-agent", "ecs-telemetry", "kms", "logs", "monitoring",
		"secretsmanager", "sqs", "ssm", "ssmmessages", "sts",
	}
}

// makeStorageEndpoint routes S3 around NAT, at no cost: image layers come from there.
func (b *builder) makeStorageEndpoint() error {
	name := b.child("endpoint", "s3")
	endpoint, err := ec2.NewVpcEndpoint(b.ctx, name, &ec2.VpcEndpointArgs{
		VpcId: b.vpc.ID(), VpcEndpointType: pulumi.String("Gateway"),
		ServiceName:   pulumi.String(b.args.Place.Endpoint("s3")),
		RouteTableIds: b.privateTables, Tags: b.tags(name),
	}, b.parent())
	if err != nil {
		return err
	}
	b.needed(endpoint)
	return nil
}

// makeInterfaceEndpoints puts an address of each service into every zone, under the service's own name, open to the
// VPC on 443.
func (b *builder) makeInterfaceEndpoints() error {
	if !b.args.InterfaceEndpoints {
		return nil
	}
	name := b.child("endpoint", "group")
	group, err := ec2.NewSecurityGroup(b.ctx, name, &ec2.SecurityGroupArgs{
		VpcId: b.vpc.ID(), Description: pulumi.String("Interface endpoints of AWS services"), Tags: b.tags(name),
	}, b.parent())
	if err != nil {
		return err
	}
	ingress, err := vpc.NewSecurityGroupIngressRule(b.ctx, names.Join(name, "https"), &vpc.SecurityGroupIngressRuleArgs{
		SecurityGroupId: group.ID(), Description: pulumi.String("HTTPS from within the VPC"),
		CidrIpv4: pulumi.String(b.args.CIDR), IpProtocol: pulumi.String("tcp"), FromPort: pulumi.Int(443), ToPort: pulumi.Int(443),
	}, b.parent())
	if err != nil {
		return err
	}
	b.needed(ingress)
	for _, service := range Services() {
		name := b.child("endpoint", strings.ReplaceAll(service, ".", "-"))
		endpoint, err := ec2.NewVpcEndpoint(b.ctx, name, &ec2.VpcEndpointArgs{
			VpcId: b.vpc.ID(), VpcEndpointType: pulumi.String("Interface"),
			ServiceName: pulumi.String(b.args.Place.Endpoint(service)), PrivateDnsEnabled: pulumi.Bool(true),
			SubnetIds: b.c.PrivateSubnets, SecurityGroupIds: pulumi.StringArray{group.ID().ToStringOutput()}, Tags: b.tags(name),
		}, b.parent())
		if err != nil {
			return err
		}
		b.needed(endpoint)
	}
	return nil
}
