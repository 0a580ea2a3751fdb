package policy

import (
	"fmt"
	"slices"
	"strings"
)

const (
	roleType       = "aws:iam/role:Role"
	rolePolicyType = "aws:iam/rolePolicy:RolePolicy"
	policyType     = "aws:iam/policy:Policy"
	attachmentType = "aws:iam/rolePolicyAttachment:RolePolicyAttachment"
)

func identityBaseline() []Rule {
	policies, role := of(policyType, rolePolicyType), of(roleType)
	return []Rule{
		{Row: 159, Title: "nobody may do everything with everything", Types: policies, Refs: refs("SH IAM.1; CIS 1.15; CKV_AWS_62; CKV_AWS_63"), Check: allowed("policy", func(statement map[string]any) string {
			if slices.Contains(actions(statement), "*") && slices.Contains(texts(statement["Resource"]), "*") {
				return "allows everything on everything; wanted: actions and resources by name"
			}
			return ""
		})},
		{Row: 160, Title: "actions are named, and resources too where the action takes one", Types: append(policies, roleType), Refs: refs("SH IAM.21; AwsSolutions-IAM5"),
			Check: every(allowed("policy", checkScope), unstated("inlinePolicies"))},
		{Row: 161, Title: "nobody may decrypt under every key", Types: policies, Refs: refs("SH KMS.1; SH KMS.2"), Check: allowed("policy", func(statement map[string]any) string {
			decrypts := slices.ContainsFunc(actions(statement), func(action string) bool {
				return covers(action, "kms:Decrypt") || covers(action, "kms:ReEncryptFrom")
			})
			if decrypts && slices.Contains(texts(statement["Resource"]), "*") {
				return "allows kms:Decrypt on every key; wanted: the keys"
			}
			return ""
		})},
		{Row: 162, Title: "a role is taken on by a service of this account or by one role", Types: role, Refs: refs("CKV_AWS_60; CKV_AWS_61"), Check: allowed("assumeRolePolicy", checkTrust)},
		{Row: 163, Title: "a workflow of one repository and branch takes the role on, and no other", Types: role, Refs: refs("CKV_AWS_358; CKV_AWS_393"), Check: allowed("assumeRolePolicy", checkWorkflowTrust)},
		{Row: 164, Title: "no role is an administrator", Types: of(attachmentType, roleType), Refs: refs("CKV_AWS_274; CKV2_AWS_56; AwsSolutions-IAM4"), Check: every(each("policyArn", checkAttached), each("managedPolicyArns.*", checkAttached))},
	}
}

func checkAttached(value any) string {
	for _, name := range []string{"/AdministratorAccess", "/IAMFullAccess", "/PowerUserAccess"} {
		if strings.HasSuffix(shown(value), name) {
			return "is " + shown(value) + "; wanted: a policy of what the role does"
		}
	}
	return ""
}

// unscoped are actions that take no resource, or take one only for things that do not exist yet: their statement says
// "*", and there is no narrower way to write it.
var unscoped = []string{
	"autoscaling:Describe*", "cloudwatch:GetMetricData", "cloudwatch:ListMetrics", "cloudwatch:PutMetricData", "ec2:CreateNetworkInterface", "ec2:DeleteNetworkInterface",
	"ec2:AssignPrivateIpAddresses", "ec2:UnassignPrivateIpAddresses", "ec2:Describe*", "ecr:GetAuthorizationToken", "ecs:CreateCluster", "ecs:DeregisterTaskDefinition", "ecs:DescribeTaskDefinition",
	"ecs:DiscoverPollEndpoint", "ecs:ListServices", "ecs:ListTaskDefinitions", "ecs:RegisterTaskDefinition", "lambda:ListFunctions", "logs:DescribeLogGroups", "servicequotas:Get*", "servicequotas:List*", "ssm:UpdateInstanceInformation", "ssmmessages:*",
	"ec2messages:*", "sts:GetCallerIdentity", "tag:GetResources", "xray:Get*", "xray:PutTelemetryRecords", "xray:PutTraceSegments",
}

// checkScope takes a condition as a scope: it binds the statement to something of the stack.
func checkScope(statement map[string]any) string {
	anywhere := slices.Contains(texts(statement["Resource"]), "*") && statement["Condition"] == nil
	for _, action := range actions(statement) {
		known := slices.ContainsFunc(unscoped, func(one string) bool { return covers(one, action) })
		service, name, _ := strings.Cut(action, ":")
		switch {
		case name == "*":
			return fmt.Sprintf("allows all of %s; wanted: its actions by name", service)
		case anywhere && !known:
			return "allows " + action + " on every resource; wanted: the resources, or a condition"
		}
	}
	return ""
}

// covers says whether an action, which may end in *, means another.
func covers(action, other string) bool {
	prefix, wild := strings.CutSuffix(strings.ToLower(action), "*")
	other = strings.ToLower(other)
	return wild && strings.HasPrefix(other, prefix) || prefix == other
}

// nameless are the services that take a role on without saying for which account: a condition on it would never hold.
// Their roles can only be handed to instances and functions of the same account.
var nameless = []string{"ec2.amazonaws.com", "lambda.amazonaws.com"}

func checkTrust(statement map[string]any) string {
	for _, principal := range principals(statement, "AWS") {
		if principal == "*" || strings.HasSuffix(principal, ":root") || !strings.HasPrefix(principal, "arn:") {
			return "lets " + principal + " take the role on; wanted: a service, or one role by its ARN"
		}
	}
	for _, service := range principals(statement, "Service") {
		if !slices.Contains(nameless, service) && !conditioned(statement, "aws:SourceAccount", "aws:SourceArn") {
			return "lets " + service + " take the role on for any account; wanted: a condition on aws:SourceAccount"
		}
	}
	return ""
}

const workflows = "token.actions.githubusercontent.com"

// checkWorkflowTrust judges statements about GitHub's workflows; all others pass.
func checkWorkflowTrust(statement map[string]any) string {
	if !slices.ContainsFunc(principals(statement, "Federated"), func(p string) bool { return strings.HasSuffix(p, workflows) }) {
		return ""
	}
	condition, _ := statement["Condition"].(map[string]any)
	exact, _ := condition["StringEquals"].(map[string]any)
	for _, key := range []string{workflows + ":aud", workflows + ":sub"} {
		values := texts(exact[key])
		if len(values) == 0 || slices.ContainsFunc(values, func(value string) bool { return strings.ContainsAny(value, "*?") }) {
			return "does not hold " + key + " to exact values; wanted: StringEquals, without wildcards"
		}
	}
	return ""
}
