package claim_test

import (
	"testing"

	"workerfleet/runtime/claim"
	"workerfleet/runtime/claim/claimtest"
)

// The in-memory reference keeps the contract of a store. What the suite cannot show – that every sequence of calls
// keeps the invariants – is the model's part in the adapters' tests.
func TestMemory(t *testing.T) {
	claimtest.Run(t, func(*testing.T) claim.Store { return claim.NewMemory() })
}
