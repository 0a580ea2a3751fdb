package policy

import (
	"slices"
	"strings"

	"workerfleet/stacks/graph"
)

const (
	balancerType     = "aws:lb/loadBalancer:LoadBalancer"
	listenerType     = "aws:lb/listener:Listener"
	bucketPolicyType = "aws:s3/bucketPolicy:BucketPolicy"
	bucketKeyType    = "aws:s3/bucketServerSideEncryptionConfigurationV2:BucketServerSideEncryptionConfigurationV2"
	webACLType       = "aws:wafv2/webAcl:WebAcl"
	aclJoinType      = "aws:wafv2/webAclAssociation:WebAclAssociation"
	logDelivery      = "logdelivery.elasticloadbalancing.amazonaws.com"
)

func edgeRules() []Rule {
	balancer, acl := []string{balancerType}, []string{webACLType}
	return []Rule{
		{ID: "aws-29", Title: "a load balancer has subnets in two zones and an idle timeout that there is", Types: balancer, Check: checkBalancer},
		{ID: "aws-29", Title: "the bucket of a load balancer's logs admits log delivery and is encrypted by S3", Types: balancer, Check: checkLogBucket},
		{ID: "aws-29", Title: "an HTTPS listener has a certificate, an HTTP listener only redirects", Types: []string{listenerType}, Check: checkListener},
		{ID: "aws-30", Title: "the web ACL of a load balancer is regional", Types: []string{aclJoinType}, Check: checkACLScope},
		{ID: "aws-30", Title: "a web ACL's rules have priorities of their own, and the sort of action that fits them", Types: acl, Check: checkACLRules},
		{ID: "aws-30", Title: "a web ACL fits into its capacity", Types: acl, Check: checkACLCapacity},
		{ID: "aws-30", Title: "the core rules do not block a webhook's large body", Types: acl, Check: checkACLBody},
		{ID: "aws-30", Title: "a rate rule's limit is at least 10", Types: acl, Check: checkACLRate},
	}
}

func checkBalancer(_ *graph.Graph, r graph.Resource) []Finding {
	var findings []Finding
	if subnets, known := r.Value("subnets").([]any); known && len(subnets) < 2 {
		findings = append(findings, finding("subnets", "ValidationError: At least two subnets in two different Availability Zones must be specified; %d are", len(subnets)))
	}
	if seconds, stated := r.Number("idleTimeout"); stated && (seconds < 1 || seconds > 4_000) {
		findings = append(findings, finding("idleTimeout", "ValidationError: Load balancer attribute value %.0f is invalid for idle_timeout.timeout_seconds; allowed: 1 to 4000", seconds))
	}
	return findings
}

func checkLogBucket(g *graph.Graph, r graph.Resource) []Finding {
	var findings []Finding
	for _, kind := range []string{"accessLogs", "connectionLogs"} {
		bucket := r.Text(kind + ".bucket")
		if bucket == "" || !r.Flag(kind+".enabled") {
			continue
		}
		for _, policy := range g.OfType(bucketPolicyType) {
			document, ok := policy.Document("policy")
			if policy.Text("bucket") == bucket && ok && !admitsService(document, logDelivery) {
				findings = append(findings, finding(kind, "InvalidConfigurationRequest: Access Denied for bucket: %s. Please check S3bucket permission: its policy does not admit %s", bucket, logDelivery))
			}
		}
		for _, encryption := range g.OfType(bucketKeyType) {
			if encryption.Text("bucket") == bucket && strings.Contains(algorithmOf(encryption), "kms") {
				findings = append(findings, finding(kind, "InvalidConfigurationRequest: Access Denied for bucket: %s: it is encrypted with a KMS key; allowed: AES256", bucket))
			}
		}
	}
	return findings
}

// algorithmOf is how a bucket is encrypted.
func algorithmOf(r graph.Resource) string {
	for _, item := range listed(r.Inputs["rules"]) {
		rule, _ := item.(map[string]any)
		standard, _ := rule["applyServerSideEncryptionByDefault"].(map[string]any)
		if algorithm, ok := standard["sseAlgorithm"].(string); ok {
			return algorithm
		}
	}
	return ""
}

func checkListener(_ *graph.Graph, r graph.Resource) []Finding {
	if r.Text("protocol") == "HTTPS" && r.Value("certificateArn") == nil {
		return []Finding{finding("certificateArn", "ValidationError: A certificate must be specified for HTTPS listeners")}
	}
	if r.Text("protocol") != "HTTP" {
		return nil
	}
	for _, item := range listed(r.Value("defaultActions")) {
		if action, ok := item.(map[string]any); ok && action["type"] != "redirect" && action["type"] != any(graph.Unknown) {
			return []Finding{finding("defaultActions", "nothing, but users are served in the clear: the action is %v; allowed: redirect", action["type"])}
		}
	}
	return nil
}

func checkACLScope(g *graph.Graph, r graph.Resource) []Finding {
	acl, found := g.Refers(webACLType, r.Value("webAclArn"))
	if found && strings.Contains(r.Text("resourceArn"), ":elasticloadbalancing:") && acl.Text("scope") != "REGIONAL" {
		return []Finding{finding("webAclArn", "WAFInvalidParameterException: %q has the scope %s; a load balancer takes REGIONAL", acl.Name, acl.Text("scope"))}
	}
	return nil
}

// aclRule is a rule of a web ACL, as far as rules look at it.
type aclRule struct {
	name            string
	priority        any
	managed         map[string]any // the managed group; nil for a rule of our own
	rate            map[string]any
	action, instead bool
}

func aclRules(r graph.Resource) []aclRule {
	var rules []aclRule
	for _, item := range listed(r.Value("rules")) {
		rule, ok := item.(map[string]any)
		if !ok {
			continue
		}
		statement, _ := rule["statement"].(map[string]any)
		one := aclRule{priority: rule["priority"], action: rule["action"] != nil, instead: rule["overrideAction"] != nil}
		one.name, _ = rule["name"].(string)
		one.managed, _ = statement["managedRuleGroupStatement"].(map[string]any)
		one.rate, _ = statement["rateBasedStatement"].(map[string]any)
		rules = append(rules, one)
	}
	return rules
}

func checkACLRules(_ *graph.Graph, r graph.Resource) []Finding {
	var findings []Finding
	var taken []any
	for _, rule := range aclRules(r) {
		if slices.Contains(taken, rule.priority) {
			findings = append(findings, finding("rules", "WAFDuplicateItemException: the priority %v of the rule %q is taken", rule.priority, rule.name))
		}
		taken = append(taken, rule.priority)
		switch {
		case rule.managed != nil && (rule.action || !rule.instead):
			findings = append(findings, finding("rules", "WAFInvalidParameterException: %q is a managed group: it takes an override action, and no action", rule.name))
		case rule.managed == nil && (!rule.action || rule.instead):
			findings = append(findings, finding("rules", "WAFInvalidParameterException: %q is no managed group: it takes an action, and no override action", rule.name))
		}
	}
	return findings
}

// Capacity units: of the managed groups (WAF developer guide), and for a rule of our own more than any here takes.
const (
	mostUnits    = 5_000
	unitsPerRule = 50
)

var groupUnits = map[string]int{
	"AWSManagedRulesCommonRuleSet": 700, "AWSManagedRulesKnownBadInputsRuleSet": 200, "AWSManagedRulesSQLiRuleSet": 200,
	"AWSManagedRulesAmazonIpReputationList": 25, "AWSManagedRulesAnonymousIpList": 50, "AWSManagedRulesLinuxRuleSet": 200,
	"AWSManagedRulesUnixRuleSet": 100, "AWSManagedRulesAdminProtectionRuleSet": 100, "AWSManagedRulesBotControlRuleSet": 50,
}

func checkACLCapacity(_ *graph.Graph, r graph.Resource) []Finding {
	units := 0
	for _, rule := range aclRules(r) {
		name, _ := rule.managed["name"].(string)
		if of, known := groupUnits[name]; known {
			units += of
		} else {
			units += unitsPerRule
		}
	}
	if units > mostUnits {
		return []Finding{finding("rules", "WAFLimitsExceededException: the rules take about %d capacity units; allowed: at most %d", units, mostUnits)}
	}
	return nil
}

func checkACLBody(_ *graph.Graph, r graph.Resource) []Finding {
	for _, rule := range aclRules(r) {
		if rule.managed["name"] != "AWSManagedRulesCommonRuleSet" {
			continue
		}
		for _, item := range listed(rule.managed["ruleActionOverrides"]) {
			override, _ := item.(map[string]any)
			instead, _ := override["actionToUse"].(map[string]any)
			if override["name"] == "SizeRestrictions_BODY" && instead["count"] != nil {
				return nil
			}
		}
		return []Finding{finding("rules", "nothing, but %q blocks every body over 8 KB, webhooks' too: let SizeRestrictions_BODY count, and block by its label elsewhere", rule.name)}
	}
	return nil
}

func checkACLRate(_ *graph.Graph, r graph.Resource) []Finding {
	var findings []Finding
	for _, rule := range aclRules(r) {
		if limit, ok := rule.rate["limit"].(float64); ok && limit < 10 {
			findings = append(findings, finding("rules", "WAFInvalidParameterException: the limit %.0f of %q is not allowed; allowed: 10 or more", limit, rule.name))
		}
	}
	return findings
}
