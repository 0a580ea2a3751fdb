package policy

import (
	"slices"

	"workerfleet/stacks/graph"
)

const (
	secretType      = "aws:secretsmanager/secret:Secret"
	rotationType    = "aws:secretsmanager/secretRotation:SecretRotation"
	bucketType      = "aws:s3/bucketV2:BucketV2"
	oldBucketType   = "aws:s3/bucket:Bucket"
	bucketAccess    = "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock"
	bucketVersions  = "aws:s3/bucketVersioningV2:BucketVersioningV2"
	bucketLifecycle = "aws:s3/bucketLifecycleConfigurationV2:BucketLifecycleConfigurationV2"
	bucketLogging   = "aws:s3/bucketLoggingV2:BucketLoggingV2"
	vaultLockType   = "aws:backup/vaultLockConfiguration:VaultLockConfiguration"
	selectionType   = "aws:backup/selection:Selection"
	detectorType    = "aws:guardduty/detector:Detector"
	detectedType    = "aws:guardduty/detectorFeature:DetectorFeature"
)

func dataBaseline(asked Asked) []Rule {
	key, bucket := of(keyType), of(bucketType, oldBucketType)
	return []Rule{
		{Row: 154, Title: "a key's material changes every year", Types: key, Refs: refs("SH KMS.4; CIS 3.6; CKV_AWS_7; AwsSolutions-KMS5; AWS-0065"), Check: be("enableKeyRotation", true)},
		{Row: 155, Title: "a key says who may use it, and it is not everyone", Types: key, Refs: refs("SH KMS.5; CKV_AWS_33; CKV2_AWS_64"), Check: every(stated("policy"), allowed("policy", openToAll))},
		{Row: 156, Title: "a key is in use, and a week passes before it is gone", Types: key, Refs: refs("CKV_AWS_227; SH KMS.3"), Check: every(be("isEnabled", nil, true), either(be("deletionWindowInDays", nil), least("deletionWindowInDays", 7)))},
		{Row: 157, Title: "secrets are under a key of ours", Types: of(secretType), Refs: refs("CKV_AWS_149; AWS-0098"), Check: stated("kmsKeyId")},
		{Row: 158, Title: "a secret changes every 90 days", Types: of(secretType), Refs: refs("SH SecretsManager.1; SH SecretsManager.4; CKV2_AWS_57; CKV_AWS_304; AwsSolutions-SMG4"), Check: pointedAt(rotationType, "secretId", each("rotationRules.automaticallyAfterDays", func(value any) string {
			if days, stated := number(value); stated && days <= 90 {
				return ""
			}
			return "is " + shown(value) + "; wanted: 90 or less"
		}))},
		{Row: 168, Title: "a bucket cannot be made public", Types: bucket, Refs: refs("SH S3.8; CIS 2.1.4; CKV_AWS_53; CKV_AWS_54; CKV_AWS_55; CKV_AWS_56; CKV2_AWS_6; AWS-0094"), Check: pointedAt(bucketAccess, "bucket",
			every(be("blockPublicAcls", true), be("blockPublicPolicy", true), be("ignorePublicAcls", true), be("restrictPublicBuckets", true)))},
		{Row: 169, Title: "a bucket is reached over TLS alone", Types: bucket, Refs: refs("SH S3.5; CIS 2.1.1; AwsSolutions-S10"), Check: pointedAt(bucketPolicyType, "bucket", encryptedOnly("policy"))},
		{Row: 170, Title: "a bucket is encrypted, keeps what is overwritten, clears up and logs", Types: bucket, Refs: refs("SH S3.9; SH S3.13; SH S3.14; CKV_AWS_18; CKV_AWS_19; CKV_AWS_21; CKV2_AWS_61; AWS-0088; AWS-0089; AWS-0090"), Check: every(
			pointedAt(bucketKeyType, "bucket", some("rules")), pointedAt(bucketVersions, "bucket", be("versioningConfiguration.status", "Enabled")),
			pointedAt(bucketLifecycle, "bucket", some("rules")), either(pointedAt(bucketLogging, "bucket", nil), pointedAt(bucketLogging, "targetBucket", nil), pointedAt(balancerType, "accessLogs.bucket", nil)))},
		{Row: 171, Title: "backups are under a key of ours, and locked from 100,000 users on", Types: of(vaultType), Refs: refs("CKV_AWS_166; prowler backup_vaults_encrypted"), Check: checkVault(asked)},
		{Row: 172, Title: "the database is backed up", Types: of(clusterType), Refs: refs("CKV2_AWS_8; SH RDS.26"), Check: pointedAt(selectionType, "resources.*", stated("planId"))},
		{Row: 173, Title: "backups are copied to another region", Types: of(planType), Off: unless(asked.CrossRegionBackup, "the stack asks for no copies in another region"), Refs: refs("house"), Check: checkBackupCopies},
	}
}

func checkVault(asked Asked) check {
	if asked.Users < 100_000 {
		return stated("kmsKeyArn")
	}
	return every(stated("kmsKeyArn"), pointedAt(vaultLockType, "backupVaultName", least("minRetentionDays", 1)))
}

// checkBackupCopies wants a copy whose vault stands in another region than the vaults of the stack's own.
func checkBackupCopies(g *graph.Graph, r graph.Resource) []Finding {
	own := map[string]bool{}
	for _, at := range spots(r, "rules.*.targetVaultName") {
		if vault, found := g.Refers(vaultType, at.value); found {
			own[regionOf(vault.Outputs["arn"])] = true
		}
	}
	unsure := false
	for _, at := range spots(r, "rules.*.copyActions.*.destinationVaultArn") {
		unsure = unsure || at.value == graph.Unknown
		if region := regionOf(at.value); region != "" && !own[region] {
			return nil
		}
	}
	answer := finding("rules", "copy nothing to another region; wanted: copyActions to a vault there")
	answer.Undecided = unsure
	return []Finding{answer}
}

// checkDetector wants the detector's features beside it.
func checkDetector(g *graph.Graph, r graph.Resource) []Finding {
	features, unsure := pointing(g, detectedType, "detectorId", r)
	var findings []Finding
	for _, feature := range []string{"RDS_LOGIN_EVENTS", "S3_DATA_EVENTS", "LAMBDA_NETWORK_LOGS", "RUNTIME_MONITORING"} {
		if !slices.ContainsFunc(features, func(f graph.Resource) bool { return f.Text("name") == feature && f.Text("status") == "ENABLED" }) {
			missing := finding("DetectorFeature.name", "is %s nowhere; wanted: it, ENABLED", feature)
			missing.Undecided = unsure
			findings = append(findings, missing)
		}
	}
	return findings
}
