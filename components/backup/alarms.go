package backup

import (
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"workerfleet/components/alarms"
)

const daySeconds = 86_400

// watch tells of jobs that failed, and of a day on which none succeeded: what never began fails nowhere.
func (b *builder) watch() error {
	for suffix, job := range map[string]struct {
		says, kind string
		vault      pulumi.Map
	}{
		"failed": {
			kind: "Backup Job State Change", vault: pulumi.Map{"backupVaultName": pulumi.Array{b.vault.Name}},
			says: "A backup of <resource> ended as <state>: <message>. Start it again by hand; until one succeeds, the cluster's own days are all there is.",
		},
		"copy-failed": {
			kind: "Copy Job State Change", vault: pulumi.Map{"sourceBackupVaultArn": pulumi.Array{b.vault.Arn}},
			says: "A copy of <resource> to the second region ended as <state>: <message>. Start it again by hand; the copy before it is the newest abroad.",
		},
	} {
		if suffix == "copy-failed" && b.abroad == nil {
			continue
		}
		job.vault["state"] = pulumi.ToStringArray([]string{"ABORTED", "EXPIRED", "FAILED", "PARTIAL"})
		if err := b.args.Topic.OnEvent(b.ctx, b.child(suffix), alarms.Event{
			Pattern: pulumi.Map{
				"source": pulumi.ToStringArray([]string{"aws.backup"}), "detail-type": pulumi.ToStringArray([]string{job.kind}),
				"detail": job.vault,
			},
			Says:   job.says,
			Values: map[string]string{"resource": "$.detail.resourceArn", "state": "$.detail.state", "message": "$.detail.statusMessage"},
		}, b.parent()); err != nil {
			return err
		}
	}
	_, err := b.args.Topic.Alarm(b.ctx, b.child("none"), alarms.Alarm{
		Says: "No backup of the database succeeded for a day. Look at the jobs of the vault, and whether the plan still selects the cluster.",
		Metric: alarms.Metric{
			Namespace: "AWS/Backup", Name: "NumberOfBackupJobsCompleted", Statistic: alarms.Sum, Seconds: daySeconds,
			Dimensions: pulumi.StringMap{"BackupVaultName": b.vault.Name},
		},
		Below: 1, Periods: 1, Missing: alarms.Breaching,
	}, b.parent())
	return err
}
