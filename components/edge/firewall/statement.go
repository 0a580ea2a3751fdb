package firewall

// Statement is what a rule looks for: one of its parts is set.
type Statement struct {
	ManagedRuleGroupStatement *ManagedGroup `pulumi:"managedRuleGroupStatement"`
	RateBasedStatement        *Rate         `pulumi:"rateBasedStatement"`
	AndStatement              *And          `pulumi:"andStatement"`
}

// ManagedGroup is a set of rules that AWS keeps.
type ManagedGroup struct {
	Name                string           `pulumi:"name"`
	VendorName          string           `pulumi:"vendorName"`
	RuleActionOverrides []ActionOverride `pulumi:"ruleActionOverrides"`
}

// ActionOverride gives one rule of a managed group another action.
type ActionOverride struct {
	Name        string `pulumi:"name"`
	ActionToUse Action `pulumi:"actionToUse"`
}

// Rate counts the requests of an address in a window.
type Rate struct {
	Limit               int    `pulumi:"limit"`
	AggregateKeyType    string `pulumi:"aggregateKeyType"`
	EvaluationWindowSec int    `pulumi:"evaluationWindowSec"`
	ScopeDownStatement  Simple `pulumi:"scopeDownStatement"`
}

// And holds where all of its parts do.
type And struct {
	Statements []Simple `pulumi:"statements"`
}

// Simple is a statement without further levels but a denial. The provider's form nests without end; three levels are
// what this platform states.
type Simple struct {
	ByteMatchStatement  *ByteMatch  `pulumi:"byteMatchStatement"`
	LabelMatchStatement *LabelMatch `pulumi:"labelMatchStatement"`
	NotStatement        *Not        `pulumi:"notStatement"`
}

// Not holds where its one part does not.
type Not struct {
	Statements []Leaf `pulumi:"statements"`
}

// Leaf is a statement without further levels.
type Leaf struct {
	ByteMatchStatement *ByteMatch `pulumi:"byteMatchStatement"`
}

// ByteMatch looks for a text in a part of the request.
type ByteMatch struct {
	FieldToMatch         Field            `pulumi:"fieldToMatch"`
	PositionalConstraint string           `pulumi:"positionalConstraint"`
	SearchString         string           `pulumi:"searchString"`
	TextTransformations  []Transformation `pulumi:"textTransformations"`
}

// Field is the part of the request: its path.
type Field struct {
	UriPath *Empty `pulumi:"uriPath"`
}

// Transformation is done to the part before it is compared.
type Transformation struct {
	Priority int    `pulumi:"priority"`
	Type     string `pulumi:"type"`
}

// LabelMatch looks for what an earlier rule has noted.
type LabelMatch struct {
	Key   string `pulumi:"key"`
	Scope string `pulumi:"scope"`
}
