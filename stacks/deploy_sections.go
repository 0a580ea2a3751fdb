package stacks

import (
	"maps"
	"slices"
	"strings"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"workerfleet/components/queues"
	"workerfleet/components/watch"
)

// sections are the dashboard's rows for edge, cache and database.
func (d *dataParts) sections() []watch.Section {
	return []watch.Section{d.edgeSection(), d.valkeySection(), d.databaseSection()}
}

// queuesSection shows what waits and what could not be done, by queue.
func queuesSection(work map[string]*queues.Queue) watch.Section {
	age := watch.Graph{Title: "Oldest message, seconds"}
	dead := watch.Graph{Title: "Dead messages"}
	for _, name := range slices.Sorted(maps.Keys(work)) {
		waits := series("AWS/SQS", "ApproximateAgeOfOldestMessage", "Maximum", pulumi.StringMap{"QueueName": nameOf(work[name].ARN)})
		lies := series("AWS/SQS", "ApproximateNumberOfMessagesVisible", "Maximum", pulumi.StringMap{"QueueName": nameOf(work[name].DeadARN)})
		waits.Label, lies.Label = name, name
		age.Series, dead.Series = append(age.Series, waits), append(dead.Series, lies)
	}
	return watch.Section{Title: "Queues", Graphs: []watch.Graph{age, dead}}
}

// nameOf is the last part of an ARN.
func nameOf(arn pulumi.StringOutput) pulumi.StringOutput {
	return arn.ApplyT(func(text string) string { return text[strings.LastIndexByte(text, ':')+1:] }).(pulumi.StringOutput)
}

// series is a metric of AWS with the name that the graph shows.
func series(namespace, name, statistic string, dimensions pulumi.StringMap) watch.Series {
	return watch.Series{Namespace: namespace, Name: name, Statistic: statistic, Label: name + " " + statistic, Dimensions: dimensions}
}

func (d *dataParts) edgeSection() watch.Section {
	balancer := pulumi.StringMap{"LoadBalancer": d.LoadBalancerARNSuffix}
	targets := pulumi.StringMap{"LoadBalancer": d.LoadBalancerARNSuffix, "TargetGroup": d.TargetGroupARNSuffix}
	of := func(name, statistic string, at pulumi.StringMap) watch.Series {
		return series("AWS/ApplicationELB", name, statistic, at)
	}
	return watch.Section{Title: "Edge", Graphs: []watch.Graph{
		{Title: "Requests", Series: []watch.Series{of("RequestCount", "Sum", balancer), of("ActiveConnectionCount", "Sum", balancer)}},
		{Title: "Answers, seconds", Series: []watch.Series{of("TargetResponseTime", "p50", targets), of("TargetResponseTime", "p99", targets)}},
		{Title: "Failures", Series: []watch.Series{
			of("HTTPCode_ELB_5XX_Count", "Sum", balancer), of("HTTPCode_Target_5XX_Count", "Sum", targets), of("RejectedConnectionCount", "Sum", balancer),
		}},
		{Title: "Tasks", Series: []watch.Series{of("HealthyHostCount", "Minimum", targets), of("UnHealthyHostCount", "Maximum", targets)}},
		{Title: "Web ACL", Series: []watch.Series{
			series("AWS/WAFV2", "AllowedRequests", "Sum", d.webACL()), series("AWS/WAFV2", "BlockedRequests", "Sum", d.webACL()),
			series("AWS/WAFV2", "CountedRequests", "Sum", d.webACL()),
		}},
	}}
}

func (d *dataParts) webACL() pulumi.StringMap {
	return pulumi.StringMap{"WebACL": pulumi.String(d.WebACL), "Region": pulumi.String(d.Region), "Rule": pulumi.String("ALL")}
}

// valkeySection shows a serverless cache by its name, and a cluster by all nodes that have the words of its id in theirs.
func (d *dataParts) valkeySection() watch.Section {
	of := func(title, name, statistic string) watch.Graph {
		if d.ValkeyCluster {
			search := pulumi.Sprintf(`SEARCH('{AWS/ElastiCache,CacheClusterId} MetricName="%s" %s', '%s', 60)`, name, d.ValkeyName, statistic)
			return watch.Graph{Title: title, Series: []watch.Series{{Search: search}}}
		}
		return watch.Graph{Title: title, Series: []watch.Series{series("AWS/ElastiCache", name, statistic, pulumi.StringMap{"clusterId": d.ValkeyName})}}
	}
	graphs := []watch.Graph{
		of("Connections", "CurrConnections", "Maximum"), of("Evictions", "Evictions", "Sum"), of("Bytes", "BytesUsedForCache", "Maximum"),
	}
	if d.ValkeyCluster {
		graphs = append(graphs, of("Engine CPU, %", "EngineCPUUtilization", "Maximum"), of("Replication lag, seconds", "ReplicationLag", "Maximum"))
	} else {
		graphs = append(graphs, of("ECPU", "ElastiCacheProcessingUnits", "Sum"), of("Throttled commands", "ThrottledCmds", "Sum"))
	}
	return watch.Section{Title: "Valkey", Graphs: graphs}
}

func (d *dataParts) databaseSection() watch.Section {
	role := func(role string) pulumi.StringMap {
		return pulumi.StringMap{"DBClusterIdentifier": d.DatabaseID, "Role": pulumi.String(role)}
	}
	both := func(title, name, statistic string) watch.Graph {
		graph := watch.Graph{Title: title}
		for _, r := range []string{"WRITER", "READER"} {
			s := series("AWS/RDS", name, statistic, role(r))
			s.Label = r
			graph.Series = append(graph.Series, s)
		}
		return graph
	}
	proxy := pulumi.StringMap{"ProxyName": d.DatabaseProxy}
	return watch.Section{Title: "Database", Graphs: []watch.Graph{
		both("CPU, %", "CPUUtilization", "Average"), both("Connections", "DatabaseConnections", "Maximum"), both("Memory left, bytes", "FreeableMemory", "Minimum"),
		{Title: "Commits, ms", Series: []watch.Series{series("AWS/RDS", "CommitLatency", "Average", role("WRITER"))}},
		{Title: "Replica lag, ms", Series: []watch.Series{series("AWS/RDS", "AuroraReplicaLag", "Maximum", role("READER"))}},
		{Title: "Proxy", Series: []watch.Series{
			series("AWS/RDS", "ClientConnections", "Maximum", proxy), series("AWS/RDS", "DatabaseConnectionsCurrentlyBorrowed", "Maximum", proxy),
			series("AWS/RDS", "DatabaseConnectionsCurrentlySessionPinned", "Maximum", proxy),
		}},
		{Title: "Wait for a connection, µs", Series: []watch.Series{series("AWS/RDS", "DatabaseConnectionsBorrowLatency", "Average", proxy)}},
	}}
}
