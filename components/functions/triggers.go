package functions

import (
	"maps"
	"slices"

	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/cloudwatch"
	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/lambda"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

// A pass that could not be started within a minute is the next one's work.
const (
	oldestTickSeconds = 60
	tickAttempts      = 2
)

// makeMappings feeds the function from its queues. A FIFO queue takes no batching window; a handler reports which
// messages failed, and only they come again.
func (b *builder) makeMappings() error {
	for _, queue := range slices.Sorted(maps.Keys(b.args.Queues)) {
		q := b.args.Queues[queue]
		if _, err := lambda.NewEventSourceMapping(b.ctx, b.child("from", queue), &lambda.EventSourceMappingArgs{
			EventSourceArn: q.ARN.ToStringOutput().ToStringPtrOutput(), FunctionName: b.c.ARN, BatchSize: pulumi.Int(batch),
			FunctionResponseTypes: pulumi.ToStringArray([]string{"ReportBatchItemFailures"}),
			ScalingConfig:         lambda.EventSourceMappingScalingConfigArgs{MaximumConcurrency: pulumi.Int(q.Concurrency)},
		}, b.parent(), pulumi.DependsOn([]pulumi.Resource{b.role})); err != nil {
			return err
		}
	}
	return nil
}

// makeSchedule starts the function by the clock. EventBridge calls it and forgets: what the function then fails at is
// not repeated, because the next pass does the same work.
func (b *builder) makeSchedule() error {
	if b.args.Schedule == "" {
		return nil
	}
	rule, err := cloudwatch.NewEventRule(b.ctx, b.child("clock"), &cloudwatch.EventRuleArgs{
		Description: pulumi.String("Starts " + b.name + "."), ScheduleExpression: pulumi.String(b.args.Schedule),
	}, b.parent())
	if err != nil {
		return err
	}
	permission, err := lambda.NewPermission(b.ctx, b.child("clock", "permission"), &lambda.PermissionArgs{
		Action: pulumi.String("lambda:InvokeFunction"), Function: b.c.Name, Principal: pulumi.String("events.amazonaws.com"), SourceArn: rule.Arn,
	}, b.parent())
	if err != nil {
		return err
	}
	// Let in first: an event that is refused is not tried again for long.
	if _, err = cloudwatch.NewEventTarget(b.ctx, b.child("clock", "target"), &cloudwatch.EventTargetArgs{
		Rule: rule.Name, Arn: b.c.ARN,
		RetryPolicy: cloudwatch.EventTargetRetryPolicyArgs{
			MaximumEventAgeInSeconds: pulumi.Int(oldestTickSeconds), MaximumRetryAttempts: pulumi.Int(tickAttempts),
		},
		DeadLetterConfig: cloudwatch.EventTargetDeadLetterConfigArgs{Arn: b.args.Failures.ARN},
	}, b.parent(), pulumi.DependsOn([]pulumi.Resource{permission})); err != nil {
		return err
	}
	_, err = lambda.NewFunctionEventInvokeConfig(b.ctx, b.child("clock", "once"), &lambda.FunctionEventInvokeConfigArgs{
		FunctionName: b.c.Name, MaximumEventAgeInSeconds: pulumi.Int(oldestTickSeconds), MaximumRetryAttempts: pulumi.Int(0),
	}, b.parent())
	return err
}
