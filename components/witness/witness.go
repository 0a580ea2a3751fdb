package witness

import (
	"errors"
	"fmt"
	"strings"

	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/cloudwatch"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"workerfleet/components/functions"
	"workerfleet/components/names"
)

// Group is the message group of everything that EventBridge writes.
const Group = "aws-events"

// A second signal is worth little once the lease has ended and everybody is served again; after a quarter of an hour it
// is kept for people to read.
const (
	oldestSeconds = 900
	attempts      = 10
)

// Args say what to watch and who is told.
type Args struct {
	// Cluster is the cluster's ARN, WorkerDefinition the ARN of the worker's task definition without its revision.
	Cluster, WorkerDefinition string
	// Queue is the ARN of worker-control, a FIFO queue that deduplicates by content.
	Queue    pulumi.StringInput
	Failures *functions.Failures
}

// Witness is the set of rules.
type Witness struct{ pulumi.ResourceState }

// sign is one thing that AWS sees.
type sign struct {
	name, describes string
	source, kind    string
	detail          pulumi.Map
	// message is the type of the message, and fields its own fields: paths into the event.
	message string
	fields  [][2]string
}

func (a *Args) signs() []sign {
	texts := func(values ...string) pulumi.StringArray { return pulumi.ToStringArray(values) }
	return []sign{
		{
			name: "task", describes: "A worker's task has stopped.", source: "aws.ecs", kind: "ECS Task State Change",
			detail: pulumi.Map{
				"clusterArn": texts(a.Cluster), "lastStatus": texts("STOPPED"),
				"taskDefinitionArn": pulumi.Array{pulumi.Map{"prefix": pulumi.String(a.WorkerDefinition + ":")}},
			},
			message: "task-stopped", fields: [][2]string{{"worker", "$.detail.taskArn"}},
		},
		{
			name: "host", describes: "A container instance has lost its agent, drains, or has left the cluster.",
			source: "aws.ecs", kind: "ECS Container Instance State Change",
			detail: pulumi.Map{"clusterArn": texts(a.Cluster), "$or": pulumi.Array{
				pulumi.Map{"agentConnected": pulumi.Array{pulumi.Bool(false)}},
				pulumi.Map{"status": texts("DEREGISTERING", "DRAINING", "INACTIVE")},
			}},
			message: "host-lost", fields: [][2]string{{"host", "$.detail.containerInstanceArn"}, {"status", "$.detail.status"}},
		},
		{
			// EC2 does not say whose instance it is: those of the account's other stacks are passed over by the reader.
			name: "instance", describes: "An instance ends or has ended.", source: "aws.ec2", kind: "EC2 Instance State-change Notification",
			detail:  pulumi.Map{"state": texts("shutting-down", "stopped", "stopping", "terminated")},
			message: "host-lost", fields: [][2]string{{"instance", "$.detail.instance-id"}, {"status", "$.detail.state"}},
		},
	}
}

// New makes a rule for each sign.
func New(ctx *pulumi.Context, name string, args *Args, opts ...pulumi.ResourceOption) (*Witness, error) {
	if err := args.validate(name); err != nil {
		return nil, fmt.Errorf("witness.Witness %q: %w", name, err)
	}
	c := &Witness{}
	if err := ctx.RegisterComponentResource("workerfleet:witness:Witness", name, c, opts...); err != nil {
		return nil, err
	}
	for _, sign := range args.signs() {
		if err := c.rule(ctx, names.Join(name, sign.name), args, sign); err != nil {
			return nil, err
		}
	}
	return c, ctx.RegisterResourceOutputs(c, pulumi.Map{})
}

func (c *Witness) rule(ctx *pulumi.Context, name string, args *Args, s sign) error {
	rule, err := cloudwatch.NewEventRule(ctx, name, &cloudwatch.EventRuleArgs{
		Description: pulumi.String(s.describes),
		EventPattern: pulumi.JSONMarshal(pulumi.Map{
			"source": pulumi.ToStringArray([]string{s.source}), "detail-type": pulumi.ToStringArray([]string{s.kind}), "detail": s.detail,
		}),
	}, pulumi.Parent(c))
	if err != nil {
		return err
	}
	paths := pulumi.StringMap{"event": pulumi.String("$.id"), "time": pulumi.String("$.time")}
	for _, field := range s.fields {
		paths[field[0]] = pulumi.String(field[1])
	}
	_, err = cloudwatch.NewEventTarget(ctx, names.Join(name, "target"), &cloudwatch.EventTargetArgs{
		Rule: rule.Name, Arn: args.Queue,
		SqsTarget:        cloudwatch.EventTargetSqsTargetArgs{MessageGroupId: pulumi.String(Group)},
		InputTransformer: cloudwatch.EventTargetInputTransformerArgs{InputPaths: paths, InputTemplate: pulumi.String(s.template())},
		RetryPolicy: cloudwatch.EventTargetRetryPolicyArgs{
			MaximumEventAgeInSeconds: pulumi.Int(oldestSeconds), MaximumRetryAttempts: pulumi.Int(attempts),
		},
		DeadLetterConfig: cloudwatch.EventTargetDeadLetterConfigArgs{Arn: args.Failures.ARN},
	}, pulumi.Parent(c))
	return err
}

// template is the message with EventBridge's words in it. A word that stands for a text has no quotes: EventBridge adds
// them, and escapes what is inside.
func (s sign) template() string {
	var text strings.Builder
	fmt.Fprintf(&text, `{"v":1,"type":%q,"id":<event>,"at":<time>`, s.message)
	for _, field := range s.fields {
		fmt.Fprintf(&text, `,%q:<%s>`, field[0], field[0])
	}
	text.WriteString("}")
	return text.String()
}

func (a *Args) validate(name string) error {
	var problems []error
	for _, sign := range a.signs() {
		problems = append(problems, names.Fits(names.Rule, names.Join(name, sign.name)))
	}
	if a.Cluster == "" || a.WorkerDefinition == "" || a.Queue == nil || a.Failures == nil {
		problems = append(problems, errors.New("cluster, workerDefinition, queue and failures: one is missing; allowed: all stated"))
	}
	return errors.Join(problems...)
}
