package access

import (
	"errors"
	"fmt"
	"strconv"

	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/iam"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"workerfleet/components/names"
	"workerfleet/components/place"
)

// ServiceRoleArgs describe what an AWS service may do in the stack's name.
type ServiceRoleArgs struct {
	Place place.Place
	// Service may take the role on for this account's resources, such as vpc-flow-logs.amazonaws.com.
	Service string
	// Description says what the service does with the role.
	Description string
	// Policy is everything that the role may do, but for what the managed policies add.
	Policy Document
	// Managed are ARNs of policies that AWS keeps up to date for agents of its own, such as the Systems Manager's.
	Managed []string
}

// ServiceRole is a role that one AWS service takes on.
type ServiceRole struct {
	pulumi.ResourceState
	Arn, Name pulumi.StringOutput
}

// NewServiceRole makes a role that only its service can take on, and only for resources of this account.
func NewServiceRole(ctx *pulumi.Context, name string, args *ServiceRoleArgs, opts ...pulumi.ResourceOption) (*ServiceRole, error) {
	if err := args.validate(name); err != nil {
		return nil, fmt.Errorf("access.ServiceRole %q: %w", name, err)
	}
	c := &ServiceRole{}
	if err := ctx.RegisterComponentResource("workerfleet:access:ServiceRole", name, c, opts...); err != nil {
		return nil, err
	}
	trust := Document{{Sid: "TheServiceOnly", Principal: taker(args.Place, args.Service), Actions: []string{"sts:AssumeRole"}}}
	role, err := iam.NewRole(ctx, names.Join(name, "role"), &iam.RoleArgs{
		Description:      pulumi.String(args.Description),
		AssumeRolePolicy: trust.JSON(),
	}, pulumi.Parent(c))
	if err != nil {
		return nil, err
	}
	_, err = iam.NewRolePolicy(ctx, names.Join(name, "policy"), &iam.RolePolicyArgs{
		Role: role.Name, Policy: args.Policy.JSON(),
	}, pulumi.Parent(c))
	if err != nil {
		return nil, err
	}
	for i, arn := range args.Managed {
		if _, err = iam.NewRolePolicyAttachment(ctx, names.Join(name, "managed", strconv.Itoa(i+1)), &iam.RolePolicyAttachmentArgs{
			Role: role.Name, PolicyArn: pulumi.String(arn),
		}, pulumi.Parent(c)); err != nil {
			return nil, err
		}
	}
	c.Arn, c.Name = role.Arn, role.Name
	return c, ctx.RegisterResourceOutputs(c, pulumi.Map{"arn": c.Arn, "name": c.Name})
}

func (a *ServiceRoleArgs) validate(name string) error {
	var problems []error
	if err := names.Fits(names.Role, names.Join(name, "role")); err != nil {
		problems = append(problems, err)
	}
	if a.Service == "" {
		problems = append(problems, errors.New("service: is empty; allowed: a service principal such as vpc-flow-logs.amazonaws.com"))
	}
	if len(a.Policy) == 0 {
		problems = append(problems, errors.New("policy: is empty; allowed: at least one statement"))
	}
	for _, s := range a.Policy {
		if s.Principal.kind != "" || len(s.Resources) == 0 {
			problems = append(problems, fmt.Errorf("policy: statement %s names a principal or no resource; allowed: resources and no principal", s.Sid))
		}
	}
	return errors.Join(problems...)
}
