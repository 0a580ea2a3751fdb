package protection_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"workerfleet/components/protection"
)

// A level guards everything or nothing, and a forgotten setting guards. That resources follow it is shown where they
// are made.
func TestLevels(t *testing.T) {
	for _, guarded := range []protection.Level{protection.Strict, ""} {
		require.NoError(t, guarded.Validate())
		require.True(t, guarded.Protects())
		require.False(t, guarded.ForceDelete())
		require.Equal(t, 30, guarded.KeyDeletionDays())
	}
	require.NoError(t, protection.Relaxed.Validate())
	require.False(t, protection.Relaxed.Protects())
	require.True(t, protection.Relaxed.ForceDelete())
	require.Equal(t, 7, protection.Relaxed.KeyDeletionDays())
}

func TestValidate(t *testing.T) {
	require.EqualError(t, protection.Level("none").Validate(), `protection: "none" is not allowed; allowed: strict, relaxed`)
}
