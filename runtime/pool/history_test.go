package pool_test

import (
	"testing"

	"workerfleet/runtime/pool"
	"workerfleet/runtime/pool/pooltest"
)

// The reference keeps the contract that the databases are held to.
func TestMemory(t *testing.T) {
	pooltest.RunHistory(t, func(*testing.T) pool.History { return pool.NewMemory() })
}
