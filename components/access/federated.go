package access

import "github.com/pulumi/pulumi/sdk/v3/go/pulumi"

// Federated is whoever an identity provider of this account vouches for, as far as the conditions say whom: never
// everybody that it knows.
func Federated(provider pulumi.StringInput, first Condition, more ...Condition) Principal {
	return Principal{kind: "Federated", values: []pulumi.StringInput{provider}, conditions: append([]Condition{first}, more...)}
}
