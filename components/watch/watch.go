package watch

import (
	"maps"
	"slices"
	"strings"

	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/cloudwatch"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"workerfleet/components/names"
)

// Watch is what people look at.
type Watch struct {
	pulumi.ResourceState
	// Dashboard is its name, DashboardURL where it is seen.
	Dashboard, DashboardURL string
}

// builder carries what the steps of New share.
type builder struct {
	ctx  *pulumi.Context
	name string
	args *Args
	c    *Watch

	users, capacity pulumi.StringOutput // ARNs of the gathered alarms
}

// New gathers the alarms, draws the dashboard and watches the bill.
func New(ctx *pulumi.Context, name string, args *Args, opts ...pulumi.ResourceOption) (*Watch, error) {
	if err := args.complete(name); err != nil {
		return nil, err
	}
	p := args.Place
	c := &Watch{Dashboard: p.Stated(names.Alarm, name)}
	c.DashboardURL = "https://" + p.Region + ".console.aws.amazon.com/cloudwatch/home?region=" + p.Region + "#dashboards/dashboard/" + c.Dashboard
	if err := ctx.RegisterComponentResource("workerfleet:watch:Watch", name, c, opts...); err != nil {
		return nil, err
	}
	b := &builder{ctx: ctx, name: name, args: args, c: c}
	for _, step := range []func() error{b.gather, b.makeDashboard, b.makeBudget, b.makeCostAnomaly, b.makeGuardDuty} {
		if err := step(); err != nil {
			return nil, err
		}
	}
	return c, ctx.RegisterResourceOutputs(c, pulumi.Map{"dashboardUrl": pulumi.String(c.DashboardURL)})
}

func (b *builder) parent() pulumi.ResourceOption { return pulumi.Parent(b.c) }

func (b *builder) child(suffix ...string) string {
	return names.Join(append([]string{b.name}, suffix...)...)
}

// gather makes the two alarms of alarms.
func (b *builder) gather() (err error) {
	b.users, err = b.composite("users", b.args.Users, "Users are affected: they get errors or late answers, or wait for a worker. The alarms "+
		"below it say which part; begin with the one that came first.")
	if err != nil {
		return err
	}
	b.capacity, err = b.composite("capacity", b.args.Capacity, "A part is close to what it can carry. Nobody is affected yet; act before the "+
		"next market's open. The alarms below it say which part, and what to raise.")
	return err
}

// composite is in alarm while one of the matching alarms is.
func (b *builder) composite(suffix string, patterns []string, says string) (pulumi.StringOutput, error) {
	matching := map[string]pulumi.StringOutput{}
	for _, pattern := range patterns {
		some, err := b.args.Topic.Matching(pattern)
		if err != nil {
			return pulumi.StringOutput{}, err
		}
		maps.Copy(matching, some)
	}
	var children []any
	for _, name := range slices.Sorted(maps.Keys(matching)) {
		children = append(children, matching[name])
	}
	rule := pulumi.All(children...).ApplyT(func(all []any) string {
		terms := make([]string, len(all))
		for i, name := range all {
			terms[i] = `ALARM("` + name.(string) + `")`
		}
		return strings.Join(terms, " OR ")
	}).(pulumi.StringOutput)
	made, err := cloudwatch.NewCompositeAlarm(b.ctx, b.child(suffix), &cloudwatch.CompositeAlarmArgs{
		AlarmName: pulumi.String(b.args.Place.Stated(names.Alarm, b.child(suffix))), AlarmDescription: pulumi.String(says),
		AlarmRule: rule, AlarmActions: pulumi.StringArray{b.args.Topic.Arn}, OkActions: pulumi.StringArray{b.args.Topic.Arn},
	}, b.parent())
	if err != nil {
		return pulumi.StringOutput{}, err
	}
	return made.Arn, nil
}
