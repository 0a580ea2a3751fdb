package edge_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"workerfleet/components/edge"
	"workerfleet/stacks/graph"
)

type object = map[string]any

// rulesOf are the web ACL's rules by name, and their names in order.
func rulesOf(t *testing.T, g *graph.Graph) (map[string]object, []string) {
	t.Helper()
	rules, order := map[string]object{}, []string{}
	for i, r := range named(t, g, "edge-acl").Inputs["rules"].([]any) {
		rule := r.(object)
		require.Equal(t, float64(i), rule["priority"], "they are asked in this order")
		name := rule["name"].(string)
		require.Equal(t, object{"cloudwatchMetricsEnabled": true, "metricName": name, "sampledRequestsEnabled": true}, rule["visibilityConfig"])
		rules[name], order = rule, append(order, name)
	}
	return rules, order
}

var webhooks = object{"byteMatchStatement": object{
	"fieldToMatch": object{"uriPath": object{}}, "positionalConstraint": "STARTS_WITH", "searchString": "/v1/webhooks/",
	"textTransformations": []any{object{"priority": 0.0, "type": "NONE"}},
}}

var elsewhere = object{"notStatement": object{"statements": []any{webhooks}}}

// The web ACL asks how much, who, and what, in this order; managed groups block what they find, but for what programs in
// data centres do rightly. That the groups find anything is AWS's.
func TestRules(t *testing.T) {
	g := record(t, edge.Args{})
	acl := named(t, g, "edge-acl")
	require.Equal(t, "aws:wafv2/webAcl:WebAcl", acl.Type)
	require.Equal(t, "REGIONAL", acl.Text("scope"))
	require.Equal(t, object{"allow": object{}}, acl.Inputs["defaultAction"])
	rules, order := rulesOf(t, g)
	require.Equal(t, []string{"webhook-rate", "address-rate", "reputation", "anonymous", "bad-inputs", "core", "large-body", "sql"}, order)

	for name, group := range map[string]string{
		"reputation": "AWSManagedRulesAmazonIpReputationList", "bad-inputs": "AWSManagedRulesKnownBadInputsRuleSet", "sql": "AWSManagedRulesSQLiRuleSet",
	} {
		require.Equal(t, object{"managedRuleGroupStatement": object{"name": group, "vendorName": "AWS"}}, rules[name]["statement"])
		require.Equal(t, object{"none": object{}}, rules[name]["overrideAction"], name)
		require.NotContains(t, rules[name], "action")
	}
	require.Equal(t, object{"count": object{}}, rules["anonymous"]["overrideAction"], "webhooks come from hosting providers")

	require.Equal(t, object{"managedRuleGroupStatement": object{
		"name": "AWSManagedRulesCommonRuleSet", "vendorName": "AWS",
		"ruleActionOverrides": []any{object{"name": "SizeRestrictions_BODY", "actionToUse": object{"count": object{}}}},
	}}, rules["core"]["statement"])
	require.Equal(t, object{"none": object{}}, rules["core"]["overrideAction"])
	require.Equal(t, object{"andStatement": object{"statements": []any{
		object{"labelMatchStatement": object{"key": "awswaf:managed:aws:core-rule-set:SizeRestrictions_Body", "scope": "LABEL"}}, elsewhere,
	}}}, rules["large-body"]["statement"])
	require.Equal(t, object{"block": object{}}, rules["large-body"]["action"])
}

// An address is counted on the path of webhooks and on all others apart, and blocked beyond its rate.
func TestRates(t *testing.T) {
	rates := func(args edge.Args) (webhook, address any) {
		rules, _ := rulesOf(t, record(t, args))
		for name, within := range map[string]object{"webhook-rate": webhooks, "address-rate": elsewhere} {
			statement := rules[name]["statement"].(object)["rateBasedStatement"].(object)
			require.Equal(t, []any{"IP", 300.0, within}, []any{statement["aggregateKeyType"], statement["evaluationWindowSec"], statement["scopeDownStatement"]}, name)
			require.Equal(t, object{"block": object{}}, rules[name]["action"], name)
			if name == "webhook-rate" {
				webhook = statement["limit"]
			} else {
				address = statement["limit"]
			}
		}
		return webhook, address
	}
	webhook, address := rates(edge.Args{})
	require.Equal(t, []any{60_000.0, 30_000.0}, []any{webhook, address})
	webhook, address = rates(edge.Args{Webhooks: 10, PerAddress: 500})
	require.Equal(t, []any{10.0, 500.0}, []any{webhook, address})
}

// It stands before the load balancer, and what it blocks or counts is logged without tokens and signatures, into a group
// that WAF takes and that only its log delivery for this account writes to.
func TestAssociationAndLog(t *testing.T) {
	g := record(t, edge.Args{})
	acl, log := named(t, g, "edge-acl"), named(t, g, "edge-acl-log")
	require.Equal(t, object{"resourceArn": named(t, g, "edge-balancer").Outputs["arn"], "webAclArn": acl.Outputs["arn"]}, named(t, g, "edge-acl-association").Inputs)
	require.Equal(t, object{"name": "aws-waf-logs-tier-1k-edge", "kmsKeyId": "logs-key", "retentionInDays": 90.0}, log.Inputs)
	require.Equal(t, object{
		"resourceArn": acl.Outputs["arn"], "logDestinationConfigs": []any{log.Outputs["arn"]},
		"loggingFilter": object{"defaultBehavior": "DROP", "filters": []any{object{
			"behavior": "KEEP", "requirement": "MEETS_ANY",
			"conditions": []any{object{"actionCondition": object{"action": "BLOCK"}}, object{"actionCondition": object{"action": "COUNT"}}},
		}}},
		"redactedFields": []any{
			object{"singleHeader": object{"name": "authorization"}}, object{"singleHeader": object{"name": "cookie"}}, object{"singleHeader": object{"name": "x-signature"}},
		},
	}, named(t, g, "edge-acl-logging").Inputs)
	require.Equal(t, `{"Version":"2012-10-17","Statement":[{"Sid":"WebACL","Effect":"Allow","Principal":{"Service":["delivery.logs.amazonaws.com"]},`+
		`"Action":["logs:CreateLogStream","logs:PutLogEvents"],"Resource":["`+log.Outputs["arn"].(string)+`:*"],`+
		`"Condition":{"ArnLike":{"aws:SourceArn":["arn:aws:logs:ap-southeast-1:111122223333:*"]},"StringEquals":{"aws:SourceAccount":["111122223333"]}}}]}`,
		named(t, g, "edge-acl-log-policy").Text("policyDocument"))
}

// The topic is told of users who get errors, late answers or refusals.
func TestAlarms(t *testing.T) {
	g := record(t, edge.Args{})
	balancer := named(t, g, "edge-balancer").Outputs["arnSuffix"]
	both := object{"LoadBalancer": balancer, "TargetGroup": named(t, g, "edge-targets").Outputs["arnSuffix"]}
	for name, want := range map[string]struct {
		metric string
		above  float64
		at     object
	}{
		"errors": {"HTTPCode_ELB_5XX_Count", 10, object{"LoadBalancer": balancer}}, "target-errors": {"HTTPCode_Target_5XX_Count", 10, both},
		"unhealthy": {"UnHealthyHostCount", 0, both}, "rejected": {"RejectedConnectionCount", 0, object{"LoadBalancer": balancer}},
		"latency": {"TargetResponseTime", 1, both},
		"blocked": {"BlockedRequests", 5_000, object{"WebACL": "tier-1k-edge", "Region": "ap-southeast-1", "Rule": "ALL"}},
	} {
		alarm := named(t, g, "edge-"+name)
		require.Equal(t, want.metric, alarm.Text("metricName"), name)
		require.Equal(t, want.above, alarm.Value("threshold"), name)
		require.Equal(t, want.at, alarm.Inputs["dimensions"], name)
	}
	require.Equal(t, "p99", named(t, g, "edge-latency").Text("extendedStatistic"))
}
