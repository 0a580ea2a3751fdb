package policy_test

import (
	"slices"

	"workerfleet/stacks/graph"
)

// dataExamples are those of the data half: cache, database, edge, backups and watch.
func dataExamples() []example {
	return slices.Concat(cacheExamples(), databaseExamples(), proxyExamples(), edgeExamples(), aclExamples(), keepExamples())
}

// with is a copy of inputs with some of them changed; nil takes one away.
func with(standard, changes inputs) inputs {
	copied := inputs{}
	for name, value := range standard {
		copied[name] = value
	}
	for name, value := range changes {
		copied[name] = value
		if value == nil {
			delete(copied, name)
		}
	}
	return copied
}

func cacheExamples() []example {
	const (
		limits = "a serverless cache's limits are ones that ElastiCache has"
		zones  = "a serverless cache stands in two or three zones"
		fails  = "a Valkey cluster fails over by itself, over zones, and states its encryption in transit"
		params = "a Valkey cluster's parameters are those of cluster mode, without eviction"
		alarms = "an alarm on a cache's connections comes before 65,000"
		users  = "a cache user who signs in by IAM has one name and id, and the engine valkey"
	)
	serverless := func(storage, ecpu float64, subnets int) graph.Resource {
		return res("aws:elasticache/serverlessCache:ServerlessCache", "cache", inputs{
			"subnetIds":        list(subnets, "subnet-1"),
			"cacheUsageLimits": inputs{"dataStorage": inputs{"maximum": storage}, "ecpuPerSeconds": []any{inputs{"maximum": ecpu}}},
		})
	}
	whole := inputs{
		"engine": "valkey", "numNodeGroups": 3.0, "replicasPerNodeGroup": 1.0, "automaticFailoverEnabled": true, "multiAzEnabled": true,
		"transitEncryptionEnabled": true,
	}
	cluster := func(changes inputs) graph.Resource {
		return res("aws:elasticache/replicationGroup:ReplicationGroup", "cluster", with(whole, changes))
	}
	group := func(name, enabled, policy string) graph.Resource {
		return res("aws:elasticache/parameterGroup:ParameterGroup", name, inputs{"name": name, "parameters": []any{
			inputs{"name": "cluster-enabled", "value": enabled}, inputs{"name": "maxmemory-policy", "value": policy},
		}})
	}
	groups := []graph.Resource{group("good", "yes", "noeviction"), group("single", "no", "noeviction"), group("evicting", "yes", "volatile-lru")}
	alarm := func(above float64) graph.Resource {
		return res("aws:cloudwatch/metricAlarm:MetricAlarm", "connections", inputs{"namespace": "AWS/ElastiCache", "metricName": "CurrConnections", "threshold": above})
	}
	many := func(above float64) graph.Resource {
		return res("aws:cloudwatch/metricAlarm:MetricAlarm", "connections", inputs{"threshold": above, "metricQueries": []any{
			inputs{"id": "worst", "expression": "MAX(METRICS())"}, inputs{"metric": inputs{"namespace": "AWS/ElastiCache", "metricName": "CurrConnections"}},
		}})
	}
	user := func(id, name, engine string) graph.Resource {
		return res("aws:elasticache/user:User", "api", inputs{"userId": id, "userName": name, "engine": engine, "authenticationMode": inputs{"type": "iam"}})
	}
	return []example{
		{"aws-23", limits, "too much storage", "cacheUsageLimits", nil, serverless(5_001, 1_000, 3), serverless(5_000, 1_000, 3)},
		{"aws-23", limits, "too few ECPU", "cacheUsageLimits", nil, serverless(1, 999, 3), serverless(1, 15_000_000, 2)},
		{"aws-23", zones, "one subnet", "subnetIds", nil, serverless(1, 1_000, 1), serverless(1, 1_000, 2)},
		{"aws-23", zones, "four subnets", "subnetIds", nil, serverless(1, 1_000, 4), serverless(1, 1_000, 3)},
		{"aws-24", fails, "no failover", "automaticFailoverEnabled", nil, cluster(inputs{"automaticFailoverEnabled": nil}), cluster(nil)},
		{"aws-24", fails, "one zone", "multiAzEnabled", nil, cluster(inputs{"multiAzEnabled": false}), cluster(nil)},
		{"aws-24", fails, "no replica", "replicasPerNodeGroup", nil, cluster(inputs{"replicasPerNodeGroup": 0.0}), cluster(nil)},
		{"aws-24", fails, "encryption not stated", "transitEncryptionEnabled", nil, cluster(inputs{"transitEncryptionEnabled": nil}), cluster(nil)},
		{"aws-24", params, "not of cluster mode", "parameterGroupName", groups, cluster(inputs{"parameterGroupName": "single"}), cluster(inputs{"parameterGroupName": "good"})},
		{"aws-24", params, "eviction", "parameterGroupName", groups, cluster(inputs{"parameterGroupName": "evicting"}), cluster(inputs{"parameterGroupName": "good"})},
		{"aws-25", alarms, "too late", "threshold", nil, alarm(65_000), alarm(52_000)},
		{"aws-25", alarms, "too late, of several nodes", "threshold", nil, many(70_000), many(52_000)},
		{"aws-38", users, "two names", "userName", nil, user("tier-1k-api", "api", "valkey"), user("tier-1k-api", "tier-1k-api", "valkey")},
		{"aws-38", users, "other engine", "engine", nil, user("api", "api", "redis"), user("api", "api", "VALKEY")},
	}
}

func databaseExamples() []example {
	const (
		owner    = "a database cluster's owner is not one of AWS's own"
		final    = "a database cluster's deletion takes a final snapshot or says that it takes none"
		protects = "a protected database cluster is protected in AWS too"
		family   = "a database cluster's parameters are of its engine's version, and force TLS"
		class    = "an Aurora instance is of a class that Aurora PostgreSQL has"
		alarmed  = "an alarm on a database's connections comes before its class has no more"
		insights = "Database Insights is stated as standard"
	)
	whole := inputs{"engine": "aurora-postgresql", "engineVersion": "16.8", "skipFinalSnapshot": true, "databaseInsightsMode": "standard"}
	cluster := func(changes inputs) graph.Resource {
		return res("aws:rds/cluster:Cluster", "db", with(whole, changes))
	}
	guarded := func(changes inputs) graph.Resource {
		r := cluster(changes)
		r.Options.Protect = true
		return r
	}
	group := func(name, family, tls string) graph.Resource {
		return res("aws:rds/clusterParameterGroup:ClusterParameterGroup", name, inputs{
			"name": name, "family": family, "parameters": []any{inputs{"name": "rds.force_ssl", "value": tls}},
		})
	}
	groups := []graph.Resource{group("good", "aurora-postgresql16", "1"), group("older", "aurora-postgresql15", "1"), group("open", "aurora-postgresql16", "0")}
	parameters := func(name string) graph.Resource {
		return cluster(inputs{"dbClusterParameterGroupName": name})
	}
	instance := func(class string) graph.Resource {
		return res("aws:rds/clusterInstance:ClusterInstance", "writer", inputs{"engine": "aurora-postgresql", "instanceClass": class, "identifierPrefix": "db-writer-"})
	}
	_, made := place.Simulate(instance("db.r6g.large"), instance("db.r6g.large").URN)
	alarm := func(above float64) graph.Resource {
		return res("aws:cloudwatch/metricAlarm:MetricAlarm", "connections", inputs{
			"namespace": "AWS/RDS", "metricName": "DatabaseConnections", "threshold": above,
			"dimensions": inputs{"DBInstanceIdentifier": made["identifier"]},
		})
	}
	return []example{
		{"aws-26", owner, "reserved", "masterUsername", nil, cluster(inputs{"masterUsername": "rdsadmin"}), cluster(inputs{"masterUsername": "fleet_owner"})},
		{"aws-26", final, "neither", "finalSnapshotIdentifier", nil, cluster(inputs{"skipFinalSnapshot": nil}), cluster(nil)},
		{"aws-26", final, "no name", "finalSnapshotIdentifier", nil, cluster(inputs{"skipFinalSnapshot": false}), cluster(inputs{"skipFinalSnapshot": false, "finalSnapshotIdentifier": "last"})},
		{"aws-26", protects, "in Pulumi alone", "deletionProtection", nil, guarded(nil), guarded(inputs{"deletionProtection": true})},
		{"aws-26", family, "older version", "dbClusterParameterGroupName", groups, parameters("older"), parameters("good")},
		{"aws-26", family, "no TLS", "dbClusterParameterGroupName", groups, parameters("open"), parameters("good")},
		{"aws-26", class, "general purpose", "instanceClass", nil, instance("db.m6g.large"), instance("db.t3.large")},
		{"aws-28", alarmed, "too late", "threshold", []graph.Resource{instance("db.r6g.large")}, alarm(1_722), alarm(1_377)},
		{"aws-39", insights, "advanced", "databaseInsightsMode", nil, cluster(inputs{"databaseInsightsMode": "advanced"}), cluster(nil)},
		{"aws-39", insights, "not stated", "databaseInsightsMode", nil, cluster(inputs{"databaseInsightsMode": nil}), cluster(nil)},
	}
}

func proxyExamples() []example {
	const (
		proxies  = "a database proxy has subnets in two zones, takes nobody without TLS and IAM, and has a secret"
		targets  = "a proxy is led to a cluster when an instance stands and lets it in"
		endpoint = "a proxy's endpoint for reads says so"
	)
	whole := inputs{
		"name": "db", "engineFamily": "POSTGRESQL", "vpcSubnetIds": list(2, "subnet-1"), "requireTls": true, "vpcSecurityGroupIds": []any{"sg-proxy"},
		"auths": []any{inputs{"secretArn": "secret", "iamAuth": "REQUIRED"}},
	}
	proxy := func(changes inputs) graph.Resource {
		return res("aws:rds/proxy:Proxy", "proxy", with(whole, changes))
	}
	cluster := res("aws:rds/cluster:Cluster", "db", inputs{"clusterIdentifier": "db", "vpcSecurityGroupIds": []any{"sg-db"}, "skipFinalSnapshot": true, "databaseInsightsMode": "standard"})
	stranger := res("aws:rds/cluster:Cluster", "shut", inputs{"clusterIdentifier": "shut", "vpcSecurityGroupIds": []any{"sg-shut"}, "skipFinalSnapshot": true, "databaseInsightsMode": "standard"})
	door := res("aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule", "door", inputs{"securityGroupId": "sg-db", "referencedSecurityGroupId": "sg-proxy"})
	target := func(cluster string, after ...string) graph.Resource {
		r := res("aws:rds/proxyTarget:ProxyTarget", "target", inputs{"dbProxyName": "db", "dbClusterIdentifier": cluster})
		r.Options.DependsOn = after
		return r
	}
	const writer = "urn:pulumi:t::p::aws:rds/clusterInstance:ClusterInstance::writer"
	reader := func(role string) graph.Resource {
		return res("aws:rds/proxyEndpoint:ProxyEndpoint", "reader", inputs{"targetRole": role})
	}
	around := []graph.Resource{proxy(nil), cluster, stranger, door}
	return []example{
		{"aws-27", proxies, "one subnet", "vpcSubnetIds", nil, proxy(inputs{"vpcSubnetIds": list(1, "subnet-1")}), proxy(nil)},
		{"aws-27", proxies, "no TLS", "requireTls", nil, proxy(inputs{"requireTls": nil}), proxy(nil)},
		{"aws-27", proxies, "no secret", "auths", nil, proxy(inputs{"auths": []any{inputs{"iamAuth": "REQUIRED"}}}), proxy(nil)},
		{"aws-27", proxies, "passwords", "auths", nil, proxy(inputs{"auths": []any{inputs{"secretArn": "secret", "iamAuth": "DISABLED"}}}), proxy(nil)},
		{"aws-27", targets, "no instance yet", "dbClusterIdentifier", around, target("db", "urn:pulumi:t::p::aws:rds/proxy:Proxy::proxy"), target("db", writer)},
		{"aws-27", targets, "not let in", "dbProxyName", around, target("shut", writer), target("db", writer)},
		{"aws-27", endpoint, "writes", "targetRole", nil, reader("READ_WRITE"), reader("READ_ONLY")},
	}
}

func edgeExamples() []example {
	const (
		balancers = "a load balancer has subnets in two zones and an idle timeout that there is"
		buckets   = "the bucket of a load balancer's logs admits log delivery and is encrypted by S3"
		listeners = "an HTTPS listener has a certificate, an HTTP listener only redirects"
	)
	whole := inputs{"name": "edge", "subnets": list(2, "subnet-1"), "idleTimeout": 60.0}
	balancer := func(changes inputs) graph.Resource {
		return res("aws:lb/loadBalancer:LoadBalancer", "edge", with(whole, changes))
	}
	logging := func(bucket string) graph.Resource {
		return balancer(inputs{"accessLogs": inputs{"enabled": true, "bucket": bucket}})
	}
	policy := func(bucket, service string) graph.Resource {
		return res("aws:s3/bucketPolicy:BucketPolicy", bucket+"-policy", inputs{"bucket": bucket, "policy": document(inputs{
			"Effect": "Allow", "Action": "s3:PutObject", "Principal": inputs{"Service": service},
		})})
	}
	encrypted := func(bucket, algorithm string) graph.Resource {
		return res("aws:s3/bucketServerSideEncryptionConfigurationV2:BucketServerSideEncryptionConfigurationV2", bucket+"-encryption", inputs{
			"bucket": bucket, "rules": []any{inputs{"applyServerSideEncryptionByDefault": inputs{"sseAlgorithm": algorithm}}},
		})
	}
	const delivery = "logdelivery.elasticloadbalancing.amazonaws.com"
	around := []graph.Resource{
		policy("good", delivery), encrypted("good", "AES256"), policy("shut", "cloudtrail.amazonaws.com"), policy("kms", delivery), encrypted("kms", "aws:kms"),
	}
	listener := func(in inputs) graph.Resource { return res("aws:lb/listener:Listener", "listener", in) }
	action := func(kind string) []any { return []any{inputs{"type": kind}} }
	return []example{
		{"aws-29", balancers, "one subnet", "subnets", nil, balancer(inputs{"subnets": list(1, "subnet-1")}), balancer(nil)},
		{"aws-29", balancers, "too patient", "idleTimeout", nil, balancer(inputs{"idleTimeout": 4_001.0}), balancer(inputs{"idleTimeout": 4_000.0})},
		{"aws-29", buckets, "closed", "accessLogs", around, logging("shut"), logging("good")},
		{"aws-29", buckets, "KMS", "accessLogs", around, logging("kms"), logging("good")},
		{"aws-29", listeners, "no certificate", "certificateArn", nil,
			listener(inputs{"protocol": "HTTPS", "defaultActions": action("forward")}), listener(inputs{"protocol": "HTTPS", "certificateArn": "c", "defaultActions": action("forward")})},
		{"aws-29", listeners, "serves in the clear", "defaultActions", nil,
			listener(inputs{"protocol": "HTTP", "defaultActions": action("forward")}), listener(inputs{"protocol": "HTTP", "defaultActions": action("redirect")})},
	}
}

func aclExamples() []example {
	const (
		scopes   = "the web ACL of a load balancer is regional"
		rules    = "a web ACL's rules have priorities of their own, and the sort of action that fits them"
		capacity = "a web ACL fits into its capacity"
		body     = "the core rules do not block a webhook's large body"
		rates    = "a rate rule's limit is at least 10"
	)
	acl := func(rules ...any) graph.Resource {
		return res("aws:wafv2/webAcl:WebAcl", "acl", inputs{"name": "acl", "scope": "REGIONAL", "rules": rules})
	}
	managed := func(priority float64, name string) inputs {
		return inputs{"name": name, "priority": priority, "overrideAction": inputs{"none": inputs{}}, "statement": inputs{"managedRuleGroupStatement": inputs{"name": name}}}
	}
	rate := func(limit float64) inputs {
		return inputs{"name": "rate", "priority": 0.0, "action": inputs{"block": inputs{}}, "statement": inputs{"rateBasedStatement": inputs{"limit": limit}}}
	}
	core := func(overrides ...any) inputs {
		rule := managed(0, "AWSManagedRulesCommonRuleSet")
		rule["statement"].(inputs)["managedRuleGroupStatement"].(inputs)["ruleActionOverrides"] = overrides
		return rule
	}
	counts := inputs{"name": "SizeRestrictions_BODY", "actionToUse": inputs{"count": inputs{}}}
	const sql, inputsSet = "AWSManagedRulesSQLiRuleSet", "AWSManagedRulesKnownBadInputsRuleSet"
	full := make([]any, 0, 30)
	for i := range 26 {
		full = append(full, managed(float64(i), sql))
	}
	global := res("aws:wafv2/webAcl:WebAcl", "global", inputs{"name": "global", "scope": "CLOUDFRONT"})
	regional := res("aws:wafv2/webAcl:WebAcl", "regional", inputs{"name": "regional", "scope": "REGIONAL"})
	joined := func(to graph.Resource) graph.Resource {
		return res("aws:wafv2/webAclAssociation:WebAclAssociation", "join", inputs{
			"webAclArn": arnOf(to), "resourceArn": "arn:aws:elasticloadbalancing:ap-southeast-1:111122223333:loadbalancer/app/edge/1",
		})
	}
	return []example{
		{"aws-30", scopes, "CloudFront's", "webAclArn", []graph.Resource{global, regional}, joined(global), joined(regional)},
		{"aws-30", rules, "one priority twice", "rules", nil, acl(managed(1, sql), managed(1, inputsSet)), acl(managed(1, sql), managed(2, inputsSet))},
		{"aws-30", rules, "an action on a managed group", "rules", nil, acl(with(managed(1, sql), inputs{"action": inputs{"block": inputs{}}})), acl(managed(1, sql))},
		{"aws-30", rules, "no action", "rules", nil, acl(with(rate(10), inputs{"action": nil})), acl(rate(10))},
		{"aws-30", capacity, "too much", "rules", nil, acl(full...), acl(full[:25]...)},
		{"aws-30", body, "blocked", "rules", nil, acl(core()), acl(core(counts))},
		{"aws-30", rates, "too low", "rules", nil, acl(rate(9)), acl(rate(10))},
	}
}

func keepExamples() []example {
	const (
		keys       = "a backup vault's key is of the vault's own region"
		copies     = "a copy of a backup goes to a vault of another region"
		composites = "a composite alarm names alarms that exist"
	)
	vault := func(key string) graph.Resource {
		return res("aws:backup/vault:Vault", "vault", inputs{"name": "vault", "kmsKeyArn": key})
	}
	arn := func(region, what string) string {
		return "arn:aws:" + what[:3] + ":" + region + ":111122223333:" + what
	}
	plan := func(region string) graph.Resource {
		return res("aws:backup/plan:Plan", "plan", inputs{"rules": []any{inputs{
			"targetVaultName": "vault", "copyActions": []any{inputs{"destinationVaultArn": arn(region, "backup-vault:abroad")}},
		}}})
	}
	alarm := res("aws:cloudwatch/metricAlarm:MetricAlarm", "errors", inputs{"name": "tier-1k-errors"})
	other := res("aws:cloudwatch/compositeAlarm:CompositeAlarm", "other", inputs{"alarmName": "tier-1k-other", "alarmRule": ""})
	composite := func(rule string) graph.Resource {
		return res("aws:cloudwatch/compositeAlarm:CompositeAlarm", "users", inputs{"alarmName": "tier-1k-users", "alarmRule": rule})
	}
	around := []graph.Resource{alarm, other}
	const once = "what an account has once is made once"
	issuer := func(name, url string) graph.Resource {
		return res("aws:iam/openIdConnectProvider:OpenIdConnectProvider", name, inputs{"url": url})
	}
	return []example{
		{"aws-34", keys, "of another region", "kmsKeyArn", nil, vault(arn("eu-west-1", "kms:key")), vault(arn("ap-southeast-1", "kms:key"))},
		{"aws-34", copies, "at home", "rules", []graph.Resource{vault("")}, plan("ap-southeast-1"), plan("ap-northeast-1")},
		{"aws-36", once, "two providers of one issuer", "", []graph.Resource{issuer("first", "https://a.com")}, issuer("second", "https://a.com"), issuer("second", "https://b.com")},
		{"aws-35", composites, "nobody", "alarmRule", around, composite(`ALARM("tier-1k-errors") OR ALARM("tier-1k-nobody")`), composite(`ALARM("tier-1k-errors") OR ALARM("tier-1k-other")`)},
	}
}
