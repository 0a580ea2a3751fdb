package provider

import (
	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/acm"
	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/backup"
	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/budgets"
	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/cloudwatch"
	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/costexplorer"
	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/elasticache"
	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/guardduty"
	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/iam"
	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/lb"
	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/rds"
	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/route53"
	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/s3"
	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/secretsmanager"
	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/shield"

	"workerfleet/components/edge/firewall"
)

// dataArguments are those of the data half: cache, database, edge, backups and watch. The web ACL's are forms of our own:
// docs/decisions/web-acl.md.
func dataArguments() []argument {
	return []argument{
		acm.CertificateArgs{},
		acm.CertificateValidationArgs{},
		backup.PlanArgs{},
		backup.SelectionArgs{},
		backup.VaultArgs{},
		backup.VaultLockConfigurationArgs{},
		budgets.BudgetArgs{},
		cloudwatch.CompositeAlarmArgs{},
		cloudwatch.DashboardArgs{},
		cloudwatch.LogResourcePolicyArgs{},
		costexplorer.AnomalyMonitorArgs{},
		costexplorer.AnomalySubscriptionArgs{},
		elasticache.ParameterGroupArgs{},
		elasticache.ReplicationGroupArgs{},
		elasticache.ServerlessCacheArgs{},
		elasticache.SubnetGroupArgs{},
		elasticache.UserArgs{},
		elasticache.UserGroupArgs{},
		firewall.ACL{},
		firewall.Association{},
		firewall.Logging{},
		guardduty.DetectorArgs{},
		guardduty.DetectorFeatureArgs{},
		iam.OpenIdConnectProviderArgs{},
		lb.ListenerArgs{},
		lb.LoadBalancerArgs{},
		lb.TargetGroupArgs{},
		rds.ClusterArgs{},
		rds.ClusterInstanceArgs{},
		rds.ClusterParameterGroupArgs{},
		rds.ParameterGroupArgs{},
		rds.ProxyArgs{},
		rds.ProxyDefaultTargetGroupArgs{},
		rds.ProxyEndpointArgs{},
		rds.ProxyTargetArgs{},
		rds.SubnetGroupArgs{},
		route53.RecordArgs{},
		s3.BucketLifecycleConfigurationV2Args{},
		s3.BucketOwnershipControlsArgs{},
		s3.BucketPolicyArgs{},
		s3.BucketPublicAccessBlockArgs{},
		s3.BucketServerSideEncryptionConfigurationV2Args{},
		s3.BucketV2Args{},
		s3.BucketVersioningV2Args{},
		secretsmanager.SecretArgs{},
		shield.ProtectionArgs{},
	}
}
