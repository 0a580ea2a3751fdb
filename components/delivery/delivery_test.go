package delivery_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"github.com/stretchr/testify/require"

	"workerfleet/components/delivery"
	"workerfleet/components/place"
	"workerfleet/stacks/graph"
)

const providerType = "aws:iam/openIdConnectProvider:OpenIdConnectProvider"

func args(provider string) delivery.Args {
	return delivery.Args{
		Place:    place.Place{Stack: "tier-1k", Account: "111122223333", Region: "ap-southeast-1"},
		Provider: provider, Repository: "acme/fleet", Branches: []string{"main", "release/2"},
		Repositories: map[string]pulumi.StringInput{"worker": pulumi.String("worker-arn"), "api": pulumi.String("api-arn")},
		Roles:        []pulumi.StringInput{pulumi.String("role-arn")}, Cluster: "cluster-arn",
	}
}

func record(t *testing.T, a delivery.Args) *graph.Graph {
	t.Helper()
	g, err := graph.Record(func(ctx *pulumi.Context) error {
		_, err := delivery.New(ctx, "delivery", &a)
		return err
	}, graph.Run{})
	require.NoError(t, err)
	return g
}

// Only workflows of this repository on these branches take the role on: subject and audience are compared word for word.
// That GitHub signs no other subject is GitHub's promise.
func TestTrust(t *testing.T) {
	g := record(t, args(delivery.Adopt))
	require.Empty(t, g.OfType(providerType))
	require.Equal(t, `{"Version":"2012-10-17","Statement":[{"Sid":"WorkflowsOnTheseBranches","Effect":"Allow",`+
		`"Principal":{"Federated":["arn:aws:iam::111122223333:oidc-provider/token.actions.githubusercontent.com"]},"Action":["sts:AssumeRoleWithWebIdentity"],`+
		`"Condition":{"StringEquals":{"token.actions.githubusercontent.com:aud":["sts.amazonaws.com"],`+
		`"token.actions.githubusercontent.com:sub":["repo:acme/fleet:ref:refs/heads/main","repo:acme/fleet:ref:refs/heads/release/2"]}}}]}`,
		g.OfType("aws:iam/role:Role")[0].Text("assumeRolePolicy"))

	g = record(t, args(delivery.Create))
	provider := g.OfType(providerType)[0]
	require.Equal(t, map[string]any{"url": "https://token.actions.githubusercontent.com", "clientIdLists": []any{"sts.amazonaws.com"}}, provider.Inputs)
	require.Contains(t, g.OfType("aws:iam/role:Role")[0].Text("assumeRolePolicy"), `"Federated":["`+provider.Outputs["arn"].(string)+`"]`)
}

type statement struct {
	Sid       string
	Action    []string
	Resource  []string
	Condition map[string]map[string][]string
}

// A release touches images, tasks and functions of this stack and nothing else: what is not named by its ARN is named by
// the stack's tag, and no action makes or deletes infrastructure.
func TestPermissions(t *testing.T) {
	var policy struct{ Statement []statement }
	require.NoError(t, json.Unmarshal([]byte(record(t, args(delivery.Adopt)).OfType("aws:iam/rolePolicy:RolePolicy")[0].Text("policy")), &policy))
	byName := map[string]statement{}
	for _, s := range policy.Statement {
		byName[s.Sid] = s
		for _, action := range s.Action {
			require.NotContains(t, action, "*", s.Sid)
			for _, never := range []string{":Create", ":Delete", ":Put", ":Attach", ":Modify"} {
				require.False(t, strings.Contains(action, never) && action != "ecr:PutImage", "%s %s", s.Sid, action)
			}
		}
	}
	require.Equal(t, []string{"api-arn", "worker-arn"}, byName["Images"].Resource)
	require.Contains(t, byName["Images"].Action, "ecr:PutImage")
	ours := map[string][]string{"aws:ResourceTag/cost-center": {"tier-1k"}}
	require.Equal(t, ours, byName["Services"].Condition["StringEquals"])
	require.Equal(t, ours, byName["Functions"].Condition["StringEquals"])
	require.Equal(t, map[string][]string{"aws:RequestTag/cost-center": {"tier-1k"}}, byName["NewTaskDefinitions"].Condition["StringEquals"])
	require.Equal(t, map[string][]string{"iam:PassedToService": {"ecs-tasks.amazonaws.com"}}, byName["RolesOfTasks"].Condition["StringEquals"])
	require.Equal(t, []string{"role-arn"}, byName["RolesOfTasks"].Resource)
	require.Equal(t, map[string][]string{"ecs:cluster": {"cluster-arn"}}, byName["Migration"].Condition["ArnEquals"])
	require.Equal(t, []string{"ecs:DescribeTasks"}, byName["Migration"].Action)
	everywhere := []string{}
	for name, s := range byName {
		if len(s.Resource) == 1 && s.Resource[0] == "*" {
			everywhere = append(everywhere, name)
		}
	}
	require.ElementsMatch(t, []string{"SignInToECR", "Read"}, everywhere, "what knows no resource")
}

// Every wrong argument is named at once, with what is allowed, and nothing is registered. A pattern in a branch would
// trust whoever may open one.
func TestRefuses(t *testing.T) {
	g, err := graph.Record(func(ctx *pulumi.Context) error {
		_, err := delivery.New(ctx, "delivery", &delivery.Args{Provider: "off", Repository: "acme/*", Branches: []string{"main", "release/*"}})
		return err
	}, graph.Run{})
	for _, problem := range []string{
		`delivery.Delivery "delivery": provider: "off" is not allowed; allowed: create, adopt`, `repository: "acme/*" is not allowed; allowed: owner/name`,
		`branches[1]: "release/*" is not allowed; allowed: the whole name of a branch`, "repositories: is empty", "roles, cluster: one is missing",
	} {
		require.ErrorContains(t, err, problem)
	}
	require.Empty(t, g.All())
}
