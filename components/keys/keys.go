package keys

import (
	"fmt"

	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/kms"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"workerfleet/components/names"
	"workerfleet/components/place"
	"workerfleet/components/protection"
)

// Args say where the keys stand and how hard they are to lose.
type Args struct {
	Place      place.Place
	Protection protection.Level
}

// Keys are a stack's keys by what they encrypt. Each value is the key's ARN: services that take an id take it too.
type Keys struct {
	pulumi.ResourceState
	Credentials, Data, Messages, Logs, Compute pulumi.StringOutput
}

// New makes the keys and their aliases.
func New(ctx *pulumi.Context, name string, args *Args, opts ...pulumi.ResourceOption) (*Keys, error) {
	if err := args.Protection.Validate(); err != nil {
		return nil, fmt.Errorf("keys.Keys %q: %w", name, err)
	}
	c := &Keys{}
	if err := ctx.RegisterComponentResource("workerfleet:keys:Keys", name, c, opts...); err != nil {
		return nil, err
	}
	outputs := pulumi.Map{}
	for _, p := range c.purposes() {
		arn, err := c.key(ctx, names.Join(name, p.name), args, p)
		if err != nil {
			return nil, err
		}
		*p.arn = arn
		outputs[p.name] = arn
	}
	return c, ctx.RegisterResourceOutputs(c, outputs)
}

// key makes one key and the alias by which people find it.
func (c *Keys) key(ctx *pulumi.Context, name string, args *Args, p purpose) (pulumi.StringOutput, error) {
	key, err := kms.NewKey(ctx, name, &kms.KeyArgs{
		Description:          pulumi.String(p.describes),
		Policy:               append(administration(args.Place), p.uses(args.Place)...).JSON().ToStringOutput(),
		EnableKeyRotation:    pulumi.Bool(true),
		DeletionWindowInDays: pulumi.Int(args.Protection.KeyDeletionDays()),
	}, pulumi.Parent(c), args.Protection.Option())
	if err != nil {
		return pulumi.StringOutput{}, err
	}
	_, err = kms.NewAlias(ctx, names.Join(name, "alias"), &kms.AliasArgs{
		Name: pulumi.String(args.Place.Stated(names.Alias, name)), TargetKeyId: key.KeyId,
	}, pulumi.Parent(c))
	return key.Arn, err
}
