package policy

import (
	"strings"

	"workerfleet/stacks/graph"
)

const (
	serverlessType     = "aws:elasticache/serverlessCache:ServerlessCache"
	replicationType    = "aws:elasticache/replicationGroup:ReplicationGroup"
	cacheParameterType = "aws:elasticache/parameterGroup:ParameterGroup"
	cacheUserType      = "aws:elasticache/user:User"
	alarmType          = "aws:cloudwatch/metricAlarm:MetricAlarm"
)

// Limits of ElastiCache (aws-facts: ec.sls.size, ec.sls.ecpu.cache, ec.node.conn and ec.sls.maxclients).
const (
	mostCacheStorage     = 5_000
	fewestCacheECPU      = 1_000
	mostCacheECPU        = 15_000_000
	mostCacheConnections = 65_000
	fewestCacheSubnets   = 2
	mostCacheSubnets     = 3
)

func cacheRules() []Rule {
	return []Rule{
		{ID: "aws-23", Title: "a serverless cache's limits are ones that ElastiCache has", Types: []string{serverlessType}, Check: checkServerlessLimits},
		{ID: "aws-23", Title: "a serverless cache stands in two or three zones", Types: []string{serverlessType}, Check: checkServerlessSubnets},
		{ID: "aws-24", Title: "a Valkey cluster fails over by itself, over zones, and states its encryption in transit", Types: []string{replicationType}, Check: checkCluster},
		{ID: "aws-24", Title: "a Valkey cluster's parameters are those of cluster mode, without eviction", Types: []string{replicationType}, Check: checkClusterParameters},
		{ID: "aws-25", Title: "an alarm on a cache's connections comes before 65,000", Types: []string{alarmType}, Check: checkConnectionAlarm},
		{ID: "aws-38", Title: "a cache user who signs in by IAM has one name and id, and the engine valkey", Types: []string{cacheUserType}, Check: checkCacheUser},
	}
}

func checkServerlessLimits(_ *graph.Graph, r graph.Resource) []Finding {
	var findings []Finding
	judge := func(property, name string, value float64, from, to float64) {
		if value < from || value > to {
			findings = append(findings, finding(property, "InvalidParameterValue: The value %.0f of %s is not allowed; allowed: %.0f to %.0f", value, name, from, to))
		}
	}
	if storage, stated := r.Number("cacheUsageLimits.dataStorage.maximum"); stated {
		judge("cacheUsageLimits", "DataStorage.Maximum in GB", storage, 1, mostCacheStorage)
	}
	for _, item := range listed(r.Value("cacheUsageLimits.ecpuPerSeconds")) {
		if limit, ok := item.(map[string]any); ok {
			if ecpu, stated := limit["maximum"].(float64); stated {
				judge("cacheUsageLimits", "ECPUPerSecond.Maximum", ecpu, fewestCacheECPU, mostCacheECPU)
			}
		}
	}
	return findings
}

func checkServerlessSubnets(_ *graph.Graph, r graph.Resource) []Finding {
	subnets, known := r.Value("subnetIds").([]any)
	if known && (len(subnets) < fewestCacheSubnets || len(subnets) > mostCacheSubnets) {
		return []Finding{finding("subnetIds", "InvalidParameterValue: %d subnets are stated; allowed: %d or %d, in different zones", len(subnets), fewestCacheSubnets, mostCacheSubnets)}
	}
	return nil
}

// checkCluster looks at clusters in cluster mode, by their shards.
func checkCluster(_ *graph.Graph, r graph.Resource) []Finding {
	if shards, stated := r.Number("numNodeGroups"); !stated || shards < 1 {
		return nil
	}
	var findings []Finding
	for _, property := range []string{"automaticFailoverEnabled", "multiAzEnabled"} {
		if off, known := r.Value(property).(bool); known && !off || r.Value(property) == nil {
			findings = append(findings, finding(property, "InvalidParameterCombination: %s must be enabled in cluster mode", property))
		}
	}
	if replicas, stated := r.Number("replicasPerNodeGroup"); stated && replicas < 1 && r.Flag("multiAzEnabled") {
		findings = append(findings, finding("replicasPerNodeGroup", "InvalidParameterCombination: Multi-AZ needs at least one replica in each shard; %.0f are stated", replicas))
	}
	if r.Value("transitEncryptionEnabled") == nil && r.Text("engine") == "valkey" {
		findings = append(findings, finding("transitEncryptionEnabled", "InvalidParameterValue: TransitEncryptionEnabled must be stated for the engine valkey"))
	}
	return findings
}

func checkClusterParameters(g *graph.Graph, r graph.Resource) []Finding {
	group, found := g.Refers(cacheParameterType, r.Value("parameterGroupName"))
	if !found {
		return nil
	}
	stated := map[string]any{}
	for _, item := range listed(group.Inputs["parameters"]) {
		if parameter, ok := item.(map[string]any); ok {
			name, _ := parameter["name"].(string)
			stated[name] = parameter["value"]
		}
	}
	if shards, many := r.Number("numNodeGroups"); many && shards > 0 && stated["cluster-enabled"] != "yes" {
		return []Finding{finding("parameterGroupName", "InvalidParameterCombination: %q has cluster-enabled %v; cluster mode needs yes", group.Name, stated["cluster-enabled"])}
	}
	if policy, known := stated["maxmemory-policy"].(string); known && policy != "noeviction" {
		return []Finding{finding("parameterGroupName", "nothing, but a full node forgets who owns which worker: %q has maxmemory-policy %s; allowed: noeviction", group.Name, policy)}
	}
	return nil
}

// metricsOf are the metrics that an alarm reads, each with its dimensions: its own, or those of its queries.
func metricsOf(r graph.Resource) []map[string]any {
	if r.Text("metricName") != "" {
		return []map[string]any{{"metricName": r.Value("metricName"), "namespace": r.Value("namespace"), "dimensions": r.Value("dimensions")}}
	}
	var metrics []map[string]any
	for _, item := range listed(r.Value("metricQueries")) {
		query, _ := item.(map[string]any)
		if metric, ok := query["metric"].(map[string]any); ok {
			metrics = append(metrics, metric)
		}
	}
	return metrics
}

func checkConnectionAlarm(_ *graph.Graph, r graph.Resource) []Finding {
	threshold, stated := r.Number("threshold")
	for _, metric := range metricsOf(r) {
		if metric["namespace"] == "AWS/ElastiCache" && metric["metricName"] == "CurrConnections" && stated && threshold >= mostCacheConnections {
			return []Finding{finding("threshold", "nothing, but a node and a serverless cache refuse clients from %d connections on, before this alarm at %.0f", mostCacheConnections, threshold)}
		}
	}
	return nil
}

func checkCacheUser(_ *graph.Graph, r graph.Resource) []Finding {
	if r.Text("authenticationMode.type") != "iam" {
		return nil
	}
	var findings []Finding
	if id, name := r.Text("userId"), r.Text("userName"); id != "" && name != "" && id != name {
		findings = append(findings, finding("userName", "InvalidParameterCombination: User Id and User name must be same for authentication type: iam; they are %q and %q", id, name))
	}
	if engine := strings.ToLower(r.Text("engine")); engine != "" && engine != "valkey" {
		findings = append(findings, finding("engine", "nothing, but a group of engine valkey is what this platform's caches take: the user is of engine %q; allowed: valkey", engine))
	}
	return findings
}
