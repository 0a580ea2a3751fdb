package alarms

import (
	"errors"
	"fmt"
	"net/mail"

	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/sns"
	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/sqs"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"workerfleet/components/access"
	"workerfleet/components/names"
	"workerfleet/components/place"
)

// undeliveredSeconds is how long an event that the topic did not take can still be read: 14 days, the longest of SQS.
const undeliveredSeconds = 1_209_600

// Args say where the topic stands and whom it tells.
type Args struct {
	Place place.Place
	// Key encrypts the topic and the queue of undelivered events. Its policy admits CloudWatch and EventBridge.
	Key pulumi.StringPtrInput
	// Email subscribes one address; AWS asks it to confirm. Empty subscribes nobody.
	Email string
}

// Topic is where a stack's alarms go.
type Topic struct {
	pulumi.ResourceState
	Arn pulumi.StringOutput

	place       place.Place
	undelivered *sqs.Queue
	// made are the physical names of the alarms by their logical ones. A program makes its resources one after another.
	made map[string]pulumi.StringOutput
}

// NewTopic makes the topic, its policy, the subscription and the queue of undelivered events.
func NewTopic(ctx *pulumi.Context, name string, args *Args, opts ...pulumi.ResourceOption) (*Topic, error) {
	if err := args.validate(name); err != nil {
		return nil, fmt.Errorf("alarms.Topic %q: %w", name, err)
	}
	c := &Topic{place: args.Place, made: map[string]pulumi.StringOutput{}}
	if err := ctx.RegisterComponentResource("workerfleet:alarms:Topic", name, c, opts...); err != nil {
		return nil, err
	}
	topic, err := sns.NewTopic(ctx, names.Join(name, "topic"), &sns.TopicArgs{KmsMasterKeyId: args.Key}, pulumi.Parent(c))
	if err != nil {
		return nil, err
	}
	c.Arn = topic.Arn
	if _, err = sns.NewTopicPolicy(ctx, names.Join(name, "policy"), &sns.TopicPolicyArgs{
		Arn: topic.Arn, Policy: c.policy().JSON(),
	}, pulumi.Parent(c)); err != nil {
		return nil, err
	}
	if args.Email != "" {
		if _, err = sns.NewTopicSubscription(ctx, names.Join(name, "email"), &sns.TopicSubscriptionArgs{
			Topic: topic.Arn, Protocol: pulumi.String("email"), Endpoint: pulumi.String(args.Email),
		}, pulumi.Parent(c)); err != nil {
			return nil, err
		}
	}
	if err = c.keepUndelivered(ctx, names.Join(name, "undelivered"), args.Key); err != nil {
		return nil, err
	}
	return c, ctx.RegisterResourceOutputs(c, pulumi.Map{"arn": c.Arn})
}

func (a *Args) validate(name string) error {
	problems := []error{
		names.Fits(names.Topic, names.Join(name, "topic")), names.Fits(names.Queue, names.Join(name, "undelivered")),
	}
	if a.Key == nil {
		problems = append(problems, errors.New("key: is missing; allowed: the ARN of a key that admits CloudWatch and EventBridge"))
	}
	if _, err := mail.ParseAddress(a.Email); a.Email != "" && err != nil {
		problems = append(problems, fmt.Errorf("email: %q is not allowed; allowed: an address such as oncall@example.com", a.Email))
	}
	return errors.Join(problems...)
}

// policy replaces SNS's default one: nobody publishes but this account's alarms, EventBridge and what
// watches the bill.
func (c *Topic) policy() access.Document {
	publish, topic := []string{"sns:Publish"}, []pulumi.StringInput{c.Arn}
	return access.Document{
		access.EncryptedOnly(publish, c.Arn),
		{
			Sid: "Alarms", Principal: access.Service(c.place, "cloudwatch.amazonaws.com"), Actions: publish, Resources: topic,
			Conditions: []access.Condition{access.When("ArnLike", "aws:SourceArn", c.place.ARN("cloudwatch", "alarm:*"))},
		},
		{Sid: "Events", Principal: access.EventRulesToTopic(), Actions: publish, Resources: topic},
		{Sid: "Budgets", Principal: access.Service(c.place, "budgets.amazonaws.com"), Actions: publish, Resources: topic},
		{Sid: "CostAnomalies", Principal: access.Service(c.place, "costalerts.amazonaws.com"), Actions: publish, Resources: topic},
	}
}

// keepUndelivered makes the queue of events that the topic did not take. It is a standard queue: EventBridge refuses a
// FIFO queue as dead-letter queue.
func (c *Topic) keepUndelivered(ctx *pulumi.Context, name string, key pulumi.StringPtrInput) error {
	queue, err := sqs.NewQueue(ctx, name, &sqs.QueueArgs{
		KmsMasterKeyId:          key,
		MessageRetentionSeconds: pulumi.Int(undeliveredSeconds),
	}, pulumi.Parent(c))
	if err != nil {
		return err
	}
	c.undelivered = queue
	if _, err = sqs.NewQueuePolicy(ctx, names.Join(name, "policy"), &sqs.QueuePolicyArgs{
		QueueUrl: queue.Url,
		Policy: access.Document{
			access.EncryptedOnly([]string{"sqs:*"}, queue.Arn),
			{
				Sid: "Events", Principal: access.EventRules(c.place), Actions: []string{"sqs:SendMessage"},
				Resources: []pulumi.StringInput{queue.Arn},
			},
		}.JSON(),
	}, pulumi.Parent(c)); err != nil {
		return err
	}
	// It is the end of the line for events, not for the messages of other queues.
	if _, err = sqs.NewRedriveAllowPolicy(ctx, names.Join(name, "sources"), &sqs.RedriveAllowPolicyArgs{
		QueueUrl: queue.Url, RedriveAllowPolicy: pulumi.String(`{"redrivePermission":"denyAll"}`),
	}, pulumi.Parent(c)); err != nil {
		return err
	}
	_, err = c.Alarm(ctx, names.Join(name, "depth"), Alarm{
		Says: "EventBridge could not tell this topic of an event. Read the message in the queue: it names the rule and " +
			"the error; then check the topic's policy and its key.",
		Metric:  Metric{Namespace: "AWS/SQS", Name: "ApproximateNumberOfMessagesVisible", Dimensions: pulumi.StringMap{"QueueName": queue.Name}},
		Above:   0,
		Periods: 1, Missing: NotBreaching,
	}, pulumi.Parent(c))
	return err
}
