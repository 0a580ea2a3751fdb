package policy

import (
	"slices"
	"strings"

	"workerfleet/stacks/graph"
)

const keyType = "aws:kms/key:Key"

func keyRules() []Rule {
	return []Rule{
		{ID: "aws-33", Title: "a key's policy keeps the account able to administer it", Types: []string{keyType}, Check: checkKeyAdministration},
		{ID: "aws-33", Title: "a service is let into a key with a condition on the account", Types: []string{keyType}, Check: checkKeyServices},
	}
}

func checkKeyAdministration(_ *graph.Graph, r graph.Resource) []Finding {
	document, ok := r.Document("policy")
	if !ok {
		return nil
	}
	for _, statement := range statements(document) {
		if statement["Effect"] != "Allow" {
			continue
		}
		administers := slices.ContainsFunc(listed(statement["Action"]), func(action any) bool {
			return action == "kms:*" || action == "kms:PutKeyPolicy" || action == "kms:Put*"
		})
		root := slices.ContainsFunc(principals(statement, "AWS"), func(principal string) bool {
			return strings.HasSuffix(principal, ":root")
		})
		if administers && root {
			return nil
		}
	}
	return []Finding{finding("policy", "MalformedPolicyDocumentException: The new key policy will not allow you to update the key policy in the future: no statement lets the account's root put a policy")}
}

// sourceConditions are the keys that tie a service's use of a key to this account or to one of its resources. Some
// services send no source account; what they encrypt then names its resource in the encryption context.
var sourceConditions = []string{
	"aws:SourceAccount", "aws:SourceArn", "kms:CallerAccount", "kms:EncryptionContext:aws:logs:arn",
	"kms:EncryptionContext:aws:sqs:arn", "kms:EncryptionContext:aws:sns:topicArn",
}

func checkKeyServices(_ *graph.Graph, r graph.Resource) []Finding {
	document, ok := r.Document("policy")
	if !ok {
		return nil
	}
	var findings []Finding
	for _, statement := range statements(document) {
		services := principals(statement, "Service")
		if statement["Effect"] != "Allow" || len(services) == 0 || conditioned(statement, sourceConditions...) {
			continue
		}
		findings = append(findings, finding("policy", "nothing, but %s may use the key for any account: add a condition on one of %s", strings.Join(services, ", "), strings.Join(sourceConditions, ", ")))
	}
	return findings
}
