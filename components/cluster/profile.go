package cluster

import (
	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/iam"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"workerfleet/components/access"
	"workerfleet/components/names"
)

// systemsManager is the policy that AWS keeps for its Systems Manager agent: how people reach a host without a key
// pair or an open port.
const systemsManager = "arn:aws:iam::aws:policy/AmazonSSMManagedInstanceCore"

// makeProfile makes what a host itself may do: join its cluster and report on its tasks. Images are pulled and logs
// written under the tasks' own execution roles.
func (b *builder) makeProfile(name string, role Role) (*iam.InstanceProfile, error) {
	cluster := pulumi.String(b.c.ARN)
	instances := pulumi.String(b.args.Place.ARN("ecs", "container-instance/"+b.c.Name+"/*"))
	here := []access.Condition{{Operator: "ArnEquals", Key: "ecs:cluster", Values: []pulumi.StringInput{cluster}}}
	host, err := access.NewServiceRole(b.ctx, name, &access.ServiceRoleArgs{
		Place: b.args.Place, Service: "ec2.amazonaws.com", Description: "What a host of the " + string(role) + " group may do.",
		Managed: []string{systemsManager},
		Policy: access.Document{
			{
				Sid: "Join", Actions: []string{"ecs:DeregisterContainerInstance", "ecs:RegisterContainerInstance"},
				Resources: []pulumi.StringInput{cluster},
			},
			{
				Sid: "Report", Resources: []pulumi.StringInput{instances, cluster},
				Actions:    []string{"ecs:SubmitAttachmentStateChanges", "ecs:SubmitContainerStateChange", "ecs:SubmitTaskStateChange"},
				Conditions: nil,
			},
			{
				Sid: "Listen", Actions: []string{"ecs:Poll", "ecs:StartTelemetrySession", "ecs:UpdateContainerInstancesState"},
				Resources: []pulumi.StringInput{instances}, Conditions: here,
			},
			{
				Sid: "TagItself", Actions: []string{"ecs:TagResource"}, Resources: []pulumi.StringInput{instances},
				Conditions: []access.Condition{access.When("StringEquals", "ecs:CreateAction", "RegisterContainerInstance")},
			},
			// AWS knows no narrower resource for either: the first names the endpoint to poll, the second lists tags,
			// which the container instance takes over from its EC2 instance.
			{Sid: "Find", Actions: []string{"ec2:DescribeTags", "ecs:DiscoverPollEndpoint"}, Resources: access.Texts("*")},
		},
	}, b.parent())
	if err != nil {
		return nil, err
	}
	return iam.NewInstanceProfile(b.ctx, names.Join(name, "profile"), &iam.InstanceProfileArgs{Role: host.Name}, b.parent())
}
