package queues

import (
	"fmt"

	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/sqs"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"workerfleet/components/access"
	"workerfleet/components/names"
)

// admit says who may send, that nobody may without TLS, and that the dead-letter queue serves this queue alone. The
// last is a resource of its own: the two queues name each other.
func (c *Queue) admit(ctx *pulumi.Context, name string, queue, dead *sqs.Queue, producers []access.Principal) error {
	policy := access.Document{access.EncryptedOnly([]string{"sqs:*"}, queue.Arn)}
	for i, producer := range producers {
		policy = append(policy, access.Statement{
			Sid: fmt.Sprintf("Producer%d", i+1), Principal: producer, Actions: []string{"sqs:SendMessage"},
			Resources: []pulumi.StringInput{queue.Arn},
		})
	}
	if _, err := sqs.NewQueuePolicy(ctx, names.Join(name, "policy"), &sqs.QueuePolicyArgs{
		QueueUrl: queue.Url, Policy: policy.JSON(),
	}, pulumi.Parent(c)); err != nil {
		return err
	}
	if _, err := sqs.NewQueuePolicy(ctx, names.Join(name, "dead", "policy"), &sqs.QueuePolicyArgs{
		QueueUrl: dead.Url, Policy: access.Document{access.EncryptedOnly([]string{"sqs:*"}, dead.Arn)}.JSON(),
	}, pulumi.Parent(c)); err != nil {
		return err
	}
	_, err := sqs.NewRedriveAllowPolicy(ctx, names.Join(name, "dead", "sources"), &sqs.RedriveAllowPolicyArgs{
		QueueUrl: dead.Url,
		RedriveAllowPolicy: pulumi.JSONMarshal(pulumi.Map{
			"redrivePermission": pulumi.String("byQueue"), "sourceQueueArns": pulumi.StringArray{queue.Arn},
		}),
	}, pulumi.Parent(c))
	return err
}
