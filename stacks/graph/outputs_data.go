package graph

// dataShapes are the shapes of the data half: cache, database, edge, backups and watch.
var dataShapes = map[string]shape{
	"aws:elasticache/serverlessCache:ServerlessCache": {
		arn: "arn:aws:elasticache:{region}:{account}:serverlesscache:{name}",
		lists: map[string][]map[string]any{
			"endpoints":       {{"address": "{name}.serverless.{region}.cache.amazonaws.com", "port": 6379.0}},
			"readerEndpoints": {{"address": "{name}.serverless.{region}.cache.amazonaws.com", "port": 6380.0}},
		},
	},
	"aws:elasticache/replicationGroup:ReplicationGroup": {
		arn: "arn:aws:elasticache:{region}:{account}:replicationgroup:{replicationGroupId}",
		id:  "{replicationGroupId}",
		more: map[string]string{
			"configurationEndpointAddress": "clustercfg.{replicationGroupId}.{hex}.cache.amazonaws.com",
		},
	},
	"aws:elasticache/user:User":           {id: "{userId}", arn: "arn:aws:elasticache:{region}:{account}:user:{userId}"},
	"aws:elasticache/userGroup:UserGroup": {id: "{userGroupId}", arn: "arn:aws:elasticache:{region}:{account}:usergroup:{userGroupId}"},
	"aws:rds/cluster:Cluster": {
		id: "{clusterIdentifier}", arn: "arn:aws:rds:{region}:{account}:cluster:{clusterIdentifier}",
		more: map[string]string{
			"endpoint":          "{clusterIdentifier}.cluster-{hex}.{region}.rds.amazonaws.com",
			"readerEndpoint":    "{clusterIdentifier}.cluster-ro-{hex}.{region}.rds.amazonaws.com",
			"clusterResourceId": "cluster-{hex}",
		},
		lists: map[string][]map[string]any{"masterUserSecrets": {{
			"secretArn": "arn:aws:secretsmanager:{region}:{account}:secret:rds!cluster-{uuid}", "secretStatus": "active",
		}}},
	},
	"aws:rds/clusterInstance:ClusterInstance": {
		id: "{identifierPrefix}{hex}", arn: "arn:aws:rds:{region}:{account}:db:{id}",
		more: map[string]string{"identifier": "{identifierPrefix}{hex}", "endpoint": "{identifierPrefix}{hex}.{hex}.{region}.rds.amazonaws.com"},
	},
	"aws:rds/proxy:Proxy": {
		arn:  "arn:aws:rds:{region}:{account}:db-proxy:prx-{hex}",
		more: map[string]string{"endpoint": "{name}.proxy-{hex}.{region}.rds.amazonaws.com"},
	},
	"aws:rds/proxyDefaultTargetGroup:ProxyDefaultTargetGroup": {
		id: "{dbProxyName}", arn: "arn:aws:rds:{region}:{account}:target-group:prx-tg-{hex}", more: map[string]string{"name": "default"},
	},
	"aws:rds/proxyEndpoint:ProxyEndpoint": {
		id: "{dbProxyName}/{dbProxyEndpointName}", arn: "arn:aws:rds:{region}:{account}:db-proxy-endpoint:prx-endpoint-{hex}",
		more: map[string]string{"endpoint": "{dbProxyEndpointName}.endpoint.proxy-{hex}.{region}.rds.amazonaws.com"},
	},
	"aws:secretsmanager/secret:Secret": {
		id: "arn:aws:secretsmanager:{region}:{account}:secret:{name}-{hex6}", arn: "arn:aws:secretsmanager:{region}:{account}:secret:{name}-{hex6}",
	},
	"aws:lb/loadBalancer:LoadBalancer": {
		id: "arn:aws:elasticloadbalancing:{region}:{account}:loadbalancer/app/{name}/{hex}", arn: "{id}",
		more: map[string]string{
			"arnSuffix": "app/{name}/{hex}", "dnsName": "{name}-{hex}.{region}.elb.amazonaws.com", "zoneId": "Z1LMS91P8CMLE5",
		},
	},
	"aws:lb/targetGroup:TargetGroup": {
		id: "arn:aws:elasticloadbalancing:{region}:{account}:targetgroup/{name}/{hex}", arn: "{id}",
		more: map[string]string{"arnSuffix": "targetgroup/{name}/{hex}"},
	},
	"aws:lb/listener:Listener": {id: "arn:aws:elasticloadbalancing:{region}:{account}:listener/app/{hex}", arn: "{id}"},
	"aws:acm/certificate:Certificate": {
		id: "arn:aws:acm:{region}:{account}:certificate/{uuid}", arn: "{id}",
		lists: map[string][]map[string]any{"domainValidationOptions": {{
			"domainName": "{domainName}", "resourceRecordName": "_{hex}.{domainName}.", "resourceRecordType": "CNAME",
			"resourceRecordValue": "_{hex}.acm-validations.aws.",
		}}},
	},
	"aws:acm/certificateValidation:CertificateValidation": {id: "{certificateArn}"},
	"aws:route53/record:Record":                           {id: "record-{hex}", more: map[string]string{"fqdn": "{hex}.simulated"}},
	"aws:s3/bucketV2:BucketV2": {
		arn: "arn:aws:s3:::{name}", more: map[string]string{"bucket": "{name}", "bucketDomainName": "{name}.s3.amazonaws.com"},
	},
	"aws:wafv2/webAcl:WebAcl":                                         {id: "{uuid}", arn: "arn:aws:wafv2:{region}:{account}:regional/webacl/{name}/{uuid}"},
	"aws:wafv2/webAclAssociation:WebAclAssociation":                   {id: "association-{hex}"},
	"aws:wafv2/webAclLoggingConfiguration:WebAclLoggingConfiguration": {id: "{resourceArn}"},
	"aws:shield/protection:Protection":                                {id: "{uuid}", arn: "arn:aws:shield::{account}:protection/{uuid}"},
	"aws:backup/vault:Vault":                                          {arn: "arn:aws:backup:{region}:{account}:backup-vault:{name}"},
	"aws:backup/plan:Plan":                                            {id: "{uuid}", arn: "arn:aws:backup:{region}:{account}:backup-plan:{uuid}"},
	"aws:backup/selection:Selection":                                  {id: "{uuid}"},
	"aws:cloudwatch/compositeAlarm:CompositeAlarm":                    {id: "{alarmName}", arn: "arn:aws:cloudwatch:{region}:{account}:alarm:{alarmName}"},
	"aws:cloudwatch/dashboard:Dashboard":                              {id: "{dashboardName}", more: map[string]string{"dashboardArn": "arn:aws:cloudwatch::{account}:dashboard/{dashboardName}"}},
	"aws:costexplorer/anomalyMonitor:AnomalyMonitor":                  {id: "arn:aws:ce::{account}:anomalymonitor/{uuid}", arn: "{id}"},
	"aws:costexplorer/anomalySubscription:AnomalySubscription":        {id: "arn:aws:ce::{account}:anomalysubscription/{uuid}", arn: "{id}"},
	"aws:guardduty/detector:Detector":                                 {id: "{hex}", arn: "arn:aws:guardduty:{region}:{account}:detector/{hex}"},
	"aws:budgets/budget:Budget":                                       {id: "{account}:{name}", arn: "arn:aws:budgets::{account}:budget/{name}"},
	"aws:iam/openIdConnectProvider:OpenIdConnectProvider": {
		id: "arn:aws:iam::{account}:oidc-provider/token.actions.githubusercontent.com", arn: "{id}",
	},
}
