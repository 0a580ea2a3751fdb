package stacks

import (
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"workerfleet/stacks/graph"
)

// What a build has left is deployed: images by digest, pulled from their own repository, and the functions' code. The
// stack file's image wins over the release's.
func TestArtifactsAreDeployed(t *testing.T) {
	build(t)
	own := "111122223333.dkr.ecr.eu-west-1.amazonaws.com/own/api@sha256:" + strings.Repeat("1", 64)
	platform := strings.Replace(readyPlatform, `{"users":100,`, `{"users":100,"images":{"api":"`+own+`"},`, 1)
	g, err := upIn("111122223333", platform, false)
	require.NoError(t, err)
	api, keeper := byName(t, g, "api-task-definition"), byName(t, g, "keeper-task-definition")
	require.Contains(t, api.Text("containerDefinitions"), own)
	require.Contains(t, keeper.Text("containerDefinitions"), "/fleet/keeper@sha256:000")
	require.Contains(t, byName(t, g, "api-task-execution-policy").Text("policy"), `"arn:aws:ecr:eu-west-1:111122223333:repository/own/api"`)
	require.Equal(t, "dist/function-amd64.zip", byName(t, g, "function-claim-lambda").Value("code.archive"))
	require.Contains(t, byName(t, g, "keeper-task-execution-policy").Text("policy"), `"arn:aws:ecr:ap-southeast-1:111122223333:repository/fleet/keeper"`)
}

// Without a build a simulation shows the stack's own repositories under a tag that nobody pushes.
func TestWithoutArtifacts(t *testing.T) {
	g := deployTier(t, "100", graph.Run{})
	require.Contains(t, byName(t, g, "api-task-definition").Text("containerDefinitions"), byName(t, g, "registry-api").Outputs["repositoryUrl"].(string)+":unreleased")
	require.Contains(t, byName(t, g, "api-task-execution-policy").Text("policy"), byName(t, g, "registry-api").Outputs["arn"])
	require.Equal(t, "bootstrap", byName(t, g, "function-claim-lambda").Value("code.archive"), "a stand-in")
}

// Images that no repository of ECR holds need no permission to be pulled, and a broken list of images is an error and
// not an empty one.
func TestImages(t *testing.T) {
	for reference, arn := range map[string]string{
		"111122223333.dkr.ecr.eu-west-1.amazonaws.com/a/b:1.2": "arn:aws:ecr:eu-west-1:111122223333:repository/a/b",
		"public.ecr.aws/a/b@sha256:1":                          "",
		"fluent/fluent-bit:3":                                  "",
	} {
		require.Equal(t, arn, repositoryOf(reference), reference)
	}
	build(t)
	require.NoError(t, os.WriteFile("dist/images.json", []byte(`["api"]`), 0o600))
	_, err := upIn("111122223333", readyPlatform, false)
	require.ErrorContains(t, err, "dist/images.json: json: cannot unmarshal array")
}
