package cluster

import (
	"maps"
	"slices"

	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/ecs"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"workerfleet/components/names"
)

// Settings are ECS's defaults for a whole account and region. There is one set, whatever the number of stacks: one of
// them makes it, the others adopt it.
type Settings struct{ pulumi.ResourceState }

// accountSettings hold for every cluster of the account: measured, tagged by permission only, and never held up by a log
// that nobody takes.
func accountSettings() map[string]string {
	return map[string]string{"containerInsights": "enabled", "defaultLogDriverMode": "non-blocking", "tagResourceAuthorization": "on"}
}

// NewSettings makes the account's defaults. They are taken back with the stack that made them.
func NewSettings(ctx *pulumi.Context, name string, opts ...pulumi.ResourceOption) (*Settings, error) {
	c := &Settings{}
	if err := ctx.RegisterComponentResource("workerfleet:cluster:Settings", name, c, opts...); err != nil {
		return nil, err
	}
	all := accountSettings()
	for _, setting := range slices.Sorted(maps.Keys(all)) {
		if _, err := ecs.NewAccountSettingDefault(ctx, names.Join(name, setting), &ecs.AccountSettingDefaultArgs{
			Name: pulumi.String(setting), Value: pulumi.String(all[setting]),
		}, pulumi.Parent(c)); err != nil {
			return nil, err
		}
	}
	return c, ctx.RegisterResourceOutputs(c, pulumi.Map{})
}
