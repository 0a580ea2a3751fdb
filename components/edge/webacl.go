package edge

import (
	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/cloudwatch"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"workerfleet/components/access"
	"workerfleet/components/edge/firewall"
	"workerfleet/components/names"
)

const (
	// blockedDays is how long blocked and counted requests can be read.
	blockedDays = 90
	// rateWindow is the window of the rates, in seconds.
	rateWindow = 300
	// tooLarge is what the core rules note about a body over 8 KB, of which a load balancer shows WAF no more.
	tooLarge = "awswaf:managed:aws:core-rule-set:SizeRestrictions_Body"
)

// rules are the web ACL's, in the order in which they are asked: first how much one address asks, then who it is, then
// what it asks. Three exemptions, each for webhooks, whose senders are programs in other people's data centres:
//
//   - they have a rate of their own;
//   - addresses of hosting providers are counted and not blocked (the anonymous list holds them);
//   - a body over 8 KB is blocked on every path but theirs. Their signature and their fields are checked by the API.
func (b *builder) rules() []firewall.Rule {
	path := webhookPath()
	webhook := firewall.Simple{ByteMatchStatement: path}
	elsewhere := firewall.Simple{NotStatement: &firewall.Not{Statements: []firewall.Leaf{{ByteMatchStatement: path}}}}
	large := firewall.Simple{LabelMatchStatement: &firewall.LabelMatch{Key: tooLarge, Scope: "LABEL"}}
	core := managed("AWSManagedRulesCommonRuleSet")
	core.RuleActionOverrides = []firewall.ActionOverride{
		{Name: "SizeRestrictions_BODY", ActionToUse: firewall.Action{Count: &firewall.Empty{}}},
	}
	all := []firewall.Rule{
		blocking("webhook-rate", firewall.Statement{RateBasedStatement: rate(b.args.Webhooks, webhook)}),
		blocking("address-rate", firewall.Statement{RateBasedStatement: rate(b.args.PerAddress, elsewhere)}),
		group("reputation", managed("AWSManagedRulesAmazonIpReputationList"), false),
		group("anonymous", managed("AWSManagedRulesAnonymousIpList"), true),
		group("bad-inputs", managed("AWSManagedRulesKnownBadInputsRuleSet"), false),
		group("core", core, false),
		blocking("large-body", firewall.Statement{AndStatement: &firewall.And{Statements: []firewall.Simple{large, elsewhere}}}),
		group("sql", managed("AWSManagedRulesSQLiRuleSet"), false),
	}
	for i := range all {
		all[i].Priority = i
		all[i].VisibilityConfig = visible(all[i].Name)
	}
	return all
}

func webhookPath() *firewall.ByteMatch {
	return &firewall.ByteMatch{
		FieldToMatch: firewall.Field{UriPath: &firewall.Empty{}}, PositionalConstraint: "STARTS_WITH", SearchString: WebhookPath,
		TextTransformations: []firewall.Transformation{{Priority: 0, Type: "NONE"}},
	}
}

func managed(name string) *firewall.ManagedGroup {
	return &firewall.ManagedGroup{Name: name, VendorName: "AWS"}
}

// group asks a managed group, and either leaves its rules as they are or only counts.
func group(name string, of *firewall.ManagedGroup, counts bool) firewall.Rule {
	override := &firewall.Override{None: &firewall.Empty{}}
	if counts {
		override = &firewall.Override{Count: &firewall.Empty{}}
	}
	return firewall.Rule{Name: name, Statement: firewall.Statement{ManagedRuleGroupStatement: of}, OverrideAction: override}
}

func blocking(name string, what firewall.Statement) firewall.Rule {
	return firewall.Rule{Name: name, Statement: what, Action: &firewall.Action{Block: &firewall.Empty{}}}
}

func rate(limit int, within firewall.Simple) *firewall.Rate {
	return &firewall.Rate{Limit: limit, AggregateKeyType: "IP", EvaluationWindowSec: rateWindow, ScopeDownStatement: within}
}

func visible(name string) firewall.Visibility {
	return firewall.Visibility{CloudwatchMetricsEnabled: true, MetricName: name, SampledRequestsEnabled: true}
}

// makeWebACL makes the web ACL, puts it before the load balancer, and logs what it blocks or counts.
func (b *builder) makeWebACL() error {
	acl, err := b.register(firewall.ACLToken, "acl", firewall.ACL{
		Name: b.c.WebACL, Description: "Before the API of " + b.args.Place.Stack, Scope: "REGIONAL",
		DefaultAction: firewall.Default{Allow: &firewall.Empty{}}, Rules: b.rules(), VisibilityConfig: visible(b.c.WebACL),
	})
	if err != nil {
		return err
	}
	if _, err := b.register(firewall.AssociationToken, "acl-association", firewall.Association{
		ResourceArn: b.balancer.Arn, WebAclArn: acl.Arn,
	}); err != nil {
		return err
	}
	log, err := b.aclLog()
	if err != nil {
		return err
	}
	keep := func(action string) firewall.Condition {
		return firewall.Condition{ActionCondition: firewall.ActionCondition{Action: action}}
	}
	_, err = b.register(firewall.LoggingToken, "acl-logging", firewall.Logging{
		ResourceArn: acl.Arn, LogDestinationConfigs: pulumi.StringArray{log.Arn},
		LoggingFilter: firewall.Filter{DefaultBehavior: "DROP", Filters: []firewall.FilterRule{{
			Behavior: "KEEP", Requirement: "MEETS_ANY", Conditions: []firewall.Condition{keep("BLOCK"), keep("COUNT")},
		}}},
		// Tokens and signatures would be as good as the requests that carried them.
		RedactedFields: []firewall.Redacted{
			{SingleHeader: firewall.Header{Name: "authorization"}}, {SingleHeader: firewall.Header{Name: "cookie"}},
			{SingleHeader: firewall.Header{Name: "x-signature"}},
		},
	})
	return err
}

func (b *builder) register(token, suffix string, args pulumi.Input) (*firewall.Resource, error) {
	made := &firewall.Resource{}
	return made, b.ctx.RegisterResource(token, b.child(suffix), args, made, b.parent())
}

// aclLog makes the log group, whose name WAF wants to begin so, and lets WAF's log delivery write to it.
func (b *builder) aclLog() (*cloudwatch.LogGroup, error) {
	p := b.args.Place
	log, err := cloudwatch.NewLogGroup(b.ctx, b.child("acl-log"), &cloudwatch.LogGroupArgs{
		Name: pulumi.String("aws-waf-logs-" + b.c.WebACL), KmsKeyId: b.args.LogsKey, RetentionInDays: pulumi.Int(blockedDays),
	}, b.parent())
	if err != nil {
		return nil, err
	}
	delivery := access.Service(p, "delivery.logs.amazonaws.com")
	_, err = cloudwatch.NewLogResourcePolicy(b.ctx, b.child("acl-log", "policy"), &cloudwatch.LogResourcePolicyArgs{
		PolicyName: pulumi.String(p.Stated(names.WebACL, b.child("acl-log"))),
		PolicyDocument: access.Document{{
			Sid: "WebACL", Principal: delivery, Actions: []string{"logs:CreateLogStream", "logs:PutLogEvents"},
			Resources:  []pulumi.StringInput{pulumi.Sprintf("%s:*", log.Arn)},
			Conditions: []access.Condition{access.When("ArnLike", "aws:SourceArn", p.ARN("logs", "*"))},
		}}.JSON(),
	}, b.parent())
	return log, err
}
