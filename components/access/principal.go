package access

import (
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"workerfleet/components/place"
)

// Principal is who a statement is about, with the conditions that this principal is never named without.
type Principal struct {
	kind       string
	values     []pulumi.StringInput
	conditions []Condition
}

// Account is the account itself: what it may do, its IAM policies hand on.
func Account(p place.Place) Principal {
	return Principal{kind: "AWS", values: Texts(p.IAM("root"))}
}

// Role is one role.
func Role(arn pulumi.StringInput) Principal {
	return Principal{kind: "AWS", values: []pulumi.StringInput{arn}}
}

// RoleByName is a role that may not exist yet, such as the one that a service makes for itself on first use. Named as a
// principal it would be refused ("invalid principals") until it exists; as a condition on everyone of this account it is
// not.
func RoleByName(p place.Place, path string) Principal {
	return Principal{kind: "AWS", values: Texts("*"), conditions: []Condition{
		When("StringEquals", "aws:PrincipalAccount", p.Account),
		When("ArnEquals", "aws:PrincipalArn", p.IAM("role/"+path)),
	}}
}

// Service is an AWS service, such as sqs.amazonaws.com, that acts for a resource of this account.
func Service(p place.Place, name string) Principal {
	return Principal{kind: "Service", values: Texts(name), conditions: []Condition{
		When("StringEquals", "aws:SourceAccount", p.Account),
	}}
}

// ServiceWhere is an AWS service that does not say which account it acts for, held to this account by a condition of
// its own: an encryption context, or the ARN that it sends.
func ServiceWhere(name string, condition Condition) Principal {
	return Principal{kind: "Service", values: Texts(name), conditions: []Condition{condition}}
}

// EventRules are the EventBridge rules of this account as writers to a queue. EventBridge names the rule
// (aws:SourceArn) and not the account: https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-use-resource-based.html
func EventRules(p place.Place) Principal {
	return ServiceWhere("events.amazonaws.com", When("ArnLike", "aws:SourceArn", p.ARN("events", "rule/*")))
}

// EventRulesToTopic are EventBridge rules as publishers to an SNS topic, where EventBridge fills in no condition key at
// all: "You can't use Condition blocks in Amazon SNS topic policies for EventBridge". A condition would drop every
// event without a word; what is left open is that a rule of another account could publish to a topic whose ARN it knows.
func EventRulesToTopic() Principal {
	return Principal{kind: "Service", values: Texts("events.amazonaws.com")}
}

// taker is the service that takes a role on. EC2 and Lambda do so without saying for which account: a condition on it
// would never hold, and instances and functions would have no role. Nothing is open for that: a role can only be handed
// to instances and functions of its own account, because iam:PassRole crosses no account
// (https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_use_passrole.html).
func taker(p place.Place, service string) Principal {
	if service == "ec2.amazonaws.com" || service == "lambda.amazonaws.com" {
		return Principal{kind: "Service", values: Texts(service)}
	}
	return Service(p, service)
}

// LoadBalancerLogs is Elastic Load Balancing as the writer of its logs to a bucket. What holds it to this account is the
// path that it may write to, AWSLogs/<account>/: the load balancer of another account has another one ("the account id is
// always included in the resource path", Application Load Balancers guide, enable access logs).
func LoadBalancerLogs() Principal {
	return Principal{kind: "Service", values: Texts("logdelivery.elasticloadbalancing.amazonaws.com")}
}

// everyone is unexported: only a denial may be about everyone.
func everyone() Principal { return Principal{kind: "AWS", values: Texts("*")} }
