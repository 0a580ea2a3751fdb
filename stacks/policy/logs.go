package policy

import (
	"fmt"
	"slices"
	"strings"

	"workerfleet/stacks/graph"
)

const logGroupType = "aws:cloudwatch/logGroup:LogGroup"

// retentionDays are the only retentions that CloudWatch Logs takes; 0, never expire, is what leaving it out means.
var retentionDays = []float64{1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653}

func logRules() []Rule {
	return []Rule{
		{ID: "aws-32", Title: "log retention is one of CloudWatch's steps", Types: []string{logGroupType}, Check: checkRetention},
		{ID: "aws-32", Title: "the key of an encrypted log group admits CloudWatch Logs of its region", Types: []string{logGroupType}, Check: checkLogKey},
		{ID: "aws-35", Title: "a dashboard has at most 500 widgets", Types: []string{"aws:cloudwatch/dashboard:Dashboard"}, Check: checkDashboard},
		{ID: "aws-35", Title: "a metric-math alarm reads at most 10 metrics", Types: []string{"aws:cloudwatch/metricAlarm:MetricAlarm"}, Check: checkAlarmMetrics},
	}
}

func checkRetention(_ *graph.Graph, r graph.Resource) []Finding {
	days, stated := r.Number("retentionInDays")
	if !stated || days == 0 || slices.Contains(retentionDays, days) {
		return nil
	}
	return []Finding{finding("retentionInDays", "InvalidParameterException: Value '%.0f' at 'retentionInDays' failed to satisfy constraint: Member must satisfy enum value set: %s", days, strings.Trim(fmt.Sprint(retentionDays), "[]"))}
}

func checkLogKey(g *graph.Graph, r graph.Resource) []Finding {
	key, found := g.Refers(keyType, r.Value("kmsKeyId"))
	if !found {
		return nil
	}
	document, ok := key.Document("policy")
	arn, _ := key.Outputs["arn"].(string)
	region, _, _ := strings.Cut(arnPlace(arn), ":")
	if !ok || region == "" || admitsService(document, "logs."+region+".amazonaws.com") {
		return nil
	}
	return []Finding{finding("kmsKeyId", "InvalidParameterException: The specified KMS key does not exist or is not allowed to be used: the policy of %q does not admit logs.%s.amazonaws.com", key.Name, region)}
}

func checkDashboard(_ *graph.Graph, r graph.Resource) []Finding {
	body, ok := r.Document("dashboardBody")
	if widgets := listed(body["widgets"]); ok && len(widgets) > 500 {
		return []Finding{finding("dashboardBody", "InvalidParameterInput: The dashboard has %d widgets; allowed: at most 500", len(widgets))}
	}
	return nil
}

func checkAlarmMetrics(_ *graph.Graph, r graph.Resource) []Finding {
	queries, _ := r.Value("metricQueries").([]any)
	metrics := 0
	for _, query := range queries {
		if object, ok := query.(map[string]any); ok && object["metric"] != nil {
			metrics++
		}
	}
	if metrics > 10 {
		return []Finding{finding("metricQueries", "ValidationError: The alarm reads %d metrics; allowed: at most 10", metrics)}
	}
	return nil
}
