package functions

import (
	"errors"
	"fmt"

	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/sqs"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"workerfleet/components/access"
	"workerfleet/components/alarms"
	"workerfleet/components/names"
	"workerfleet/components/place"
)

// keptSeconds is how long a failure can be read: 14 days, the longest of SQS.
const keptSeconds = 1_209_600

// FailuresArgs say where the queue stands and who is told.
type FailuresArgs struct {
	Place place.Place
	// Key encrypts it; its policy admits EventBridge.
	Key   pulumi.StringPtrInput
	Topic *alarms.Topic
}

// Failures is where calls end that nobody waits for: what EventBridge could not hand over, and what a function failed
// at when it was not fed by a queue. It is a standard queue: both refuse a FIFO one.
type Failures struct {
	pulumi.ResourceState
	ARN pulumi.StringOutput
}

// NewFailures makes the queue, its policy and its alarm.
func NewFailures(ctx *pulumi.Context, name string, args *FailuresArgs, opts ...pulumi.ResourceOption) (*Failures, error) {
	problems := []error{names.Fits(names.Queue, names.Join(name, "queue"))}
	if args.Key == nil || args.Topic == nil {
		problems = append(problems, errors.New("key and topic: one is missing; allowed: both stated"))
	}
	if err := errors.Join(problems...); err != nil {
		return nil, fmt.Errorf("functions.Failures %q: %w", name, err)
	}
	c := &Failures{}
	if err := ctx.RegisterComponentResource("workerfleet:functions:Failures", name, c, opts...); err != nil {
		return nil, err
	}
	queue, err := sqs.NewQueue(ctx, names.Join(name, "queue"), &sqs.QueueArgs{
		KmsMasterKeyId: args.Key, MessageRetentionSeconds: pulumi.Int(keptSeconds),
	}, pulumi.Parent(c))
	if err != nil {
		return nil, err
	}
	c.ARN = queue.Arn
	if _, err = sqs.NewQueuePolicy(ctx, names.Join(name, "policy"), &sqs.QueuePolicyArgs{
		QueueUrl: queue.Url,
		Policy: access.Document{
			access.EncryptedOnly([]string{"sqs:*"}, queue.Arn),
			{Sid: "Events", Principal: access.EventRules(args.Place), Actions: []string{"sqs:SendMessage"}, Resources: []pulumi.StringInput{queue.Arn}},
		}.JSON(),
	}, pulumi.Parent(c)); err != nil {
		return nil, err
	}
	if _, err = sqs.NewRedriveAllowPolicy(ctx, names.Join(name, "sources"), &sqs.RedriveAllowPolicyArgs{
		QueueUrl: queue.Url, RedriveAllowPolicy: pulumi.String(`{"redrivePermission":"denyAll"}`),
	}, pulumi.Parent(c)); err != nil {
		return nil, err
	}
	if _, err = args.Topic.Alarm(ctx, names.Join(name, "depth"), alarms.Alarm{
		Says: "A pass failed, or an event could not be handed over. Read the message: its attributes name the function or " +
			"rule and the error. The next pass has repeated the work; a lost event of ECS or EC2 shows as a slower recovery.",
		Metric:  alarms.Metric{Namespace: "AWS/SQS", Name: "ApproximateNumberOfMessagesVisible", Dimensions: pulumi.StringMap{"QueueName": queue.Name}},
		Periods: 1, Missing: alarms.NotBreaching,
	}, pulumi.Parent(c)); err != nil {
		return nil, err
	}
	return c, ctx.RegisterResourceOutputs(c, pulumi.Map{"arn": c.ARN})
}
