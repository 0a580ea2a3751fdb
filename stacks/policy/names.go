package policy

import (
	"maps"
	"regexp"
	"slices"
	"strings"

	"workerfleet/stacks/graph"
)

// nameLimit is what AWS allows in the name of one type.
type nameLimit struct {
	// property holds the name; most types call it "name".
	property string
	// longest is the greatest length in characters.
	longest int
	// form is what the whole name must match, nil for any, and words says so for people.
	form  *regexp.Regexp
	words string
	// starts and notStarts are prefixes that the name must or must not have, in any case of letters.
	starts    string
	notStarts []string
}

var (
	balancerForm = regexp.MustCompile(`^[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?$`)
	cacheForm    = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9-]*$`)
	queueForm    = regexp.MustCompile(`^[A-Za-z0-9_-]+(\.fifo)?$`)
	bucketForm   = regexp.MustCompile(`^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$`)
	plainForm    = regexp.MustCompile(`^[A-Za-z0-9_-]+$`)
	repoForm     = regexp.MustCompile(`^[a-z0-9]+([._/-][a-z0-9]+)*$`)
)

// nameLimits are the limits of every type that the platform names, by type.
var nameLimits = map[string]nameLimit{
	"aws:lb/loadBalancer:LoadBalancer": {
		longest: 32, form: balancerForm, words: "letters, digits and inner hyphens", notStarts: []string{"internal-"},
	},
	"aws:lb/targetGroup:TargetGroup":          {longest: 32, form: balancerForm, words: "letters, digits and inner hyphens"},
	"aws:iam/role:Role":                       {longest: 64},
	"aws:iam/policy:Policy":                   {longest: 128},
	"aws:iam/instanceProfile:InstanceProfile": {longest: 128},
	"aws:rds/proxy:Proxy":                     {longest: 60, form: cacheForm, words: "a letter, then letters, digits and hyphens"},
	"aws:rds/cluster:Cluster":                 {property: "clusterIdentifier", longest: 63, form: cacheForm, words: "a letter, then letters, digits and hyphens"},
	"aws:rds/clusterInstance:ClusterInstance": {property: "identifier", longest: 63, form: cacheForm, words: "a letter, then letters, digits and hyphens"},
	"aws:elasticache/replicationGroup:ReplicationGroup": {
		property: "replicationGroupId", longest: 40, form: cacheForm, words: "a letter, then letters, digits and hyphens",
	},
	"aws:elasticache/serverlessCache:ServerlessCache": {longest: 40, form: cacheForm, words: "a letter, then letters, digits and hyphens"},
	"aws:sqs/queue:Queue":                             {longest: 80, form: queueForm, words: "letters, digits, hyphens, underscores and the suffix .fifo, which counts"},
	"aws:sns/topic:Topic":                             {longest: 256, form: queueForm, words: "letters, digits, hyphens and underscores"},
	"aws:lambda/function:Function":                    {longest: 64, form: plainForm, words: "letters, digits, hyphens and underscores"},
	"aws:ecs/cluster:Cluster":                         {longest: 255, form: plainForm, words: "letters, digits, hyphens and underscores"},
	"aws:ecs/service:Service":                         {longest: 255, form: plainForm, words: "letters, digits, hyphens and underscores"},
	"aws:cloudwatch/metricAlarm:MetricAlarm":          {longest: 255},
	"aws:cloudwatch/eventRule:EventRule":              {longest: 64, form: regexp.MustCompile(`^[A-Za-z0-9._-]+$`), words: "letters, digits, dots, hyphens and underscores"},
	"aws:cloudwatch/logGroup:LogGroup":                {longest: 512, form: regexp.MustCompile(`^[A-Za-z0-9._/#-]+$`), words: "letters, digits and . _ / # -"},
	"aws:ec2/securityGroup:SecurityGroup":             {longest: 255, notStarts: []string{"sg-"}},
	"aws:ecr/repository:Repository":                   {longest: 256, form: repoForm, words: "lower-case letters, digits and inner . _ / -"},
	"aws:s3/bucketV2:BucketV2":                        {property: "bucket", longest: 63, form: bucketForm, words: "lower-case letters, digits, dots and hyphens"},
	"aws:kms/alias:Alias":                             {longest: 256, starts: "alias/", notStarts: []string{"alias/aws/"}},
}

func nameRules() []Rule {
	limited := slices.Sorted(maps.Keys(nameLimits))
	return []Rule{
		{ID: "aws-1", Title: "names keep AWS's lengths, letters and prefixes", Types: limited, Check: checkName},
		{
			ID: "aws-1", Title: "the log destination of a web ACL starts aws-waf-logs-",
			Types: []string{"aws:wafv2/webAclLoggingConfiguration:WebAclLoggingConfiguration"}, Check: checkFirewallLogs,
		},
		{
			ID: "aws-2", Title: "a capacity provider's name does not start with aws, ecs or fargate",
			Types: []string{"aws:ecs/capacityProvider:CapacityProvider"}, Check: checkCapacityProviderName,
		},
	}
}

func checkName(_ *graph.Graph, r graph.Resource) []Finding {
	limit := nameLimits[r.Type]
	property := limit.property
	if property == "" {
		property = "name"
	}
	name := r.Text(property)
	if name == "" && property == "name" {
		name = r.PhysicalName()
	}
	if name == "" {
		return nil
	}
	var findings []Finding
	if len(name) > limit.longest {
		findings = append(findings, finding(property, "ValidationError: %q has %d characters; allowed: 1 to %d", name, len(name), limit.longest))
	}
	if limit.form != nil && !limit.form.MatchString(name) {
		findings = append(findings, finding(property, "ValidationError: %q has characters that are not allowed; allowed: %s", name, limit.words))
	}
	lower := strings.ToLower(name)
	if !strings.HasPrefix(lower, limit.starts) {
		findings = append(findings, finding(property, "ValidationError: %q must start with %q", name, limit.starts))
	}
	for _, prefix := range limit.notStarts {
		if strings.HasPrefix(lower, prefix) {
			findings = append(findings, finding(property, "ValidationError: %q must not start with %q, which AWS keeps for itself", name, prefix))
		}
	}
	return findings
}

func checkCapacityProviderName(_ *graph.Graph, r graph.Resource) []Finding {
	name := strings.ToLower(r.PhysicalName())
	for _, reserved := range []string{"aws", "ecs", "fargate"} {
		if strings.HasPrefix(name, reserved) {
			return []Finding{finding("name", "ClientException: The specified capacity provider name is invalid: %q starts with %q", r.PhysicalName(), reserved)}
		}
	}
	return nil
}

func checkFirewallLogs(_ *graph.Graph, r graph.Resource) []Finding {
	destinations, _ := r.Value("logDestinationConfigs").([]any)
	for _, destination := range destinations {
		arn, ok := destination.(string)
		if !ok {
			continue
		}
		name := arn[strings.LastIndexAny(arn, ":/")+1:]
		if !strings.HasPrefix(name, "aws-waf-logs-") {
			return []Finding{finding("logDestinationConfigs", "WAFInvalidParameterException: the destination %q must start with aws-waf-logs-", name)}
		}
	}
	return nil
}
