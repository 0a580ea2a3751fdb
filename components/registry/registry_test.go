package registry_test

import (
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"github.com/stretchr/testify/require"

	"workerfleet/components/alarms"
	"workerfleet/components/place"
	"workerfleet/components/protection"
	"workerfleet/components/registry"
	"workerfleet/stacks/graph"
)

var here = place.Place{Stack: "tier-1k", Account: "111122223333", Region: "ap-southeast-1"}

func program(level protection.Level, processes ...string) pulumi.RunFunc {
	return func(ctx *pulumi.Context) error {
		topic, err := alarms.NewTopic(ctx, "alarms", &alarms.Args{Place: here, Key: pulumi.String("key-arn")})
		if err != nil {
			return err
		}
		r, err := registry.New(ctx, "registry", &registry.Args{
			Place: here, Protection: level, Processes: processes, Key: pulumi.String("key-arn"), Topic: topic,
		})
		if err != nil {
			return err
		}
		ctx.Export("urls", r.URLs)
		return nil
	}
}

// Each process has one repository: tags cannot move, pushes are scanned, images are encrypted with the stack's key and
// pulled from this account only.
func TestRepositories(t *testing.T) {
	g, err := graph.Record(program(protection.Strict, "api", "log-router"), graph.Run{})
	require.NoError(t, err)
	repositories := g.OfType("aws:ecr/repository:Repository")
	require.Len(t, repositories, 2)
	for i, name := range []string{"registry-api", "registry-log-router"} {
		require.Equal(t, name, repositories[i].Name)
		require.Equal(t, map[string]any{
			"imageTagMutability": "IMMUTABLE", "imageScanningConfiguration": map[string]any{"scanOnPush": true},
			"encryptionConfigurations": []any{map[string]any{"encryptionType": "KMS", "kmsKey": "key-arn"}},
			"forceDelete":              false,
		}, repositories[i].Inputs)
		require.True(t, repositories[i].Options.Protect)

		lifecycle := g.OfType("aws:ecr/lifecyclePolicy:LifecyclePolicy")[i]
		require.Equal(t, repositories[i].PhysicalName(), lifecycle.Text("repository"))
		rules, ok := lifecycle.Document("policy")
		require.True(t, ok, "the life cycle is no JSON")
		require.Len(t, rules["rules"], 2)
		selection := rules["rules"].([]any)[1].(map[string]any)["selection"]
		require.Equal(t, map[string]any{"tagStatus": "any", "countType": "imageCountMoreThan", "countNumber": 300.0}, selection,
			"ten weeks of ten releases, three manifests each")

		policy := g.OfType("aws:ecr/repositoryPolicy:RepositoryPolicy")[i]
		require.Equal(t, repositories[i].PhysicalName(), policy.Text("repository"))
		require.Equal(t, `{"Version":"2012-10-17","Statement":[{"Sid":"PullWithinTheAccount","Effect":"Allow",`+
			`"Principal":{"AWS":["arn:aws:iam::111122223333:root"]},`+
			`"Action":["ecr:BatchCheckLayerAvailability","ecr:BatchGetImage","ecr:GetDownloadUrlForLayer"]}]}`, policy.Text("policy"))
	}
}

// A relaxed stack can be destroyed with its images.
func TestRelaxed(t *testing.T) {
	g, err := graph.Record(program(protection.Relaxed, "api"), graph.Run{})
	require.NoError(t, err)
	repository := g.OfType("aws:ecr/repository:Repository")[0]
	require.True(t, repository.Flag("forceDelete"))
	require.False(t, repository.Options.Protect)
}

// The topic hears of critical and high findings in this stack's repositories and of no others.
func TestFindings(t *testing.T) {
	g, err := graph.Record(program(protection.Strict, "api", "worker"), graph.Run{})
	require.NoError(t, err)
	pattern, ok := g.OfType("aws:cloudwatch/eventRule:EventRule")[0].Document("eventPattern")
	require.True(t, ok)
	detail := pattern["detail"].(map[string]any)
	var repositories []any
	for _, r := range g.OfType("aws:ecr/repository:Repository") {
		repositories = append(repositories, r.PhysicalName())
	}
	require.ElementsMatch(t, repositories, detail["repository-name"])
	some := []any{map[string]any{"numeric": []any{">", 0.0}}}
	require.Equal(t, []any{
		map[string]any{"finding-severity-counts": map[string]any{"CRITICAL": some}},
		map[string]any{"finding-severity-counts": map[string]any{"HIGH": some}},
	}, detail["$or"])
}

// Every wrong argument is named at once, and nothing is registered.
func TestRefuses(t *testing.T) {
	g, err := graph.Record(func(ctx *pulumi.Context) error {
		_, err := registry.New(ctx, "registry", &registry.Args{Protection: "some", Processes: []string{"Api", "worker", "worker"}})
		return err
	}, graph.Run{})
	for _, problem := range []string{
		`registry.Registry "registry": protection: "some" is not allowed; allowed: strict, relaxed`,
		`processes[0]: name: "registry-Api" is not allowed for an image repository`, `processes[2]: "worker" stands twice; allowed: each once`,
		"key: is missing", "topic: is missing",
	} {
		require.ErrorContains(t, err, problem)
	}
	require.Empty(t, g.All())

	_, err = graph.Record(program(protection.Strict), graph.Run{})
	require.ErrorContains(t, err, "processes: is empty; allowed: at least one")
}

// A preview shows the same resources.
func TestPreview(t *testing.T) {
	wet, err := graph.Record(program(protection.Strict, "api"), graph.Run{})
	require.NoError(t, err)
	dry, err := graph.Record(program(protection.Strict, "api"), graph.Run{DryRun: true})
	require.NoError(t, err)
	require.Len(t, dry.All(), len(wet.All()))
	for i, r := range dry.All() {
		require.Equal(t, wet.All()[i].URN, r.URN)
	}
}
