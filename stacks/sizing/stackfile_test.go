package sizing

import (
	"flag"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

var update = flag.Bool("update", false, "rewrite the committed stack files")

// The committed stack file of every tier is exactly what its plan writes. Whether Pulumi reads it is proved where the
// configuration is decoded.
func TestCommittedStackFiles(t *testing.T) {
	for _, name := range TierNames() {
		users, err := Tier(name)
		require.NoError(t, err)
		p := plan(t, users)
		path := filepath.Join("..", "..", "Pulumi."+p.StackName()+".yaml")
		if *update {
			require.NoError(t, os.WriteFile(path, StackFile(p), 0o644))
		}
		committed, err := os.ReadFile(path)
		require.NoError(t, err)
		require.Equal(t, string(StackFile(p)), string(committed), "rewrite with: go test ./stacks/sizing -update")
	}
}

// A size between the tiers, on the other architecture: the head names the command that wrote it.
func TestStackFileBetweenTiers(t *testing.T) {
	p, err := ForArchitecture(12_000, ARM)
	require.NoError(t, err)
	require.Equal(t, "users-12000", p.StackName())
	text := string(StackFile(p))
	require.Contains(t, text, "# 12,000 users, 4,200 workers at peak. "+
		"Written by `fleet plan --users 12000 --architecture arm64 --write`.\n")
	require.Contains(t, text, "      instances: 18\n      instanceType: r7g.4xlarge\n")
}
