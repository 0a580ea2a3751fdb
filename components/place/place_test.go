package place_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"workerfleet/components/names"
	"workerfleet/components/place"
)

// The forms are AWS's documented ones; that AWS accepts the parts is not shown here.
func TestForms(t *testing.T) {
	p := place.Place{Stack: "tier-1k", Account: "111122223333", Region: "eu-west-1"}
	require.Equal(t, "arn:aws:events:eu-west-1:111122223333:rule/*", p.ARN("events", "rule/*"))
	require.Equal(t, "arn:aws:iam::111122223333:root", p.IAM("root"))
	require.Equal(t, "com.amazonaws.eu-west-1.sqs", p.Endpoint("sqs"))
}

// Two stacks never state the same name for the same resource.
func TestStatedNamesCarryTheStack(t *testing.T) {
	small, large := place.Place{Stack: "tier-1k"}, place.Place{Stack: "tier-5k"}
	require.Equal(t, "alias/tier-1k-keys-data", small.Stated(names.Alias, "keys-data"))
	require.NotEqual(t, small.Stated(names.Alias, "keys-data"), large.Stated(names.Alias, "keys-data"))
}
