package policy

import (
	"slices"
	"strings"

	"workerfleet/stacks/graph"
)

const (
	clusterType          = "aws:rds/cluster:Cluster"
	instanceType         = "aws:rds/clusterInstance:ClusterInstance"
	clusterParameterType = "aws:rds/clusterParameterGroup:ClusterParameterGroup"
	proxyType            = "aws:rds/proxy:Proxy"
	proxyTargetType      = "aws:rds/proxyTarget:ProxyTarget"
	proxyEndpointType    = "aws:rds/proxyEndpoint:ProxyEndpoint"
)

// auroraFamilies are the classes that Aurora PostgreSQL has; general-purpose ones (m) are not among them.
var auroraFamilies = []string{"db.r5", "db.r6g", "db.r6gd", "db.r6i", "db.r6id", "db.r7g", "db.r7i", "db.r8g", "db.serverless", "db.t3", "db.t4g", "db.x2g"}

// defaultConnections are max_connections by default (aws-facts: rds.maxconn.*).
var defaultConnections = map[string]float64{
	"db.t3.large": 844, "db.r6g.large": 1_722, "db.r6g.xlarge": 3_479, "db.r6g.2xlarge": 5_000, "db.r6g.4xlarge": 5_000,
	"db.r6g.8xlarge": 5_000, "db.r6g.12xlarge": 5_000, "db.r6g.16xlarge": 5_000,
}

func databaseRules() []Rule {
	cluster := []string{clusterType}
	return []Rule{
		{ID: "aws-26", Title: "a database cluster's owner is not one of AWS's own", Types: cluster, Check: checkOwner},
		{ID: "aws-26", Title: "a database cluster's deletion takes a final snapshot or says that it takes none", Types: cluster, Check: checkFinalSnapshot},
		{ID: "aws-26", Title: "a protected database cluster is protected in AWS too", Types: cluster, Check: checkDeletionProtection},
		{ID: "aws-26", Title: "a database cluster's parameters are of its engine's version, and force TLS", Types: cluster, Check: checkClusterFamily},
		{ID: "aws-26", Title: "an Aurora instance is of a class that Aurora PostgreSQL has", Types: []string{instanceType}, Check: checkInstanceClass},
		{ID: "aws-27", Title: "a database proxy has subnets in two zones, takes nobody without TLS and IAM, and has a secret", Types: []string{proxyType}, Check: checkProxy},
		{ID: "aws-27", Title: "a proxy is led to a cluster when an instance stands and lets it in", Types: []string{proxyTargetType}, Check: checkProxyTarget},
		{ID: "aws-27", Title: "a proxy's endpoint for reads says so", Types: []string{proxyEndpointType}, Check: checkProxyEndpoint},
		{ID: "aws-28", Title: "an alarm on a database's connections comes before its class has no more", Types: []string{alarmType}, Check: checkDatabaseConnections},
		{ID: "aws-39", Title: "Database Insights is stated as standard", Types: cluster, Check: checkInsights},
	}
}

func checkOwner(_ *graph.Graph, r graph.Resource) []Finding {
	if name := r.Text("masterUsername"); slices.Contains([]string{"admin", "rdsadmin"}, strings.ToLower(name)) {
		return []Finding{finding("masterUsername", "InvalidParameterValue: MasterUsername %s cannot be used as it is a reserved word used by the engine", name)}
	}
	return nil
}

func checkFinalSnapshot(_ *graph.Graph, r graph.Resource) []Finding {
	if r.Text("engine") == "" {
		return nil
	}
	skips, stated := r.Value("skipFinalSnapshot").(bool)
	if (stated || r.Value("skipFinalSnapshot") == nil) && !skips && r.Value("finalSnapshotIdentifier") == nil {
		return []Finding{finding("finalSnapshotIdentifier", "RDS Cluster FinalSnapshotIdentifier is required when a final snapshot is required: name one, or state skipFinalSnapshot")}
	}
	return nil
}

func checkDeletionProtection(_ *graph.Graph, r graph.Resource) []Finding {
	on, stated := r.Value("deletionProtection").(bool)
	if r.Options.Protect && r.Text("engine") != "" && !on && (stated || r.Value("deletionProtection") == nil) {
		return []Finding{finding("deletionProtection", "nothing, but the cluster is protected here and anybody may delete it in AWS; allowed: true")}
	}
	return nil
}

// major is "16" of 16.8.
func major(version string) string {
	before, _, _ := strings.Cut(version, ".")
	return before
}

func checkClusterFamily(g *graph.Graph, r graph.Resource) []Finding {
	group, found := g.Refers(clusterParameterType, r.Value("dbClusterParameterGroupName"))
	if !found {
		return nil
	}
	engine, version, family := r.Text("engine"), r.Text("engineVersion"), group.Text("family")
	if engine != "" && version != "" && family != "" && family != engine+major(version) {
		return []Finding{finding("dbClusterParameterGroupName", "InvalidParameterCombination: The Parameter Group %s with DBParameterGroupFamily %s cannot be used for this instance; allowed: %s", group.Name, family, engine+major(version))}
	}
	for _, item := range listed(group.Inputs["parameters"]) {
		if parameter, ok := item.(map[string]any); ok && parameter["name"] == "rds.force_ssl" && parameter["value"] == "0" {
			return []Finding{finding("dbClusterParameterGroupName", "nothing, but %q lets clients connect without TLS: rds.force_ssl is 0; allowed: 1", group.Name)}
		}
	}
	return nil
}

func checkInstanceClass(_ *graph.Graph, r graph.Resource) []Finding {
	class := r.Text("instanceClass")
	family := class
	if at := strings.LastIndexByte(class, '.'); strings.Count(class, ".") == 2 {
		family = class[:at]
	}
	if class != "" && r.Text("engine") == "aurora-postgresql" && !slices.Contains(auroraFamilies, family) {
		return []Finding{finding("instanceClass", "InvalidParameterCombination: RDS does not support creating a DB instance with DBInstanceClass=%s, Engine=aurora-postgresql; allowed families: %s", class, strings.Join(auroraFamilies, ", "))}
	}
	return nil
}

func checkProxy(_ *graph.Graph, r graph.Resource) []Finding {
	var findings []Finding
	if subnets, known := r.Value("vpcSubnetIds").([]any); known && len(subnets) < 2 {
		findings = append(findings, finding("vpcSubnetIds", "InvalidParameterValue: DB Proxy requires subnets in at least two availability zones; %d are stated", len(subnets)))
	}
	if tls, known := r.Value("requireTls").(bool); r.Text("engineFamily") != "" && (known && !tls || r.Value("requireTls") == nil) {
		findings = append(findings, finding("requireTls", "nothing, but clients may connect in the clear, and IAM authentication refuses them; allowed: true"))
	}
	if auths, known := r.Value("auths").([]any); known {
		for _, item := range auths {
			auth, ok := item.(map[string]any)
			if !ok {
				continue
			}
			if auth["secretArn"] == nil {
				findings = append(findings, finding("auths", "InvalidParameterValue: the proxy has no secret to sign in to the database with"))
			}
			if iam, stated := auth["iamAuth"].(string); stated && iam != "REQUIRED" || auth["iamAuth"] == nil {
				findings = append(findings, finding("auths", "nothing, but clients sign in with the database's password; allowed: iamAuth REQUIRED"))
			}
		}
	}
	return findings
}

// checkProxyTarget looks at what is known of the order: a provider is not told what a resource depends on.
func checkProxyTarget(g *graph.Graph, r graph.Resource) []Finding {
	if len(r.Options.DependsOn) > 0 && r.Text("dbProxyName") != "" {
		waits := slices.ContainsFunc(r.Options.DependsOn, func(urn string) bool { return strings.Contains(urn, instanceType+"::") })
		if !waits {
			return []Finding{finding("dbClusterIdentifier", "InvalidDBClusterStateFault: the cluster has no instance yet when the proxy is led to it: let the target depend on one")}
		}
	}
	proxy, found := g.Refers(proxyType, r.Value("dbProxyName"))
	cluster, has := g.Refers(clusterType, r.Value("dbClusterIdentifier"))
	if !found || !has {
		return nil
	}
	doors, from := listed(cluster.Inputs["vpcSecurityGroupIds"]), listed(proxy.Inputs["vpcSecurityGroupIds"])
	known := func(id any) bool { text, ok := id.(string); return ok && text != "" }
	if len(doors) == 0 || len(from) == 0 || !known(doors[0]) || !known(from[0]) {
		return nil
	}
	for _, rule := range g.OfType("aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule") {
		if slices.Contains(doors, rule.Inputs["securityGroupId"]) && slices.Contains(from, rule.Inputs["referencedSecurityGroupId"]) {
			return nil
		}
	}
	return []Finding{finding("dbProxyName", "nothing, but the proxy's target stays unavailable: no rule of the cluster's security group admits the proxy's")}
}

func checkProxyEndpoint(_ *graph.Graph, r graph.Resource) []Finding {
	role, stated := r.Value("targetRole").(string)
	if stated && role != "READ_ONLY" || r.Value("targetRole") == nil {
		return []Finding{finding("targetRole", "nothing, but the endpoint leads to the writer as the proxy itself does; allowed: READ_ONLY")}
	}
	return nil
}

func checkDatabaseConnections(g *graph.Graph, r graph.Resource) []Finding {
	threshold, stated := r.Number("threshold")
	for _, metric := range metricsOf(r) {
		dimensions, _ := metric["dimensions"].(map[string]any)
		if metric["metricName"] != "DatabaseConnections" || !stated {
			continue
		}
		for _, instance := range g.OfType(instanceType) {
			most, known := defaultConnections[instance.Text("instanceClass")]
			if id := dimensions["DBInstanceIdentifier"]; known && id != nil && instance.Outputs["identifier"] == id && threshold >= most {
				return []Finding{finding("threshold", "nothing, but %q has %.0f connections by default and refuses more before this alarm at %.0f", instance.Name, most, threshold)}
			}
		}
	}
	return nil
}

func checkInsights(_ *graph.Graph, r graph.Resource) []Finding {
	if r.Text("engine") == "" {
		return nil
	}
	mode, stated := r.Value("databaseInsightsMode").(string)
	if stated && mode != "standard" || r.Value("databaseInsightsMode") == nil {
		return []Finding{finding("databaseInsightsMode", "nothing, but the mode %q is priced by vCPU and hour; allowed: standard, stated", mode)}
	}
	return nil
}
