package functions

import (
	"maps"
	"slices"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"workerfleet/components/access"
	"workerfleet/components/place"
)

// networkActions are Lambda's own, under the function's role: it makes the interfaces that the function stands on.
func networkActions() []string {
	return []string{
		"ec2:AssignPrivateIpAddresses", "ec2:CreateNetworkInterface", "ec2:DeleteNetworkInterface", "ec2:DescribeNetworkInterfaces",
		"ec2:DescribeSubnets", "ec2:UnassignPrivateIpAddresses",
	}
}

// policy is everything that the role may do: what the handler calls, and what Lambda does in its name.
func (b *builder) policy() access.Document {
	document := access.Document{
		{
			Sid: "Log", Actions: []string{"logs:CreateLogStream", "logs:PutLogEvents"},
			Resources: []pulumi.StringInput{pulumi.Sprintf("%s:*", b.log.Arn)},
		},
		// X-Ray knows no resources.
		{Sid: "Trace", Actions: []string{"xray:PutTelemetryRecords", "xray:PutTraceSegments"}, Resources: access.Texts("*")},
		// Lambda asks for these on every resource before it makes a function in a VPC. The function's own code is refused
		// them: https://docs.aws.amazon.com/lambda/latest/dg/configuration-vpc.html
		{Sid: "Network", Actions: networkActions(), Resources: access.Texts("*")},
		access.Refusal("NetworkIsLambdas", networkActions(), access.Texts("*"),
			access.When("ArnLike", "lambda:SourceFunctionArn", b.args.Place.ARN("lambda", "function:"+b.name+"-*"))),
		{
			Sid: "Environment", Actions: []string{"kms:Decrypt"}, Resources: []pulumi.StringInput{b.args.EnvironmentKey},
			Conditions: []access.Condition{Via(b.args.Place, "lambda")},
		},
		{Sid: "Failures", Actions: []string{"sqs:SendMessage"}, Resources: []pulumi.StringInput{b.args.Failures.ARN}},
		{
			Sid: "Messages", Actions: []string{"kms:Decrypt", "kms:GenerateDataKey"}, Resources: []pulumi.StringInput{b.args.MessagesKey},
			Conditions: []access.Condition{Via(b.args.Place, "sqs")},
		},
	}
	var queues []pulumi.StringInput
	for _, name := range slices.Sorted(maps.Keys(b.args.Queues)) {
		queues = append(queues, b.args.Queues[name].ARN)
	}
	if len(queues) > 0 {
		document = append(document, access.Statement{
			Sid: "Receive", Resources: queues,
			Actions: []string{"sqs:ChangeMessageVisibility", "sqs:DeleteMessage", "sqs:GetQueueAttributes", "sqs:ReceiveMessage"},
		})
	}
	return append(document, b.args.Policy...)
}

// Via holds the use of a key to one service of the region that calls KMS for the role: the role itself can do nothing
// with it.
func Via(p place.Place, service string) access.Condition {
	return access.When("StringEquals", "kms:ViaService", service+"."+p.Region+".amazonaws.com")
}
