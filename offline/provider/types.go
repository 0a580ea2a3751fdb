package provider

import (
	"reflect"
	"slices"
	"strings"

	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws"
	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/cloudwatch"
	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/ec2"
	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/ecr"
	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/iam"
	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/kms"
	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/sns"
	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/sqs"
	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/vpc"
)

// arguments are the SDK's argument types of every resource type that the provider knows. Type tokens and property
// names are read off these types, so that they cannot drift from the SDK that the program is compiled against.
func arguments() []argument {
	return []argument{
		cloudwatch.EventRuleArgs{},
		cloudwatch.EventTargetArgs{},
		cloudwatch.LogGroupArgs{},
		cloudwatch.MetricAlarmArgs{},
		ec2.DefaultSecurityGroupArgs{},
		ec2.EipArgs{},
		ec2.FlowLogArgs{},
		ec2.InternetGatewayArgs{},
		ec2.NatGatewayArgs{},
		ec2.RouteArgs{},
		ec2.RouteTableArgs{},
		ec2.RouteTableAssociationArgs{},
		ec2.SecurityGroupArgs{},
		ec2.SubnetArgs{},
		ec2.VpcArgs{},
		ec2.VpcEndpointArgs{},
		ecr.LifecyclePolicyArgs{},
		ecr.RepositoryArgs{},
		ecr.RepositoryPolicyArgs{},
		iam.RoleArgs{},
		iam.RolePolicyArgs{},
		iam.RolePolicyAttachmentArgs{},
		kms.AliasArgs{},
		kms.KeyArgs{},
		sns.TopicArgs{},
		sns.TopicPolicyArgs{},
		sns.TopicSubscriptionArgs{},
		sqs.QueueArgs{},
		sqs.QueuePolicyArgs{},
		sqs.RedriveAllowPolicyArgs{},
		vpc.SecurityGroupEgressRuleArgs{},
		vpc.SecurityGroupIngressRuleArgs{},
	}
}

// argument is what every Args struct of the SDK has: the plain struct whose tags carry the property names.
type argument interface {
	ElementType() reflect.Type
}

// Catalogue holds the known resource types and the properties of each.
type Catalogue struct {
	types map[string]*schema
	// settings are the properties of the provider itself.
	settings *schema
}

// NewCatalogue reads the SDK's types.
func NewCatalogue() *Catalogue {
	c := &Catalogue{types: map[string]*schema{}, settings: schemaOf(aws.ProviderArgs{}.ElementType())}
	for _, args := range slices.Concat(arguments(), dataArguments(), computeArguments()) {
		c.types[token(args)] = schemaOf(args.ElementType())
	}
	return c
}

// Types returns the known type tokens, sorted.
func (c *Catalogue) Types() []string {
	types := make([]string, 0, len(c.types))
	for name := range c.types {
		types = append(types, name)
	}
	slices.Sort(types)
	return types
}

// token is the type token of an Args struct: sqs.QueueArgs gives "aws:sqs/queue:Queue". A form of our own says its own.
func token(args argument) string {
	if own, says := args.(interface{ Token() string }); says {
		return own.Token()
	}
	t := reflect.TypeOf(args)
	name := strings.TrimSuffix(t.Name(), "Args")
	module := t.PkgPath()[strings.LastIndexByte(t.PkgPath(), '/')+1:]
	return "aws:" + module + "/" + strings.ToLower(name[:1]) + name[1:] + ":" + name
}
