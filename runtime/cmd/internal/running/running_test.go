package running

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"workerfleet/runtime/queue"
)

// A platform's description is readable by its account alone, goes with the platform, and stays where another platform has
// replaced it since.
func TestDescription(t *testing.T) {
	path := filepath.Join(t.TempDir(), "state", "local.json")
	first := Outputs{Operator: Operator{Region: "here", ValkeyURL: "redis://a"}, QueueURLs: map[queue.Name]string{queue.PoolClaim: "http://q"}}
	require.NoError(t, Write(path, first))
	info, err := os.Stat(path)
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o600), info.Mode().Perm())
	second := Outputs{Operator: Operator{ValkeyURL: "redis://b"}}
	require.NoError(t, Write(path, second))
	require.NoError(t, Remove(path, first))
	require.FileExists(t, path, "it is the second one's")
	require.NoError(t, Remove(path, second))
	require.NoDirExists(t, filepath.Dir(path))
	require.NoError(t, Remove(path, second), "gone already")
	require.ErrorContains(t, Write(filepath.Join(os.DevNull, "x", "y"), first), "describe the platform")
}
