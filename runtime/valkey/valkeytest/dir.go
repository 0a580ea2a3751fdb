package valkeytest

import (
	"os"
	"testing"

	"github.com/stretchr/testify/require"
)

// shortDir makes a folder with a short name that ends with the test.
func shortDir(t testing.TB) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "v")
	require.NoError(t, err)
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	return dir
}
