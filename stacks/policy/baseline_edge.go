package policy

import (
	"strings"

	"workerfleet/stacks/graph"
)

const (
	targetsType      = "aws:lb/targetGroup:TargetGroup"
	firewallLogsType = "aws:wafv2/webAclLoggingConfiguration:WebAclLoggingConfiguration"
	shieldType       = "aws:shield/protection:Protection"
)

func edgeBaseline(asked Asked) []Rule {
	balancer, firewall := of(balancerType), of(webACLType)
	public := be("internal", nil, false)
	tasks := be("targetType", nil, "ip", "instance")
	return []Rule{
		{Row: 124, Title: "who came to the load balancer is kept", Types: balancer, Refs: refs("SH ELB.5; CKV_AWS_91; AwsSolutions-ELB2"), Check: every(be("accessLogs.enabled", true), stated("accessLogs.bucket"))},
		{Row: 125, Title: "the load balancer refuses to be deleted", Types: balancer, Off: unless(asked.Strict, "the stack asks for relaxed protection"), Refs: refs("SH ELB.6; CKV_AWS_150"), Check: be("enableDeletionProtection", true)},
		{Row: 126, Title: "malformed headers are dropped", Types: balancer, Refs: refs("SH ELB.4; CKV_AWS_131; AWS-0052"), Check: be("dropInvalidHeaderFields", true)},
		{Row: 127, Title: "requests that two readers read differently are refused", Types: balancer, Refs: refs("SH ELB.12; CKV_AWS_328"), Check: be("desyncMitigationMode", "defensive", "strictest")},
		{Row: 128, Title: "the load balancer stands in two zones", Types: balancer, Refs: refs("SH ELB.13"), Check: inTwoZones("subnets")},
		{Row: 129, Title: "a load balancer is inside unless it is known to be public", Types: balancer, Refs: refs("AWS-0053"), Check: be("internal", true)},
		{Row: 130, Title: "plain HTTP leads to HTTPS and nowhere else", Types: of(listenerType), Only: be("protocol", "HTTP"), Refs: refs("SH ELB.1; CKV2_AWS_20; CKV_AWS_2; AWS-0054"),
			Check: every(some("defaultActions"), be("defaultActions.*.type", "redirect"), be("defaultActions.*.redirect.protocol", "HTTPS"))},
		{Row: 131, Title: "HTTPS is TLS 1.2 at least, and 1.3 where the client can", Types: of(listenerType), Only: be("protocol", "HTTPS", "TLS"), Refs: refs("SH ELB.17; SH ELB.18; CKV_AWS_103; CKV2_AWS_74; AWS-0047"), Check: each("sslPolicy", checkTLS)},
		{Row: 132, Title: "tasks are reached over TLS too", Types: of(targetsType), Only: tasks, Refs: refs("SH ELB.22; CKV_AWS_378"), Check: be("protocol", "HTTPS", "TLS")},
		{Row: 133, Title: "tasks are asked for their health over TLS", Types: of(targetsType), Only: tasks, Refs: refs("CKV_AWS_261; SH ELB.21"), Check: be("healthCheck.protocol", "HTTPS")},
		{Row: 134, Title: "a target group has no fixed name, and a time in which requests end", Types: of(targetsType), Refs: refs("house"), Check: every(unstated("name"), stated("deregistrationDelay"))},
		{Row: 135, Title: "a public load balancer stands behind a firewall", Types: balancer, Only: public, Refs: refs("SH ELB.16; CKV2_AWS_28"), Check: pointedAt(aclJoinType, "resourceArn", nil)},
		{Row: 136, Title: "a firewall has rules, and each does something", Types: firewall, Refs: refs("SH WAF.10; CKV_AWS_175; CKV_AWS_342"), Check: every(some("rules"), firewallRules(func(rule map[string]any) string {
			if rule["action"] == nil && rule["overrideAction"] == nil {
				return "has no action; wanted: action or overrideAction"
			}
			return ""
		}))},
		{Row: 137, Title: "a firewall knows what attackers are known to send", Types: firewall, Refs: refs("CKV_AWS_192; CKV2_AWS_76"), Check: anyFirewallRule("AWSManagedRulesKnownBadInputsRuleSet, not overridden", func(rule map[string]any) bool {
			override, _ := rule["overrideAction"].(map[string]any)
			statement, _ := rule["statement"].(map[string]any)
			managed, _ := statement["managedRuleGroupStatement"].(map[string]any)
			return managed["name"] == "AWSManagedRulesKnownBadInputsRuleSet" && override["none"] != nil
		})},
		{Row: 138, Title: "a firewall counts what each rule did", Types: firewall, Refs: refs("SH WAF.12"), Check: every(be("visibilityConfig.cloudwatchMetricsEnabled", true), be("rules.*.visibilityConfig.cloudwatchMetricsEnabled", true))},
		{Row: 139, Title: "a firewall's log is kept", Types: firewall, Refs: refs("SH WAF.11; CKV2_AWS_31"), Check: pointedAt(firewallLogsType, "resourceArn", every(some("logDestinationConfigs"), checkFirewallLogs))},
		{Row: 140, Title: "a firewall limits how often one address comes", Types: firewall, Refs: refs("house"), Check: anyFirewallRule("a rate-based statement with a limit", func(rule map[string]any) bool {
			statement, _ := rule["statement"].(map[string]any)
			rate, _ := statement["rateBasedStatement"].(map[string]any)
			return !empty(rate["limit"])
		})},
		{Row: 141, Title: "a public load balancer is under Shield Advanced where the organisation subscribes to it", Types: balancer, Only: public, Off: unless(asked.Shield, "no Shield Advanced subscription is stated"),
			Refs: refs("prowler shield_advanced_protection_in_internet_facing_load_balancers"), Check: pointedAt(shieldType, "resourceArn", nil)},
	}
}

func checkTLS(value any) string {
	policy := shown(value)
	if strings.HasPrefix(policy, "ELBSecurityPolicy-TLS13-1-2") || strings.HasPrefix(policy, "ELBSecurityPolicy-TLS13-1-3") {
		return ""
	}
	return "is " + policy + "; wanted: ELBSecurityPolicy-TLS13-1-2… or -1-3…"
}

// firewallRules judges each rule of a web ACL; an empty answer is a pass.
func firewallRules(judge func(rule map[string]any) string) check {
	return func(_ *graph.Graph, r graph.Resource) []Finding {
		var findings []Finding
		for _, at := range spots(r, "rules.*") {
			rule, known := at.value.(map[string]any)
			if !known {
				findings = append(findings, undecided(at.path))
			} else if says := judge(rule); says != "" {
				findings = append(findings, finding(at.path, "%s", says))
			}
		}
		return findings
	}
}

// anyFirewallRule wants one rule of a web ACL to be as wanted.
func anyFirewallRule(wanted string, is func(rule map[string]any) bool) check {
	return func(_ *graph.Graph, r graph.Resource) []Finding {
		for _, at := range spots(r, "rules.*") {
			if at.value == graph.Unknown {
				return []Finding{undecided(at.path)}
			}
			if rule, _ := at.value.(map[string]any); is(rule) {
				return nil
			}
		}
		return []Finding{finding("rules", "have none that is %s", wanted)}
	}
}
