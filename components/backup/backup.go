package backup

import (
	"maps"
	"slices"

	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/backup"
	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/kms"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"workerfleet/components/access"
	"workerfleet/components/names"
)

// How long copies are kept, in days. A month is how late a mistake is seen; a year of months is for the books. A lock
// lets nobody shorten that, short of an administrator who takes the lock away first.
const (
	dailyDays   = 35
	monthlyDays = 365
	relaxedDays = 7
	lockedDays  = 7
)

// When copies are made, in UTC: an hour after the cluster's own window begins. A job that has not begun after an hour, or
// not ended after six, is one that failed.
const (
	daily           = "cron(0 23 * * ? *)"
	monthly         = "cron(0 23 1 * ? *)"
	startMinutes    = 60
	completeMinutes = 360
)

// Backup is the vault with its plan.
type Backup struct {
	pulumi.ResourceState
	// Vault is the name of the vault in the stack's region.
	Vault pulumi.StringOutput
}

// builder carries what the steps of New share.
type builder struct {
	ctx  *pulumi.Context
	name string
	args *Args
	c    *Backup

	vault  *backup.Vault
	abroad *backup.Vault // nil without copies
}

// New makes the vaults, the plan, and who is told.
func New(ctx *pulumi.Context, name string, args *Args, opts ...pulumi.ResourceOption) (*Backup, error) {
	if err := args.complete(name); err != nil {
		return nil, err
	}
	c := &Backup{}
	if err := ctx.RegisterComponentResource("workerfleet:backup:Backup", name, c, opts...); err != nil {
		return nil, err
	}
	b := &builder{ctx: ctx, name: name, args: args, c: c}
	for _, step := range []func() error{b.makeVault, b.makeAbroad, b.makePlan, b.watch} {
		if err := step(); err != nil {
			return nil, err
		}
	}
	return c, ctx.RegisterResourceOutputs(c, pulumi.Map{"vault": c.Vault})
}

func (b *builder) parent() pulumi.ResourceOption { return pulumi.Parent(b.c) }

func (b *builder) child(suffix ...string) string {
	return names.Join(append([]string{b.name}, suffix...)...)
}

// makeVault makes the vault of the stack's own region.
func (b *builder) makeVault() (err error) {
	b.vault, err = b.newVault("vault", b.args.Key)
	if err != nil {
		return err
	}
	b.c.Vault = b.vault.Name
	return nil
}

// makeAbroad makes the vault of the second region, with a key there: a copy is encrypted anew, and can be read while the
// first region cannot be reached.
func (b *builder) makeAbroad() error {
	if b.args.Abroad == nil {
		return nil
	}
	there := pulumi.Provider(b.args.Abroad.Provider)
	key, err := kms.NewKey(b.ctx, b.child("abroad", "key"), &kms.KeyArgs{
		Description: pulumi.String("Copies of " + b.args.Place.Stack + "'s database."),
		Policy: access.Document{{
			Sid: "Account", Principal: access.Account(b.args.Place), Actions: []string{"kms:*"}, Resources: access.Texts("*"),
		}}.JSON(),
		EnableKeyRotation: pulumi.Bool(true), DeletionWindowInDays: pulumi.Int(b.args.Protection.KeyDeletionDays()),
	}, b.parent(), b.args.Protection.Option(), there)
	if err != nil {
		return err
	}
	if _, err = kms.NewAlias(b.ctx, b.child("abroad", "key", "alias"), &kms.AliasArgs{
		Name: pulumi.String(b.args.Place.Stated(names.Alias, b.child("abroad"))), TargetKeyId: key.KeyId,
	}, b.parent(), there); err != nil {
		return err
	}
	b.abroad, err = b.newVault("abroad", key.Arn, there)
	return err
}

// newVault makes a vault and, where the stack is protected, locks it: what is in it stays for its time, whoever asks.
func (b *builder) newVault(suffix string, key pulumi.StringInput, where ...pulumi.ResourceOption) (*backup.Vault, error) {
	options := slices.Concat(where, []pulumi.ResourceOption{b.parent()})
	vault, err := backup.NewVault(b.ctx, b.child(suffix), &backup.VaultArgs{
		KmsKeyArn: key.ToStringOutput().ToStringPtrOutput(), ForceDestroy: pulumi.Bool(b.args.Protection.ForceDelete()),
	}, slices.Concat(options, []pulumi.ResourceOption{b.args.Protection.Option()})...)
	if err != nil || !b.args.Protection.Protects() {
		return vault, err
	}
	_, err = backup.NewVaultLockConfiguration(b.ctx, b.child(suffix, "lock"), &backup.VaultLockConfigurationArgs{
		BackupVaultName: vault.Name, MinRetentionDays: pulumi.Int(lockedDays), MaxRetentionDays: pulumi.Int(monthlyDays),
	}, options...)
	return vault, err
}

// makePlan says what is copied when, and for how long it is kept.
func (b *builder) makePlan() error {
	rules := backup.PlanRuleArray{b.rule("daily", daily, relaxedDays)}
	if b.args.Protection.Protects() {
		rules = backup.PlanRuleArray{b.rule("daily", daily, dailyDays), b.rule("monthly", monthly, monthlyDays)}
	}
	plan, err := backup.NewPlan(b.ctx, b.child("plan"), &backup.PlanArgs{Rules: rules}, b.parent())
	if err != nil {
		return err
	}
	role, err := b.role()
	if err != nil {
		return err
	}
	var databases pulumi.StringArray
	for _, name := range slices.Sorted(maps.Keys(b.args.Databases)) {
		databases = append(databases, b.args.Databases[name])
	}
	_, err = backup.NewSelection(b.ctx, b.child("selection"), &backup.SelectionArgs{
		PlanId: plan.ID().ToStringOutput(), IamRoleArn: role.Arn, Resources: databases,
	}, b.parent())
	return err
}

func (b *builder) rule(name, schedule string, days int) backup.PlanRuleArgs {
	rule := backup.PlanRuleArgs{
		RuleName: pulumi.String(name), TargetVaultName: b.vault.Name, Schedule: pulumi.String(schedule),
		StartWindow: pulumi.Int(startMinutes), CompletionWindow: pulumi.Int(completeMinutes),
		Lifecycle: backup.PlanRuleLifecycleArgs{DeleteAfter: pulumi.Int(days)},
	}
	if b.abroad != nil {
		rule.CopyActions = backup.PlanRuleCopyActionArray{backup.PlanRuleCopyActionArgs{
			DestinationVaultArn: b.abroad.Arn, Lifecycle: backup.PlanRuleCopyActionLifecycleArgs{DeleteAfter: pulumi.Int(days)},
		}}
	}
	return rule
}
