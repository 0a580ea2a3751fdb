package backup_test

import (
	"testing"

	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"github.com/stretchr/testify/require"

	"workerfleet/components/alarms"
	"workerfleet/components/backup"
	"workerfleet/components/place"
	"workerfleet/components/protection"
	"workerfleet/stacks/graph"
)

const (
	vaultType = "aws:backup/vault:Vault"
	lockType  = "aws:backup/vaultLockConfiguration:VaultLockConfiguration"
)

var here = place.Place{Stack: "tier-50k", Account: "111122223333", Region: "ap-southeast-1"}

func program(level protection.Level, abroad bool) pulumi.RunFunc {
	return func(ctx *pulumi.Context) error {
		topic, err := alarms.NewTopic(ctx, "alarms", &alarms.Args{Place: here, Key: pulumi.String("key-arn")})
		if err != nil {
			return err
		}
		args := &backup.Args{
			Place: here, Protection: level, Key: pulumi.String("data-key"), Topic: topic,
			Databases: map[string]pulumi.StringInput{"database": pulumi.String("cluster-arn")},
		}
		if abroad {
			provider, err := aws.NewProvider(ctx, "abroad", &aws.ProviderArgs{Region: pulumi.String("ap-northeast-1")})
			if err != nil {
				return err
			}
			args.Abroad = &backup.Abroad{Region: "ap-northeast-1", Provider: provider}
		}
		_, err = backup.New(ctx, "backup", args)
		return err
	}
}

func record(t *testing.T, level protection.Level, abroad bool) *graph.Graph {
	t.Helper()
	g, err := graph.Record(program(level, abroad), graph.Run{})
	require.NoError(t, err)
	return g
}

func named(t *testing.T, g *graph.Graph, name string) graph.Resource {
	t.Helper()
	for _, r := range g.All() {
		if r.Name == name && r.Custom {
			return r
		}
	}
	require.Fail(t, "no resource is called "+name)
	return graph.Resource{}
}

// A protected stack keeps a month of days and a year of months, in a vault that nobody empties before its time.
func TestStrict(t *testing.T) {
	g := record(t, protection.Strict, false)
	vault := named(t, g, "backup-vault")
	require.Equal(t, map[string]any{"kmsKeyArn": "data-key", "forceDestroy": false}, vault.Inputs)
	require.True(t, vault.Options.Protect)
	require.Equal(t, map[string]any{
		"backupVaultName": vault.PhysicalName(), "minRetentionDays": 7.0, "maxRetentionDays": 365.0,
	}, named(t, g, "backup-vault-lock").Inputs)
	rule := func(name, schedule string, days float64) map[string]any {
		return map[string]any{
			"ruleName": name, "targetVaultName": vault.PhysicalName(), "schedule": schedule, "startWindow": 60.0, "completionWindow": 360.0,
			"lifecycle": map[string]any{"deleteAfter": days},
		}
	}
	require.Equal(t, []any{rule("daily", "cron(0 23 * * ? *)", 35), rule("monthly", "cron(0 23 1 * ? *)", 365)}, named(t, g, "backup-plan").Inputs["rules"])
	selection := named(t, g, "backup-selection")
	require.Equal(t, []any{"cluster-arn"}, selection.Inputs["resources"])
	require.Equal(t, named(t, g, "backup-worker-role").Outputs["arn"], selection.Inputs["iamRoleArn"])
	require.Equal(t, named(t, g, "backup-plan").Outputs["id"], selection.Inputs["planId"])
}

// A relaxed one keeps a week, unlocked, and its vault goes with what is in it.
func TestRelaxed(t *testing.T) {
	g := record(t, protection.Relaxed, false)
	require.Equal(t, true, named(t, g, "backup-vault").Inputs["forceDestroy"])
	require.False(t, named(t, g, "backup-vault").Options.Protect)
	require.Empty(t, g.OfType(lockType))
	rules := named(t, g, "backup-plan").Inputs["rules"].([]any)
	require.Len(t, rules, 1)
	require.Equal(t, map[string]any{"deleteAfter": 7.0}, rules[0].(map[string]any)["lifecycle"])
}

// Copies go to a vault, a key and a region of their own, through a provider of that region, and stay as long.
func TestAbroad(t *testing.T) {
	g := record(t, protection.Strict, true)
	require.Len(t, g.OfType(vaultType), 2)
	vault, key := named(t, g, "backup-abroad"), named(t, g, "backup-abroad-key")
	for _, name := range []string{"backup-abroad", "backup-abroad-lock", "backup-abroad-key", "backup-abroad-key-alias"} {
		require.Equal(t, "abroad", named(t, g, name).Provider, name)
	}
	require.NotEqual(t, "abroad", named(t, g, "backup-vault").Provider)
	require.Equal(t, key.Outputs["arn"], vault.Inputs["kmsKeyArn"])
	require.Contains(t, vault.Outputs["arn"], ":ap-northeast-1:")
	require.True(t, vault.Options.Protect && key.Options.Protect)
	require.Contains(t, key.Text("policy"), "arn:aws:iam::111122223333:root")
	days := []float64{35, 365}
	for i, rule := range named(t, g, "backup-plan").Inputs["rules"].([]any) {
		require.Equal(t, []any{map[string]any{
			"destinationVaultArn": vault.Outputs["arn"], "lifecycle": map[string]any{"deleteAfter": days[i]},
		}}, rule.(map[string]any)["copyActions"])
	}
	require.Contains(t, named(t, g, "backup-worker-policy").Text("policy"), vault.Outputs["arn"].(string))
}

// The role makes snapshots, deletes its own, writes to these vaults, hands keys on to AWS alone, and restores nothing.
func TestRole(t *testing.T) {
	g := record(t, protection.Strict, false)
	policy := named(t, g, "backup-worker-policy").Text("policy")
	require.Contains(t, policy, `"Action":["rds:DeleteDBClusterSnapshot","rds:ModifyDBClusterSnapshotAttribute"],"Resource":["arn:aws:rds:*:111122223333:cluster-snapshot:awsbackup:*"]`)
	require.Contains(t, policy, `"Action":["kms:CreateGrant"],"Resource":["arn:aws:kms:*:111122223333:key/*"],"Condition":{"Bool":{"kms:GrantIsForAWSResource":["true"]}}`)
	require.Contains(t, policy, `"Resource":["`+named(t, g, "backup-vault").Outputs["arn"].(string)+`"]`)
	require.NotContains(t, policy, "Restore")
	require.NotContains(t, policy, "rds:DeleteDBCluster\"")
	require.Contains(t, named(t, g, "backup-worker-role").Text("assumeRolePolicy"), `"backup.amazonaws.com"`)
}

// A job that ends badly is told at once, a day without one by the next.
func TestTold(t *testing.T) {
	g := record(t, protection.Strict, true)
	vault := named(t, g, "backup-vault")
	require.Equal(t, `{"detail":{"backupVaultName":["`+vault.PhysicalName()+`"],"state":["ABORTED","EXPIRED","FAILED","PARTIAL"]},"detail-type":["Backup Job State Change"],"source":["aws.backup"]}`,
		named(t, g, "backup-failed").Text("eventPattern"))
	require.Contains(t, named(t, g, "backup-copy-failed").Text("eventPattern"), `"sourceBackupVaultArn":["`+vault.Outputs["arn"].(string)+`"]`)
	alarm := named(t, g, "backup-none")
	require.Equal(t, []any{"LessThanThreshold", 1.0, 86_400.0, "breaching"}, []any{alarm.Inputs["comparisonOperator"], alarm.Inputs["threshold"], alarm.Inputs["period"], alarm.Inputs["treatMissingData"]})
	for _, r := range record(t, protection.Strict, false).All() {
		require.NotEqual(t, "backup-copy-failed", r.Name, "nothing is copied")
	}
}

// Every wrong argument is named at once, with what is allowed, and nothing is registered.
func TestRefuses(t *testing.T) {
	g, err := graph.Record(func(ctx *pulumi.Context) error {
		_, err := backup.New(ctx, "backup", &backup.Args{Place: here, Protection: "some", Abroad: &backup.Abroad{Region: here.Region}})
		return err
	}, graph.Run{})
	for _, problem := range []string{
		`backup.Backup "backup": protection: "some" is not allowed`, "databases: is empty",
		`abroad.region: "ap-southeast-1" is not allowed; allowed: a region other than ap-southeast-1`, "abroad.provider: is missing",
		"key: is missing", "topic: is missing",
	} {
		require.ErrorContains(t, err, problem)
	}
	require.Empty(t, g.All())
}
