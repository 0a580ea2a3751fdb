package policy_test

import "workerfleet/stacks/graph"

func cacheJudgements() []judgement {
	group := res("aws:elasticache/replicationGroup:ReplicationGroup", "cache", inputs{
		"atRestEncryptionEnabled": true, "transitEncryptionEnabled": true, "transitEncryptionMode": "required", "userGroupIds": []any{"users"}, "kmsKeyId": arnOf(theKey),
		"automaticFailoverEnabled": true, "multiAzEnabled": true, "replicasPerNodeGroup": 1.0, "snapshotRetentionLimit": 7.0, "autoMinorVersionUpgrade": true,
		"subnetGroupName": "cache-subnets", "port": 6380.0, "logDeliveryConfigurations": []any{inputs{"logType": "slow-log"}, inputs{"logType": "engine-log"}},
	})
	serverless := res("aws:elasticache/serverlessCache:ServerlessCache", "cache", inputs{
		"subnetIds": bothZones, "securityGroupIds": []any{"sg-1"}, "kmsKeyId": arnOf(theKey), "snapshotRetentionLimit": 7.0, "userGroupId": "users",
		"cacheUsageLimits": inputs{"dataStorage": inputs{"maximum": 5.0, "unit": "GB"}, "ecpuPerSeconds": []any{inputs{"maximum": 10_000.0}}},
	})
	user := res("aws:elasticache/user:User", "cache-api", inputs{"authenticationMode": inputs{"type": "iam"}})
	return []judgement{
		broken(88, "atRestEncryptionEnabled", group, inputs{"atRestEncryptionEnabled": nil}),
		broken(89, "transitEncryptionEnabled", group, inputs{"transitEncryptionEnabled": nil}),
		broken(89, "transitEncryptionMode", group, inputs{"transitEncryptionMode": "preferred"}),
		broken(90, "userGroupIds", group, inputs{"userGroupIds": nil}),
		broken(91, "kmsKeyId", group, inputs{"kmsKeyId": nil}),
		broken(92, "multiAzEnabled", group, inputs{"multiAzEnabled": false}),
		broken(92, "automaticFailoverEnabled", group, inputs{"automaticFailoverEnabled": nil}),
		broken(92, "replicasPerNodeGroup", group, inputs{"replicasPerNodeGroup": 0.0}),
		broken(93, "snapshotRetentionLimit", group, inputs{"snapshotRetentionLimit": 1.0}),
		broken(94, "autoMinorVersionUpgrade", group, inputs{"autoMinorVersionUpgrade": nil}),
		broken(95, "subnetGroupName", group, inputs{"subnetGroupName": "default"}),
		broken(96, "port", group, inputs{"port": 6379.0}),
		broken(97, "logDeliveryConfigurations", group, inputs{"logDeliveryConfigurations": []any{inputs{"logType": "slow-log"}}}),
		broken(98, "userGroupId", serverless, inputs{"userGroupId": nil}),
		broken(98, "snapshotRetentionLimit", serverless, inputs{"snapshotRetentionLimit": 0.0}),
		broken(99, "cacheUsageLimits.dataStorage.maximum", serverless, inputs{"cacheUsageLimits.dataStorage": inputs{}}),
		broken(99, "cacheUsageLimits.ecpuPerSeconds", serverless, inputs{"cacheUsageLimits.ecpuPerSeconds": nil}),
		broken(100, "noPasswordRequired", user, inputs{"noPasswordRequired": true}),
		broken(100, "authenticationMode.type", user, inputs{"authenticationMode": nil}),
	}
}

func databaseJudgements() []judgement {
	group := res("aws:ec2/securityGroup:SecurityGroup", "db-group", inputs{})
	proxyGroup := res("aws:ec2/securityGroup:SecurityGroup", "proxy-group", inputs{})
	cluster := res("aws:rds/cluster:Cluster", "db-cluster", inputs{
		"engine": "aurora-postgresql", "storageEncrypted": true, "kmsKeyId": arnOf(theKey), "deletionProtection": true, "iamDatabaseAuthenticationEnabled": true,
		"copyTagsToSnapshot": true, "backupRetentionPeriod": 14.0, "enabledCloudwatchLogsExports": []any{"postgresql"}, "manageMasterUserPassword": true,
		"masterUsername": "keeper_of_keys", "port": 5433.0, "skipFinalSnapshot": false, "finalSnapshotIdentifier": "last", "vpcSecurityGroupIds": []any{idOf(group)},
	})
	mysql := change(cluster, inputs{"engine": "aurora-mysql", "backtrackWindow": 3600.0, "enabledCloudwatchLogsExports": []any{"audit", "error", "slowquery"}})
	instance := res("aws:rds/clusterInstance:ClusterInstance", "db-one", inputs{
		"clusterIdentifier": idOf(cluster), "publiclyAccessible": false, "autoMinorVersionUpgrade": true, "monitoringInterval": 60.0, "monitoringRoleArn": "arn:aws:iam::1:role/m",
		"performanceInsightsEnabled": true, "performanceInsightsKmsKeyId": arnOf(theKey), "availabilityZone": "ap-southeast-1a",
	})
	second := res("aws:rds/clusterInstance:ClusterInstance", "db-two", change(instance, inputs{"availabilityZone": "ap-southeast-1b"}).Inputs)
	parameters := res("aws:rds/clusterParameterGroup:ClusterParameterGroup", "db-parameters", inputs{"family": "aurora-postgresql16", "parameters": []any{
		inputs{"name": "rds.force_ssl", "value": "1"}, inputs{"name": "log_min_duration_statement", "value": "1000"},
	}})
	proxy := res("aws:rds/proxy:Proxy", "db-proxy", inputs{
		"requireTls": true, "debugLogging": false, "auths": []any{inputs{"iamAuth": "REQUIRED", "secretArn": "arn:aws:secretsmanager:x"}}, "vpcSecurityGroupIds": []any{idOf(proxyGroup)},
	})
	target := res("aws:rds/proxyTarget:ProxyTarget", "db-target", inputs{"dbProxyName": nameOf(proxy)})
	way := res("aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule", "db-in", inputs{"securityGroupId": idOf(group), "referencedSecurityGroupId": idOf(proxyGroup)})
	told := func(source string) graph.Resource {
		return res("aws:rds/eventSubscription:EventSubscription", "db-"+source, inputs{"sourceType": source, "snsTopic": "arn"})
	}
	tells := res("aws:cloudwatch/eventRule:EventRule", "db-events", inputs{"eventPattern": text(inputs{"source": []string{"aws.rds"}, "detail-type": []string{"RDS DB Cluster Event"}})})
	heard := res("aws:cloudwatch/eventTarget:EventTarget", "db-events-target", inputs{"rule": nameOf(tells), "arn": "arn"})
	both := resources{cluster, instance, second}
	wired := resources{cluster, instance, group, proxyGroup, way, depending(target, instance)}
	return []judgement{
		broken(101, "storageEncrypted", cluster, inputs{"storageEncrypted": nil}),
		broken(102, "kmsKeyId", cluster, inputs{"kmsKeyId": nil}),
		broken(103, "deletionProtection", cluster, inputs{"deletionProtection": false}),
		broken(104, "iamDatabaseAuthenticationEnabled", cluster, inputs{"iamDatabaseAuthenticationEnabled": nil}),
		broken(105, "copyTagsToSnapshot", cluster, inputs{"copyTagsToSnapshot": nil}),
		broken(106, "backupRetentionPeriod", cluster, inputs{"backupRetentionPeriod": 1.0}),
		broken(107, "enabledCloudwatchLogsExports", cluster, inputs{"enabledCloudwatchLogsExports": []any{}}),
		broken(107, "enabledCloudwatchLogsExports", mysql, inputs{"enabledCloudwatchLogsExports": []any{"error"}}),
		{108, "ClusterInstance.clusterIdentifier", resources{cluster, instance}, both},
		{108, "ClusterInstance.availabilityZone", resources{cluster, instance, change(second, inputs{"availabilityZone": "ap-southeast-1a"})}, both},
		broken(109, "manageMasterUserPassword", cluster, inputs{"manageMasterUserPassword": nil}),
		broken(109, "masterPassword", cluster, inputs{"masterPassword": "hunter22"}),
		broken(110, "masterUsername", cluster, inputs{"masterUsername": "postgres"}),
		broken(111, "port", cluster, inputs{"port": 5432.0}),
		broken(112, "skipFinalSnapshot", cluster, inputs{"skipFinalSnapshot": true}),
		broken(112, "finalSnapshotIdentifier", cluster, inputs{"finalSnapshotIdentifier": nil}),
		broken(113, "backtrackWindow", mysql, inputs{"backtrackWindow": 0.0}),
		broken(114, "parameters", parameters, inputs{"parameters.0.value": "0"}),
		broken(114, "parameters", parameters, inputs{"parameters.1.name": "work_mem"}),
		broken(115, "publiclyAccessible", instance, inputs{"publiclyAccessible": true}),
		broken(116, "autoMinorVersionUpgrade", instance, inputs{"autoMinorVersionUpgrade": false}),
		broken(117, "monitoringInterval", instance, inputs{"monitoringInterval": 0.0}),
		broken(117, "monitoringRoleArn", instance, inputs{"monitoringRoleArn": nil}),
		broken(118, "performanceInsightsEnabled", instance, inputs{"performanceInsightsEnabled": nil}),
		broken(118, "performanceInsightsKmsKeyId", instance, inputs{"performanceInsightsKmsKeyId": nil}),
		broken(119, "requireTls", proxy, inputs{"requireTls": nil}),
		broken(120, "auths.0.iamAuth", proxy, inputs{"auths.0.iamAuth": "DISABLED"}),
		broken(120, "auths.0.secretArn", proxy, inputs{"auths.0.secretArn": nil}),
		broken(121, "debugLogging", proxy, inputs{"debugLogging": true}),
		{122, "dependsOn", resources{proxy, cluster, instance, group, proxyGroup, way, target}, append(resources{proxy}, wired...)},
		{122, "vpcSecurityGroupIds", resources{proxy, cluster, instance, group, proxyGroup, depending(target, instance)}, append(resources{proxy}, wired...)},
		{123, "EventSubscription.sourceType", resources{cluster, told("db-cluster")}, resources{cluster, told("db-cluster"), told("db-instance")}},
		{123, "EventSubscription.sourceType", resources{cluster, tells}, resources{cluster, tells, told("db-instance"), heard}},
		{123, "EventSubscription.sourceType", resources{cluster, tells, heard}, resources{cluster, tells, told("db-instance"), heard}},
	}
}

func dataJudgements() []judgement {
	bucket := res("aws:s3/bucketV2:BucketV2", "logs-bucket", inputs{"bucket": "logs"})
	beside := func(kind, name string, more inputs) graph.Resource {
		in := inputs{"bucket": idOf(bucket)}
		for key, value := range more {
			in[key] = value
		}
		return res("aws:s3/"+kind, name, in)
	}
	access := beside("bucketPublicAccessBlock:BucketPublicAccessBlock", "b-access", inputs{"blockPublicAcls": true, "blockPublicPolicy": true, "ignorePublicAcls": true, "restrictPublicBuckets": true})
	tls := beside("bucketPolicy:BucketPolicy", "b-policy", inputs{"policy": document(inputs{"Effect": "Deny", "Action": "s3:*", "Principal": "*", "Condition": inputs{"Bool": inputs{"aws:SecureTransport": "false"}}})})
	open := beside("bucketPolicy:BucketPolicy", "b-policy", inputs{"policy": document(inputs{"Effect": "Deny", "Action": "s3:*", "Principal": "*"})})
	kept := resources{
		bucket, beside("bucketServerSideEncryptionConfigurationV2:BucketServerSideEncryptionConfigurationV2", "b-key", inputs{"rules": []any{inputs{}}}),
		beside("bucketLifecycleConfigurationV2:BucketLifecycleConfigurationV2", "b-old", inputs{"rules": []any{inputs{}}}),
		beside("bucketLoggingV2:BucketLoggingV2", "b-log", inputs{"targetBucket": "other"}),
		beside("bucketVersioningV2:BucketVersioningV2", "b-versions", inputs{"versioningConfiguration": inputs{"status": "Enabled"}}),
	}
	secret := res("aws:secretsmanager/secret:Secret", "db-secret", inputs{"kmsKeyId": arnOf(theKey)})
	rotation := res("aws:secretsmanager/secretRotation:SecretRotation", "db-rotation", inputs{"secretId": idOf(secret), "rotationRules": inputs{"automaticallyAfterDays": 30.0}})
	vault := res("aws:backup/vault:Vault", "backup-vault", inputs{"kmsKeyArn": arnOf(theKey)})
	lock := res("aws:backup/vaultLockConfiguration:VaultLockConfiguration", "backup-lock", inputs{"backupVaultName": nameOf(vault), "minRetentionDays": 7.0})
	plan := res("aws:backup/plan:Plan", "backup-plan", inputs{"rules": []any{inputs{"targetVaultName": nameOf(vault), "copyActions": []any{inputs{"destinationVaultArn": "arn:aws:backup:ap-northeast-1:111122223333:backup-vault:copies"}}}}})
	cluster := res("aws:rds/cluster:Cluster", "db-cluster", inputs{})
	selection := res("aws:backup/selection:Selection", "backup-db", inputs{"resources": []any{arnOf(cluster)}, "planId": idOf(plan)})
	detector := res("aws:guardduty/detector:Detector", "watch-detector", inputs{"enable": true})
	feature := func(name string) graph.Resource {
		return res("aws:guardduty/detectorFeature:DetectorFeature", "watch-"+name, inputs{"detectorId": idOf(detector), "name": name, "status": "ENABLED"})
	}
	features := resources{detector, feature("RDS_LOGIN_EVENTS"), feature("S3_DATA_EVENTS"), feature("LAMBDA_NETWORK_LOGS"), feature("RUNTIME_MONITORING")}
	group := res("aws:cloudwatch/logGroup:LogGroup", "logs", inputs{"kmsKeyId": arnOf(theKey), "retentionInDays": 365.0})
	alarm := res("aws:cloudwatch/metricAlarm:MetricAlarm", "alarm", inputs{"actionsEnabled": true, "alarmActions": []any{"arn"}, "treatMissingData": "breaching"})
	return []judgement{
		broken(154, "enableKeyRotation", theKey, inputs{"enableKeyRotation": nil}),
		broken(155, "policy", theKey, inputs{"policy": nil}),
		broken(155, "policy", theKey, inputs{"policy": document(inputs{"Effect": "Allow", "Action": "kms:Decrypt", "Principal": "*"})}),
		broken(156, "isEnabled", theKey, inputs{"isEnabled": false}),
		broken(156, "deletionWindowInDays", theKey, inputs{"deletionWindowInDays": 6.0}),
		broken(157, "kmsKeyId", secret, inputs{"kmsKeyId": nil}),
		lonely(158, "SecretRotation.secretId", secret, rotation),
		{158, "SecretRotation.rotationRules.automaticallyAfterDays", resources{secret, change(rotation, inputs{"rotationRules.automaticallyAfterDays": 365.0})}, resources{secret, rotation}},
		broken(165, "kmsKeyId", group, inputs{"kmsKeyId": nil}),
		broken(166, "retentionInDays", group, inputs{"retentionInDays": nil}),
		broken(167, "alarmActions", alarm, inputs{"alarmActions": []any{}}),
		broken(167, "actionsEnabled", alarm, inputs{"actionsEnabled": false}),
		broken(167, "treatMissingData", alarm, inputs{"treatMissingData": nil}),
		lonely(168, "BucketPublicAccessBlock.bucket", bucket, access),
		{168, "BucketPublicAccessBlock.blockPublicPolicy", resources{bucket, change(access, inputs{"blockPublicPolicy": false})}, resources{bucket, access}},
		lonely(169, "BucketPolicy.bucket", bucket, tls),
		{169, "BucketPolicy.policy", resources{bucket, open}, resources{bucket, tls}},
		{170, "BucketVersioningV2.bucket", kept[:4], kept},
		{170, "BucketServerSideEncryptionConfigurationV2.bucket", resources{bucket}, kept},
		broken(171, "kmsKeyArn", vault, inputs{"kmsKeyArn": nil}, lock),
		lonely(171, "VaultLockConfiguration.backupVaultName", vault, lock),
		lonely(172, "Selection.resources.*", cluster, selection),
		broken(173, "rules", plan, inputs{"rules.0.copyActions.0.destinationVaultArn": "arn:aws:backup:ap-southeast-1:111122223333:backup-vault:copies"}, vault),
		broken(174, "enable", detector, inputs{"enable": false}, features[1:]...),
		{174, "DetectorFeature.name", features[:4], features},
	}
}
