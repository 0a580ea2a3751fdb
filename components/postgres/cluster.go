package postgres

import (
	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/cloudwatch"
	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/rds"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

// The engine: docs/decisions/database-version.md says why this one, and who raises it. db.t3.large and the r6g classes
// of every tier exist for it.
const (
	engine          = "aurora-postgresql"
	engineVersion   = "16.8"
	parameterFamily = "aurora-postgresql16"
)

// Windows in UTC. At 22:00 no exchange between Tokyo and New York trades, and on Saturday evening none anywhere.
const (
	backupWindow      = "22:00-23:00"
	maintenanceWindow = "sat:17:00-sat:18:00"
)

// How many days the cluster can be restored to any second of, and how long its logs are kept.
const (
	backupDaysStrict  = 14
	backupDaysRelaxed = 7
	logDays           = 30
)

// makeCluster makes the volume and everything that its instances share.
func (b *builder) makeCluster() error {
	subnets, err := rds.NewSubnetGroup(b.ctx, b.child("subnets"), &rds.SubnetGroupArgs{
		Description: pulumi.String("Private subnets of the database"), SubnetIds: b.args.Subnets,
	}, b.parent())
	if err != nil {
		return err
	}
	parameters, err := rds.NewClusterParameterGroup(b.ctx, b.child("cluster-parameters"), &rds.ClusterParameterGroupArgs{
		Family: pulumi.String(parameterFamily), Description: pulumi.String("TLS, logs, statements, timeouts"), Parameters: clusterParameters(),
	}, b.parent())
	if err != nil {
		return err
	}
	log, err := b.logGroup("log", "/aws/rds/cluster/"+b.id+"/postgresql")
	if err != nil {
		return err
	}
	args := &rds.ClusterArgs{
		ClusterIdentifier: pulumi.String(b.id), Engine: pulumi.String(engine), EngineVersion: pulumi.String(engineVersion),
		DatabaseName: pulumi.String(Database), Port: pulumi.Int(Port),
		MasterUsername: pulumi.String(owner), ManageMasterUserPassword: pulumi.Bool(true), MasterUserSecretKmsKeyId: b.args.Key,
		IamDatabaseAuthenticationEnabled: pulumi.Bool(true),
		StorageEncrypted:                 pulumi.Bool(true), KmsKeyId: b.args.Key,
		DbSubnetGroupName: subnets.Name, VpcSecurityGroupIds: pulumi.StringArray{b.clusterGroup},
		DbClusterParameterGroupName: parameters.Name, EnabledCloudwatchLogsExports: pulumi.ToStringArray([]string{"postgresql"}),
		DatabaseInsightsMode:  pulumi.String("standard"),
		BackupRetentionPeriod: pulumi.Int(backupDaysRelaxed), PreferredBackupWindow: pulumi.String(backupWindow),
		PreferredMaintenanceWindow: pulumi.String(maintenanceWindow), CopyTagsToSnapshot: pulumi.Bool(true),
		ApplyImmediately: pulumi.Bool(false), AllowMajorVersionUpgrade: pulumi.Bool(false),
	}
	b.protect(args)
	cluster, err := rds.NewCluster(b.ctx, b.child("cluster"), args, b.parent(), b.args.Protection.Option(),
		pulumi.DependsOn([]pulumi.Resource{log}),
		// AWS raises the minor version in the window; the stated one is where a new cluster begins.
		pulumi.IgnoreChanges([]string{"engineVersion"}))
	if err != nil {
		return err
	}
	b.cluster = cluster.ClusterIdentifier
	b.c.ClusterARN, b.c.ClusterID, b.c.WriterEndpoint = cluster.Arn, cluster.ClusterIdentifier, cluster.Endpoint
	b.c.OwnerSecret = cluster.MasterUserSecrets.Index(pulumi.Int(0)).SecretArn().Elem()
	return nil
}

// protect says how hard the data are to lose: all of it follows from the one level.
func (b *builder) protect(args *rds.ClusterArgs) {
	protects := b.args.Protection.Protects()
	args.DeletionProtection, args.SkipFinalSnapshot = pulumi.Bool(protects), pulumi.Bool(!protects)
	args.DeleteAutomatedBackups = pulumi.Bool(!protects)
	if protects {
		args.BackupRetentionPeriod = pulumi.Int(backupDaysStrict)
		args.FinalSnapshotIdentifier = pulumi.String(b.id + "-final")
	}
}

// logGroup makes a log before RDS would make it without a key and for ever.
func (b *builder) logGroup(suffix, name string) (*cloudwatch.LogGroup, error) {
	return cloudwatch.NewLogGroup(b.ctx, b.child(suffix), &cloudwatch.LogGroupArgs{
		Name: pulumi.String(name), KmsKeyId: b.args.LogsKey.ToStringOutput().ToStringPtrOutput(), RetentionInDays: pulumi.Int(logDays),
	}, b.parent())
}

// clusterParameters: no connection without TLS; what changes the schema or takes longer than a second is logged, without
// its values; a transaction that nobody goes on with ends after ten
// seconds: it keeps the rows of a user locked, whose orders are valid for a minute.
func clusterParameters() rds.ClusterParameterGroupParameterArray {
	const restart = "pending-reboot"
	var parameters rds.ClusterParameterGroupParameterArray
	for _, p := range [][3]string{
		{"idle_in_transaction_session_timeout", "10000", "immediate"},
		{"log_lock_waits", "1", "immediate"},
		{"log_min_duration_statement", "1000", "immediate"},
		{"log_parameter_max_length", "0", "immediate"},
		{"log_parameter_max_length_on_error", "0", "immediate"},
		{"log_statement", "ddl", "immediate"},
		{"rds.force_ssl", "1", restart},
		{"shared_preload_libraries", "pg_stat_statements", restart},
		{"ssl_min_protocol_version", "TLSv1.2", restart},
	} {
		parameters = append(parameters, rds.ClusterParameterGroupParameterArgs{
			Name: pulumi.String(p[0]), Value: pulumi.String(p[1]), ApplyMethod: pulumi.String(p[2]),
		})
	}
	return parameters
}
