package queues

import (
	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/sqs"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"workerfleet/components/names"
)

// How long messages are kept, in seconds: 4 days (SQS's default), and 14 (its longest) in the dead-letter queue. A FIFO
// queue's message starts its age anew when it moves there – a standard queue's keeps it – so that people have the whole
// 14 days to read it and send it back.
const (
	retention     = 345_600
	deadRetention = 1_209_600
)

// Queue is a FIFO queue and its dead-letter queue.
type Queue struct {
	pulumi.ResourceState
	// URL is what producers and consumers call it by; ARN and DeadARN are what policies name.
	URL, ARN, DeadARN pulumi.StringOutput
	// VisibilitySeconds is how long a received message stays invisible.
	VisibilitySeconds int
}

// New makes the queue, its dead-letter queue, their policies and alarms.
func New(ctx *pulumi.Context, name string, args *Args, opts ...pulumi.ResourceOption) (*Queue, error) {
	a, err := args.complete(name)
	if err != nil {
		return nil, err
	}
	c := &Queue{VisibilitySeconds: a.VisibilitySeconds}
	if err := ctx.RegisterComponentResource("workerfleet:queues:Queue", name, c, opts...); err != nil {
		return nil, err
	}
	dead, err := c.fifo(ctx, names.Join(name, "dead"), &sqs.QueueArgs{
		KmsMasterKeyId:          a.Key,
		MessageRetentionSeconds: pulumi.Int(deadRetention),
	})
	if err != nil {
		return nil, err
	}
	queue, err := c.fifo(ctx, names.Join(name, "queue"), &sqs.QueueArgs{
		KmsMasterKeyId:            a.Key,
		MessageRetentionSeconds:   pulumi.Int(retention),
		VisibilityTimeoutSeconds:  pulumi.Int(a.VisibilitySeconds),
		ContentBasedDeduplication: pulumi.Bool(a.ContentBasedDeduplication),
		RedrivePolicy: pulumi.JSONMarshal(pulumi.Map{
			"deadLetterTargetArn": dead.Arn, "maxReceiveCount": pulumi.Int(a.MaxReceives),
		}),
	})
	if err != nil {
		return nil, err
	}
	c.URL, c.ARN, c.DeadARN = queue.Url, queue.Arn, dead.Arn
	if err := c.admit(ctx, name, queue, dead, a.Producers); err != nil {
		return nil, err
	}
	if err := c.watch(ctx, name, queue, dead, a); err != nil {
		return nil, err
	}
	return c, ctx.RegisterResourceOutputs(c, pulumi.Map{"url": c.URL, "arn": c.ARN, "deadArn": c.DeadARN})
}

// fifo makes a FIFO queue in high-throughput mode, which needs both of its settings. The name is the provider's: SQS
// refuses the name of a queue deleted less than a minute ago.
func (c *Queue) fifo(ctx *pulumi.Context, name string, args *sqs.QueueArgs) (*sqs.Queue, error) {
	args.FifoQueue = pulumi.Bool(true)
	args.DeduplicationScope = pulumi.String("messageGroup")
	args.FifoThroughputLimit = pulumi.String("perMessageGroupId")
	return sqs.NewQueue(ctx, name, args, pulumi.Parent(c))
}
