package access_test

import (
	"strings"
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"github.com/stretchr/testify/require"

	"workerfleet/components/access"
	"workerfleet/stacks/graph"
)

func serviceRole(args access.ServiceRoleArgs) pulumi.RunFunc {
	return func(ctx *pulumi.Context) error {
		_, err := access.NewServiceRole(ctx, "flow", &args)
		return err
	}
}

// The role can be taken on by its service for this account only, and does what its policy says.
func TestServiceRole(t *testing.T) {
	g, err := graph.Record(serviceRole(access.ServiceRoleArgs{
		Place: here, Service: "vpc-flow-logs.amazonaws.com", Description: "Writes flow logs.",
		Policy: access.Document{{Sid: "Write", Actions: []string{"logs:PutLogEvents"}, Resources: access.Texts("arn")}},
	}), graph.Run{})
	require.NoError(t, err)
	role := g.OfType("aws:iam/role:Role")[0]
	require.Equal(t, "flow-role", role.Name)
	require.Equal(t, `{"Version":"2012-10-17","Statement":[{"Sid":"TheServiceOnly","Effect":"Allow",`+
		`"Principal":{"Service":["vpc-flow-logs.amazonaws.com"]},"Action":["sts:AssumeRole"],`+
		`"Condition":{"StringEquals":{"aws:SourceAccount":["111122223333"]}}}]}`, role.Text("assumeRolePolicy"))
	policy := g.OfType("aws:iam/rolePolicy:RolePolicy")[0]
	require.Equal(t, role.PhysicalName(), policy.Text("role"))
	require.Contains(t, policy.Text("policy"), "logs:PutLogEvents")
	require.Len(t, g.All(), 3)
}

// All problems of the arguments are reported at once, before anything is registered.
func TestServiceRoleRefuses(t *testing.T) {
	g, err := graph.Record(serviceRole(access.ServiceRoleArgs{Place: here}), graph.Run{})
	require.ErrorContains(t, err, `access.ServiceRole "flow": service: is empty`)
	require.ErrorContains(t, err, "policy: is empty; allowed: at least one statement")
	require.Empty(t, g.All())

	_, err = graph.Record(serviceRole(access.ServiceRoleArgs{
		Place: here, Service: "x", Policy: access.Document{{Sid: "Bad", Principal: access.Account(here), Actions: []string{"a:B"}}},
	}), graph.Run{})
	require.ErrorContains(t, err, "policy: statement Bad names a principal or no resource; allowed: resources and no principal")
}

// EC2 and Lambda never say which account they act for: a condition on it would leave instances and functions without
// their role.
func TestServicesThatNameNoAccount(t *testing.T) {
	for service, conditioned := range map[string]bool{"ec2.amazonaws.com": false, "lambda.amazonaws.com": false, "ecs-tasks.amazonaws.com": true} {
		g, err := graph.Record(serviceRole(access.ServiceRoleArgs{
			Place: here, Service: service, Managed: []string{"arn:aws:iam::aws:policy/Some"},
			Policy: access.Document{
				{Sid: "Do", Actions: []string{"a:B"}, Resources: access.Texts("arn")},
				access.Refusal("Never", []string{"a:C"}, access.Texts("arn"), access.When("Bool", "k", "true")),
			},
		}), graph.Run{})
		require.NoError(t, err)
		trust := g.OfType("aws:iam/role:Role")[0].Text("assumeRolePolicy")
		require.Contains(t, trust, service)
		require.Equal(t, conditioned, strings.Contains(trust, "aws:SourceAccount"), service)
		require.Equal(t, "arn:aws:iam::aws:policy/Some", g.OfType("aws:iam/rolePolicyAttachment:RolePolicyAttachment")[0].Text("policyArn"))
		require.Contains(t, g.OfType("aws:iam/rolePolicy:RolePolicy")[0].Text("policy"),
			`{"Sid":"Never","Effect":"Deny","Action":["a:C"],"Resource":["arn"],"Condition":{"Bool":{"k":["true"]}}}`)
	}
}
