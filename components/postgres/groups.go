package postgres

import (
	"maps"
	"slices"

	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/ec2"
	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/vpc"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"workerfleet/components/names"
)

// makeGroups makes the two security groups: clients reach the proxy, the proxy and migrate reach the cluster, and
// nothing else is let in or out.
func (b *builder) makeGroups() (err error) {
	if b.proxyGroup, err = b.group("proxy-group", "Database proxy"); err != nil {
		return err
	}
	if b.clusterGroup, err = b.group("cluster-group", "Database cluster"); err != nil {
		return err
	}
	for _, client := range slices.Sorted(maps.Keys(b.args.Clients)) {
		if _, err := b.admit(b.child("proxy-group", client), b.proxyGroup, b.args.Clients[client], "PostgreSQL from "+client); err != nil {
			return err
		}
	}
	door, err := b.admit(b.child("cluster-group", "proxy"), b.clusterGroup, b.proxyGroup, "PostgreSQL from the proxy")
	if err != nil {
		return err
	}
	b.c.Ready = append(b.c.Ready, door)
	if _, err := b.admit(b.child("cluster-group", "migrate"), b.clusterGroup, b.args.Migrate, "PostgreSQL from migrate"); err != nil {
		return err
	}
	_, err = vpc.NewSecurityGroupEgressRule(b.ctx, b.child("proxy-group", "cluster"), &vpc.SecurityGroupEgressRuleArgs{
		SecurityGroupId: b.proxyGroup, ReferencedSecurityGroupId: b.clusterGroup, IpProtocol: pulumi.String("tcp"),
		FromPort: pulumi.Int(Port), ToPort: pulumi.Int(Port), Description: pulumi.String("PostgreSQL to the cluster"),
	}, b.parent())
	return err
}

func (b *builder) group(suffix, describes string) (pulumi.StringOutput, error) {
	name := b.child(suffix)
	group, err := ec2.NewSecurityGroup(b.ctx, name, &ec2.SecurityGroupArgs{
		VpcId: b.args.VPC, Description: pulumi.String(describes),
		Tags: pulumi.StringMap{"Name": pulumi.String(names.Join(b.args.Place.Stack, name))},
	}, b.parent())
	if err != nil {
		return pulumi.StringOutput{}, err
	}
	return group.ID().ToStringOutput(), nil
}

func (b *builder) admit(name string, into, from pulumi.StringInput, describes string) (pulumi.Resource, error) {
	return vpc.NewSecurityGroupIngressRule(b.ctx, name, &vpc.SecurityGroupIngressRuleArgs{
		SecurityGroupId: into, ReferencedSecurityGroupId: from, IpProtocol: pulumi.String("tcp"),
		FromPort: pulumi.Int(Port), ToPort: pulumi.Int(Port), Description: pulumi.String(describes),
	}, b.parent())
}
