package policy

import (
	"maps"
	"slices"
	"strings"

	"workerfleet/stacks/graph"
)

const (
	subscriptionType = "aws:rds/eventSubscription:EventSubscription"
)

func databaseBaseline(asked Asked) []Rule {
	cluster, instance, proxy := of(clusterType), of(instanceType), of(proxyType)
	mayGo := unless(asked.Strict, "the stack asks for relaxed protection")
	return []Rule{
		{Row: 101, Title: "the database is encrypted at rest", Types: cluster, Refs: refs("SH RDS.27; CIS 2.2.1; CKV_AWS_96; AwsSolutions-RDS2; AWS-0079"), Check: be("storageEncrypted", true)},
		{Row: 102, Title: "the database is encrypted with a key of ours", Types: cluster, Refs: refs("CKV_AWS_327"), Check: stated("kmsKeyId")},
		{Row: 103, Title: "the database refuses to be deleted", Types: cluster, Off: mayGo, Refs: refs("SH RDS.7; CKV_AWS_139; AwsSolutions-RDS10; AWS-0343"), Check: be("deletionProtection", true)},
		{Row: 104, Title: "processes sign in to the database by their role", Types: cluster, Refs: refs("SH RDS.12; CKV_AWS_162; AwsSolutions-RDS6; AWS-0176"), Check: be("iamDatabaseAuthenticationEnabled", true)},
		{Row: 105, Title: "a snapshot carries the tags of its database", Types: cluster, Refs: refs("SH RDS.16; SH RDS.47; SH RDS.48; CKV_AWS_313"), Check: be("copyTagsToSnapshot", true)},
		{Row: 106, Title: "backups are kept for a week", Types: cluster, Refs: refs("SH RDS.50; CKV_AWS_133; AWS-0077"), Check: least("backupRetentionPeriod", 7)},
		{Row: 107, Title: "the database's log is kept", Types: cluster, Refs: refs("SH RDS.34; SH RDS.37; CKV_AWS_324; CKV_AWS_325"), Check: checkDatabaseLogs},
		{Row: 108, Title: "the database outlives a zone", Types: cluster, Off: unless(asked.MultiAZ, "the stack asks for a database in one zone"), Refs: refs("SH RDS.15; CIS 2.2.4"), Check: checkInstances},
		{Row: 109, Title: "AWS keeps and changes the master's password", Types: cluster, Refs: refs("house"), Check: every(be("manageMasterUserPassword", true), unstated("masterPassword"))},
		{Row: 110, Title: "the master is not called as everyone's is", Types: cluster, Refs: refs("SH RDS.24"), Check: each("masterUsername", func(value any) string {
			if empty(value) || slices.Contains([]any{"admin", "postgres", "root"}, value) {
				return "is " + shown(value) + "; wanted: a name that nobody guesses first"
			}
			return ""
		})},
		{Row: 111, Title: "the database listens on a port of its own", Types: cluster, Refs: refs("SH RDS.23; AwsSolutions-RDS11"), Check: every(otherPort(5432), otherPort(3306))},
		{Row: 112, Title: "the database leaves a snapshot behind", Types: cluster, Off: mayGo, Refs: refs("house"), Check: every(be("skipFinalSnapshot", nil, false), stated("finalSnapshotIdentifier"))},
		{Row: 113, Title: "a MySQL cluster can be wound back", Types: cluster, Only: be("engine", "aurora-mysql"), Refs: refs("SH RDS.14; CKV_AWS_326; AwsSolutions-RDS14"), Check: least("backtrackWindow", 1)},
		{Row: 114, Title: "PostgreSQL takes TLS alone and logs statements", Types: of(clusterParameterType), Refs: refs("CKV2_AWS_27; CKV2_AWS_69"), Check: knowing(checkParameters, "family")},
		{Row: 115, Title: "the database has no public address", Types: instance, Refs: refs("SH RDS.2; CIS 2.2.3; CKV_AWS_17; AWS-0180"), Check: be("publiclyAccessible", nil, false)},
		{Row: 116, Title: "the database takes small updates by itself", Types: instance, Refs: refs("SH RDS.13; SH RDS.35; CIS 2.2.2; CKV_AWS_226"), Check: be("autoMinorVersionUpgrade", nil, true)},
		{Row: 117, Title: "the database's host is watched", Types: instance, Refs: refs("SH RDS.6; CKV_AWS_118"), Check: every(least("monitoringInterval", 1), stated("monitoringRoleArn"))},
		{Row: 118, Title: "it is known what the database spends its time on, under a key of ours", Types: instance, Refs: refs("CKV_AWS_353; CKV_AWS_354; AWS-0133; AWS-0078"), Check: every(be("performanceInsightsEnabled", true), stated("performanceInsightsKmsKeyId"))},
		{Row: 119, Title: "the proxy takes TLS alone", Types: proxy, Refs: refs("SH RDS.43"), Check: be("requireTls", true)},
		{Row: 120, Title: "processes sign in to the proxy by their role, and it to the database by a secret", Types: proxy, Refs: refs("house"), Check: every(some("auths"), be("auths.*.iamAuth", "REQUIRED"), stated("auths.*.secretArn"))},
		{Row: 121, Title: "the proxy logs no statements", Types: proxy, Off: unless(asked.Users > 100, "binds above 100 users"), Refs: refs("house"), Check: be("debugLogging", nil, false)},
		{Row: 122, Title: "the proxy waits for an instance and may reach it", Types: proxy, Refs: refs("house"), Check: checkProxyWay},
		{Row: 123, Title: "somebody is told when the database fails or is maintained", Types: cluster, Refs: refs("SH RDS.19; SH RDS.20; SH RDS.21"), Check: checkSubscriptions},
	}
}

func checkDatabaseLogs(g *graph.Graph, r graph.Resource) []Finding {
	if strings.Contains(r.Text("engine"), "mysql") {
		return words("enabledCloudwatchLogsExports", "audit", "error", "slowquery")(g, r)
	}
	return words("enabledCloudwatchLogsExports", "postgresql")(g, r)
}

// checkInstances wants two instances in two zones; those without a stated zone Aurora spreads itself.
func checkInstances(g *graph.Graph, r graph.Resource) []Finding {
	instances, unsure := pointing(g, instanceType, "clusterIdentifier", r)
	zones := map[string]bool{}
	for _, one := range instances {
		zones[one.Text("availabilityZone")] = true
		unsure = unsure || valueAt(one, "availabilityZone") == graph.Unknown
	}
	var findings []Finding
	if len(instances) < 2 {
		findings = append(findings, finding("ClusterInstance.clusterIdentifier", "is that of %d instances; wanted: 2 or more", len(instances)))
	} else if len(zones) < 2 && !zones[""] {
		findings = append(findings, finding("ClusterInstance.availabilityZone", "is the same everywhere; wanted: two zones"))
	}
	for i := range findings {
		findings[i].Undecided = unsure
	}
	return findings
}

func checkParameters(_ *graph.Graph, r graph.Resource) []Finding {
	if family := r.Text("family"); !strings.Contains(family, "postgres") {
		return nil
	}
	values := map[any]any{}
	for _, at := range spots(r, "parameters.*") {
		parameter, _ := at.value.(map[string]any)
		values[parameter["name"]] = parameter["value"]
		if at.value == graph.Unknown || parameter["value"] == graph.Unknown {
			return []Finding{undecided(at.path)}
		}
	}
	var findings []Finding
	if values["rds.force_ssl"] != "1" {
		findings = append(findings, finding("parameters", "have rds.force_ssl %s; wanted: 1", shown(values["rds.force_ssl"])))
	}
	if empty(values["log_statement"]) && empty(values["log_min_duration_statement"]) {
		findings = append(findings, finding("parameters", "log no statements; wanted: log_statement or log_min_duration_statement"))
	}
	return findings
}

// checkProxyWay wants the proxy, or the target that joins it to the cluster, to wait for an instance, and a rule that lets
// the proxy's group into the cluster's.
func checkProxyWay(g *graph.Graph, r graph.Resource) []Finding {
	targets, unsure := pointing(g, proxyTargetType, "dbProxyName", r)
	waits := slices.ContainsFunc(append(targets, r), func(one graph.Resource) bool { return reaches(g, one, instanceType) })
	var findings []Finding
	if !waits {
		answer := finding("dependsOn", "reaches no instance, neither from the proxy nor from its target; wanted: one")
		answer.Undecided = unsure
		findings = append(findings, answer)
	}
	own := texts(valueAt(r, "vpcSecurityGroupIds"))
	for _, rule := range g.OfType(ingressType) {
		for _, token := range []string{"referencedSecurityGroupId", "securityGroupId"} {
			unsure = unsure || valueAt(rule, token) == graph.Unknown
		}
		if slices.Contains(own, rule.Text("referencedSecurityGroupId")) && protects(g, rule.Text("securityGroupId")) {
			return findings
		}
	}
	answer := finding("vpcSecurityGroupIds", "are let into no cluster's group; wanted: a rule for it")
	answer.Undecided = unsure
	return append(findings, answer)
}

// protects says whether a group is one of some cluster's.
func protects(g *graph.Graph, group string) bool {
	return slices.ContainsFunc(g.OfType(clusterType), func(cluster graph.Resource) bool {
		return group != "" && slices.Contains(texts(valueAt(cluster, "vpcSecurityGroupIds")), group)
	})
}

// eventSources are the words of EventBridge for the sources of a subscription. Parameter groups are not among them: they
// change by an update of the stack alone, and whoever runs it is told.
var eventSources = map[string]string{"RDS DB Cluster Event": "db-cluster", "RDS DB Instance Event": "db-instance"}

// checkSubscriptions wants somebody to be told of clusters and instances, by a subscription of RDS or by a rule of
// EventBridge with a target.
func checkSubscriptions(g *graph.Graph, _ graph.Resource) []Finding {
	told, unsure := map[string]bool{}, false
	for _, subscription := range g.OfType(subscriptionType) {
		unsure = unsure || valueAt(subscription, "sourceType") == graph.Unknown
		told[subscription.Text("sourceType")] = told[subscription.Text("sourceType")] || valueAt(subscription, "enabled") != false
	}
	for _, rule := range g.OfType("aws:cloudwatch/eventRule:EventRule") {
		pattern, known := rule.Document("eventPattern")
		targets, unknown := pointing(g, "aws:cloudwatch/eventTarget:EventTarget", "rule", rule)
		unsure = unsure || unknown || !known && valueAt(rule, "eventPattern") == graph.Unknown
		if !known || len(targets) == 0 || !slices.Contains(texts(pattern["source"]), "aws.rds") {
			continue
		}
		for _, detail := range texts(pattern["detail-type"]) {
			told[eventSources[detail]] = true
		}
	}
	var findings []Finding
	for _, source := range slices.Sorted(maps.Values(eventSources)) {
		if !told[source] {
			missing := finding("EventSubscription.sourceType", "is %s nowhere, and no event rule tells of it; wanted: either", source)
			missing.Undecided = unsure
			findings = append(findings, missing)
		}
	}
	return findings
}
