package firewall

import (
	"reflect"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

// Type tokens of the three resources.
const (
	ACLToken         = "aws:wafv2/webAcl:WebAcl"
	AssociationToken = "aws:wafv2/webAclAssociation:WebAclAssociation"
	LoggingToken     = "aws:wafv2/webAclLoggingConfiguration:WebAclLoggingConfiguration"
)

// ACL is a web ACL. All of it is plain: a preview shows every rule.
type ACL struct {
	Name             string            `pulumi:"name"`
	Description      string            `pulumi:"description"`
	Scope            string            `pulumi:"scope"` // REGIONAL for a load balancer
	DefaultAction    Default           `pulumi:"defaultAction"`
	Rules            []Rule            `pulumi:"rules"`
	VisibilityConfig Visibility        `pulumi:"visibilityConfig"`
	Tags             map[string]string `pulumi:"tags"`
}

// ElementType makes the form one that Pulumi registers.
func (ACL) ElementType() reflect.Type { return reflect.TypeFor[ACL]() }

// Token is the type token.
func (ACL) Token() string { return ACLToken }

// Rule is one rule. A managed group has an override action, any other rule an action.
type Rule struct {
	Name             string     `pulumi:"name"`
	Priority         int        `pulumi:"priority"`
	Statement        Statement  `pulumi:"statement"`
	Action           *Action    `pulumi:"action"`
	OverrideAction   *Override  `pulumi:"overrideAction"`
	VisibilityConfig Visibility `pulumi:"visibilityConfig"`
}

// Empty is what stands for an action: its presence is its meaning.
type Empty struct{}

// Default is what happens to a request that no rule stops: one is set.
type Default struct {
	Allow *Empty `pulumi:"allow"`
	Block *Empty `pulumi:"block"`
}

// Action of a rule of our own: one is set.
type Action struct {
	Allow *Empty `pulumi:"allow"`
	Block *Empty `pulumi:"block"`
	Count *Empty `pulumi:"count"`
}

// Override of a managed group: none leaves its rules as they are, count only counts what they would block.
type Override struct {
	None  *Empty `pulumi:"none"`
	Count *Empty `pulumi:"count"`
}

// Visibility says under which name CloudWatch counts.
type Visibility struct {
	CloudwatchMetricsEnabled bool   `pulumi:"cloudwatchMetricsEnabled"`
	MetricName               string `pulumi:"metricName"`
	SampledRequestsEnabled   bool   `pulumi:"sampledRequestsEnabled"`
}

// Association puts a web ACL before a resource.
type Association struct {
	ResourceArn pulumi.StringInput
	WebAclArn   pulumi.StringInput
}

type association struct {
	ResourceArn string `pulumi:"resourceArn"`
	WebAclArn   string `pulumi:"webAclArn"`
}

// ElementType makes the form one that Pulumi registers.
func (Association) ElementType() reflect.Type { return reflect.TypeFor[association]() }

// Token is the type token.
func (Association) Token() string { return AssociationToken }

// Logging says where a web ACL writes what, and what it leaves out.
type Logging struct {
	ResourceArn           pulumi.StringInput
	LogDestinationConfigs pulumi.StringArrayInput
	LoggingFilter         Filter
	RedactedFields        []Redacted
}

type logging struct {
	ResourceArn           string     `pulumi:"resourceArn"`
	LogDestinationConfigs []string   `pulumi:"logDestinationConfigs"`
	LoggingFilter         Filter     `pulumi:"loggingFilter"`
	RedactedFields        []Redacted `pulumi:"redactedFields"`
}

// ElementType makes the form one that Pulumi registers.
func (Logging) ElementType() reflect.Type { return reflect.TypeFor[logging]() }

// Token is the type token.
func (Logging) Token() string { return LoggingToken }

// Filter keeps or drops log entries.
type Filter struct {
	DefaultBehavior string       `pulumi:"defaultBehavior"` // KEEP or DROP
	Filters         []FilterRule `pulumi:"filters"`
}

// FilterRule is one exception from the default behaviour.
type FilterRule struct {
	Behavior    string      `pulumi:"behavior"`
	Requirement string      `pulumi:"requirement"` // MEETS_ANY or MEETS_ALL
	Conditions  []Condition `pulumi:"conditions"`
}

// Condition of a filter: what the web ACL did.
type Condition struct {
	ActionCondition ActionCondition `pulumi:"actionCondition"`
}

// ActionCondition names an action: BLOCK, COUNT, ALLOW.
type ActionCondition struct {
	Action string `pulumi:"action"`
}

// Redacted is a header whose value is not logged.
type Redacted struct {
	SingleHeader Header `pulumi:"singleHeader"`
}

// Header by name, in lower case.
type Header struct {
	Name string `pulumi:"name"`
}

// Resource is what comes back of each of the three.
type Resource struct {
	pulumi.CustomResourceState
	Arn pulumi.StringOutput `pulumi:"arn"`
}
