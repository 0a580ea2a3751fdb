package keys

import (
	"errors"
	"fmt"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"workerfleet/components/alarms"
	"workerfleet/components/names"
)

// GuardArgs name the keys to watch and who is told.
type GuardArgs struct {
	Keys  *Keys
	Topic *alarms.Topic
}

// Guard tells the alarm topic when somebody disables a key, schedules its deletion or changes who may use it. It is not
// part of [Keys] because the topic itself is encrypted with one of them.
//
// Only calls that succeeded count: CloudTrail gives the others an error code. A deployment that changes a policy is
// heard too, once for each key.
//
// It hears what CloudTrail records: the account needs a trail of management events, as every account should.
type Guard struct{ pulumi.ResourceState }

// NewGuard makes the rule.
func NewGuard(ctx *pulumi.Context, name string, args *GuardArgs, opts ...pulumi.ResourceOption) (*Guard, error) {
	if args.Keys == nil || args.Topic == nil {
		return nil, fmt.Errorf("keys.Guard %q: %w", name, errors.New("keys and topic: one is missing; allowed: both stated"))
	}
	c := &Guard{}
	if err := ctx.RegisterComponentResource("workerfleet:keys:Guard", name, c, opts...); err != nil {
		return nil, err
	}
	var arns pulumi.StringArray
	for _, p := range args.Keys.purposes() {
		arns = append(arns, *p.arn)
	}
	text := func(values ...string) pulumi.StringArray { return pulumi.ToStringArray(values) }
	err := args.Topic.OnEvent(ctx, names.Join(name, "loss"), alarms.Event{
		Pattern: pulumi.Map{
			"source":      text("aws.kms"),
			"detail-type": text("AWS API Call via CloudTrail"),
			"detail": pulumi.Map{
				"eventSource": text("kms.amazonaws.com"),
				"eventName":   text("DisableKey", "ScheduleKeyDeletion", "PutKeyPolicy"),
				"errorCode":   pulumi.Array{pulumi.Map{"exists": pulumi.Bool(false)}},
				"resources":   pulumi.Map{"ARN": arns},
			},
		},
		Says: "<what> was called on a key of this stack by <who>. What it encrypts cannot be read without it: " +
			"unless this was meant, enable the key, cancel its deletion, or deploy the stack to restore its policy.",
		Values: map[string]string{"what": "$.detail.eventName", "who": "$.detail.userIdentity.arn"},
	}, pulumi.Parent(c))
	if err != nil {
		return nil, err
	}
	return c, ctx.RegisterResourceOutputs(c, pulumi.Map{})
}
