package access_test

import (
	"testing"

	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/iam"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"github.com/stretchr/testify/require"

	"workerfleet/components/access"
	"workerfleet/components/place"
	"workerfleet/stacks/graph"
)

var here = place.Place{Stack: "test", Account: "111122223333", Region: "ap-southeast-1"}

// A document of plain values is a plain text, in the same order every time, and every principal brings its conditions.
// Whether AWS grants what the text says is not shown here.
func TestPlainDocument(t *testing.T) {
	document := access.Document{
		{
			Sid: "Send", Principal: access.Service(here, "sqs.amazonaws.com"), Actions: []string{"sqs:SendMessage"},
			Resources:  access.Texts("*"),
			Conditions: []access.Condition{access.When("StringEquals", "aws:RequestedRegion", "a", "b")},
		},
		access.EncryptedOnly([]string{"sqs:*"}, pulumi.String("*")),
	}
	const want = `{"Version":"2012-10-17","Statement":[` +
		`{"Sid":"Send","Effect":"Allow","Principal":{"Service":["sqs.amazonaws.com"]},"Action":["sqs:SendMessage"],"Resource":["*"],` +
		`"Condition":{"StringEquals":{"aws:RequestedRegion":["a","b"],"aws:SourceAccount":["111122223333"]}}},` +
		`{"Sid":"EncryptedConnectionsOnly","Effect":"Deny","Principal":{"AWS":["*"]},"Action":["sqs:*"],"Resource":["*"],` +
		`"Condition":{"Bool":{"aws:SecureTransport":["false"]}}}]}`
	require.Equal(t, pulumi.String(want), document.JSON())
	require.Equal(t, document.JSON(), document.JSON())
}

// Every principal that stands for more than one known identity carries what ties it to this account; the one that
// cannot is named so.
func TestPrincipalsAreTied(t *testing.T) {
	for want, principal := range map[string]access.Principal{
		`"Principal":{"AWS":["arn:aws:iam::111122223333:root"]}`: access.Account(here),
		`"Condition":{"ArnEquals":{"aws:PrincipalArn":["arn:aws:iam::111122223333:role/aws-service-role/x"]},"StringEquals":{"aws:PrincipalAccount":["111122223333"]}}`: access.RoleByName(here, "aws-service-role/x"),
		`"Condition":{"ArnLike":{"aws:SourceArn":["arn:aws:events:ap-southeast-1:111122223333:rule/*"]}}`:                                                               access.EventRules(here),
		`"Condition":{"StringEquals":{"aws:SourceAccount":["111122223333"]}}`:                                                                                           access.Service(here, "logs.amazonaws.com"),
	} {
		text := access.Document{{Sid: "S", Principal: principal, Actions: []string{"a:B"}, Resources: access.Texts("*")}}.JSON()
		require.Contains(t, string(text.(pulumi.String)), want)
	}
	open := access.Document{{Principal: access.EventRulesToTopic(), Actions: []string{"a:B"}, Resources: access.Texts("*")}}.JSON()
	require.NotContains(t, string(open.(pulumi.String)), "Condition")
}

// Values of AWS land where they were written, whatever their number and order; in a dry run the text stays unknown and
// nothing else does.
func TestComposedDocument(t *testing.T) {
	program := func(ctx *pulumi.Context) error {
		first, err := iam.NewRole(ctx, "first", &iam.RoleArgs{AssumeRolePolicy: pulumi.String("{}")})
		if err != nil {
			return err
		}
		_, err = iam.NewPolicy(ctx, "mixed", &iam.PolicyArgs{Policy: access.Document{
			{
				Sid: "A", Principal: access.Role(first.Arn), Actions: []string{"a:B"},
				Resources:  []pulumi.StringInput{pulumi.String("plain"), first.Arn},
				Conditions: []access.Condition{{Operator: "ArnEquals", Key: "k", Values: []pulumi.StringInput{first.Name}}},
			},
			{Sid: "B", Actions: []string{"c:D"}, Resources: access.Texts("last")},
		}.JSON()})
		return err
	}
	wet, err := graph.Record(program, graph.Run{})
	require.NoError(t, err)
	role, policy := wet.OfType("aws:iam/role:Role")[0], wet.OfType("aws:iam/policy:Policy")[0]
	require.Equal(t, `{"Version":"2012-10-17","Statement":[`+
		`{"Sid":"A","Effect":"Allow","Principal":{"AWS":["`+role.Outputs["arn"].(string)+`"]},"Action":["a:B"],`+
		`"Resource":["plain","`+role.Outputs["arn"].(string)+`"],"Condition":{"ArnEquals":{"k":["`+role.PhysicalName()+`"]}}},`+
		`{"Sid":"B","Effect":"Allow","Action":["c:D"],"Resource":["last"]}]}`, policy.Text("policy"))

	dry, err := graph.Record(program, graph.Run{DryRun: true})
	require.NoError(t, err)
	require.Equal(t, graph.Unknown, dry.OfType("aws:iam/policy:Policy")[0].Inputs["policy"])
}

// Two conditions on one key would silently become one; the program fails instead.
func TestConditionStatedTwice(t *testing.T) {
	_, err := graph.Record(func(ctx *pulumi.Context) error {
		_, err := iam.NewPolicy(ctx, "twice", &iam.PolicyArgs{Policy: access.Document{{
			Sid: "S", Principal: access.Service(here, "x"), Actions: []string{"a:B"}, Resources: access.Texts("*"),
			Conditions: []access.Condition{access.When("StringEquals", "aws:SourceAccount", "other")},
		}}.JSON()})
		return err
	}, graph.Run{})
	require.ErrorContains(t, err, "statement S: the condition StringEquals aws:SourceAccount stands twice; allowed: once, with all its values")
}
