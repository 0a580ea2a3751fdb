package backup

import (
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"workerfleet/components/access"
)

// role is what AWS Backup acts as: it makes and copies snapshots of Aurora clusters, and deletes its own. It can restore
// nothing: who restores does so under a role of their own.
func (b *builder) role() (*access.ServiceRole, error) {
	vaults := []pulumi.StringInput{b.vault.Arn}
	if b.abroad != nil {
		vaults = append(vaults, b.abroad.Arn)
	}
	return access.NewServiceRole(b.ctx, b.child("worker"), &access.ServiceRoleArgs{
		Place: b.args.Place, Service: "backup.amazonaws.com", Description: "Makes and copies snapshots of the database.",
		Policy: access.Document{
			{
				// None of these can be narrowed before the snapshot that they are about exists.
				Sid: "Snapshots", Resources: access.Texts("arn:aws:rds:*:" + b.args.Place.Account + ":*"),
				Actions: []string{
					"rds:AddTagsToResource", "rds:CopyDBClusterSnapshot", "rds:CreateDBClusterSnapshot", "rds:DescribeDBClusters",
					"rds:DescribeDBClusterSnapshots", "rds:ListTagsForResource",
				},
			},
			{
				Sid: "OwnSnapshots", Actions: []string{"rds:DeleteDBClusterSnapshot", "rds:ModifyDBClusterSnapshotAttribute"},
				Resources: access.Texts("arn:aws:rds:*:" + b.args.Place.Account + ":cluster-snapshot:awsbackup:*"),
			},
			{Sid: "Vaults", Actions: []string{"backup:CopyIntoBackupVault", "backup:DescribeBackupVault"}, Resources: vaults},
			{
				Sid: "Keys", Actions: []string{"kms:CreateGrant"}, Resources: access.Texts("arn:aws:kms:*:" + b.args.Place.Account + ":key/*"),
				Conditions: []access.Condition{access.When("Bool", "kms:GrantIsForAWSResource", "true")},
			},
			{Sid: "KeyNames", Actions: []string{"kms:DescribeKey"}, Resources: access.Texts("arn:aws:kms:*:" + b.args.Place.Account + ":key/*")},
		},
	}, b.parent())
}
