package stacks

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"workerfleet/stacks/graph"
)

func upIn(account, platform string, dryRun bool) (*graph.Graph, error) {
	return graph.Record(Program, graph.Run{
		Stack: "acme", Account: account, DryRun: dryRun, Config: map[string]string{"workerfleet:platform": platform},
	})
}

const readyPlatform = `{"users":100,"account":{"id":"111122223333"},"edge":{"domain":"fleet.acme.com","hostedZoneId":"Z0123456789ABCDEFGHIJ"},"identity":{"issuer":"https://login.acme.com","audience":"fleet"}}`

// A configuration with problems registers nothing at all, not even the provider.
func TestProblemsRegisterNothing(t *testing.T) {
	g, err := upIn(graph.SimulatedAccount, `{"users":0,"usres":1}`, false)
	var problems Problems
	require.ErrorAs(t, err, &problems)
	require.Len(t, problems, 2)
	require.Empty(t, g.All())
}

// An update in a real account is refused while it would build the example: all problems at once, and nothing but the
// provider, through which AWS was asked, is registered. That the provider itself refuses another account is its own
// proof.
func TestUpdateRefusesTheExample(t *testing.T) {
	g, err := upIn("111122223333", `{"users":100}`, false)
	var problems Problems
	require.ErrorAs(t, err, &problems)
	require.Equal(t, []string{
		"account.id", "edge.domain", "identity.issuer",
		"images.agent", "images.api", "images.keeper", "images.log-router", "images.migrate", "images.worker", "dist/function-amd64.zip",
	}, fields(problems))
	require.Len(t, g.All(), 1)
	require.Equal(t, providerResource, g.All()[0].Type)

	_, err = upIn("111122223333", strings.Replace(readyPlatform, `,"hostedZoneId":"Z0123456789ABCDEFGHIJ"`, "", 1), false)
	require.ErrorContains(t, err, "edge.hostedZoneId: is not stated, and no edge.certificateArn; allowed: the domain's zone in Route 53, or a certificate")

	g, err = upIn("999988887777", readyPlatform, false)
	require.ErrorContains(t, err, "account.id: is 111122223333 and the credentials belong to 999988887777; allowed: credentials of the stated account")
	require.Len(t, g.All(), 1)
}

// The real thing goes through; a preview of the example does too, with a warning; a simulation takes everything.
func TestWhatGoesThrough(t *testing.T) {
	for name, run := range map[string]struct {
		account, platform string
		dryRun            bool
	}{
		"update":            {"111122223333", readyPlatform, false},
		"preview":           {"999988887777", `{"users":100}`, true},
		"simulated update":  {graph.SimulatedAccount, `{"users":100}`, false},
		"simulated, stated": {graph.SimulatedAccount, readyPlatform, false},
	} {
		if name == "update" {
			build(t)
		}
		g, err := upIn(run.account, run.platform, run.dryRun)
		require.NoError(t, err, name)
		require.Greater(t, len(g.All()), 100, name)
	}
}

// build leaves what make build and a release leave, where the program looks for it.
func build(t *testing.T) {
	t.Helper()
	t.Chdir(t.TempDir())
	require.NoError(t, os.Mkdir("dist", 0o755))
	for _, name := range []string{"function-amd64.zip", "function-arm64.zip"} {
		require.NoError(t, os.WriteFile(filepath.Join("dist", name), []byte("zip of "+name), 0o600))
	}
	images := map[string]string{}
	for _, process := range imageProcesses() {
		images[process] = "111122223333.dkr.ecr.ap-southeast-1.amazonaws.com/fleet/" + process + "@sha256:" + strings.Repeat("0", 64)
	}
	content, err := json.Marshal(images)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(filepath.Join("dist", "images.json"), content, 0o600))
}

func fields(problems Problems) []string {
	var names []string
	for _, p := range problems {
		names = append(names, p.Field)
	}
	return names
}
