package network

import (
	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/cloudwatch"
	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/ec2"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"workerfleet/components/access"
	"workerfleet/components/names"
)

// flowLogSeconds is how long one record of a connection may cover: ten minutes, for interfaces that are not an
// instance's. On Nitro instances, which all hosts are, a record covers a minute or less whatever is stated here
// (EC2 API reference, CreateFlowLogs, MaxAggregationInterval).
const flowLogSeconds = 600

// makeFlowLog writes down who talked to whom: every accepted and refused connection of the VPC, into an encrypted log
// group that only the flow log service writes to.
func (b *builder) makeFlowLog() error {
	name := b.child("flow-log")
	group, err := cloudwatch.NewLogGroup(b.ctx, names.Join(name, "records"), &cloudwatch.LogGroupArgs{
		KmsKeyId: b.args.LogsKey, RetentionInDays: pulumi.Int(b.args.FlowLogDays),
	}, b.parent())
	if err != nil {
		return err
	}
	role, err := access.NewServiceRole(b.ctx, names.Join(name, "writer"), &access.ServiceRoleArgs{
		Place: b.args.Place, Service: "vpc-flow-logs.amazonaws.com", Description: "Writes the VPC's flow log.",
		Policy: access.Document{
			{
				Sid: "Write", Actions: []string{"logs:CreateLogStream", "logs:DescribeLogStreams", "logs:PutLogEvents"},
				Resources: []pulumi.StringInput{pulumi.Sprintf("%s:*", group.Arn)},
			},
			// The service lists groups before it writes; the list cannot be narrowed to one.
			{Sid: "Find", Actions: []string{"logs:DescribeLogGroups"}, Resources: access.Texts(b.args.Place.ARN("logs", "log-group:*"))},
		},
	}, b.parent())
	if err != nil {
		return err
	}
	_, err = ec2.NewFlowLog(b.ctx, name, &ec2.FlowLogArgs{
		VpcId: b.vpc.ID(), TrafficType: pulumi.String("ALL"), MaxAggregationInterval: pulumi.Int(flowLogSeconds),
		LogDestinationType: pulumi.String("cloud-watch-logs"), LogDestination: group.Arn, IamRoleArn: role.Arn, Tags: b.tags(name),
	}, b.parent())
	return err
}
