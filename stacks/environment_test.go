package stacks

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"workerfleet/runtime/settings"
	"workerfleet/stacks/graph"
	"workerfleet/stacks/sizing"
)

// container is one container of a task definition, as far as these tests read it.
type container struct {
	Name              string
	CPU               int
	MemoryReservation int
	Memory            int
	StopTimeout       int
	Environment       []struct{ Name, Value string }
	Secrets           []struct{ Name, ValueFrom string }
}

func containersOf(t *testing.T, g *graph.Graph, definition string) []container {
	t.Helper()
	var found []container
	require.NoError(t, json.Unmarshal([]byte(byName(t, g, definition).Text("containerDefinitions")), &found))
	return found
}

// environ is what a container's process sees, its secrets opened.
func environ(c container) map[string]string {
	variables := map[string]string{}
	for _, v := range c.Environment {
		variables[v.Name] = v.Value
	}
	for _, s := range c.Secrets {
		variables[s.Name] = "opened"
	}
	return variables
}

// readBack reads an environment as the process itself does at its start.
func readBack[T settings.Process](t *testing.T, variables map[string]string) T {
	t.Helper()
	var list []string
	for name, value := range variables {
		list = append(list, name+"="+value)
	}
	read, err := settings.Read[T](func(name string) string { return variables[name] }, list)
	require.NoError(t, err)
	return read
}

// withIssuer is a tier's stack whose file states who issues tokens: a real update asks for it, and the API does not
// start without.
func withIssuer(t *testing.T, tier string) *graph.Graph {
	t.Helper()
	users, err := sizing.Tier(tier)
	require.NoError(t, err)
	platform, err := json.Marshal(map[string]any{"users": users, "identity": map[string]any{"issuer": "https://login.acme.com", "audience": "fleet"},
		"market": map[string]any{"holidays": []string{"2026-12-25", "2026-12-24=12:30"}}})
	require.NoError(t, err)
	g, err := graph.Record(Program, graph.Run{Stack: "acme", Account: graph.SimulatedAccount, Config: map[string]string{"workerfleet:platform": string(platform)}})
	require.NoError(t, err)
	return g
}

// Every process of every tier reads the environment that the stack wrote for it: nothing is missing, nothing is
// misspelt, and what belongs together agrees.
func TestProcessesReadWhatWasWritten(t *testing.T) {
	for _, tier := range sizing.TierNames() {
		g := withIssuer(t, tier)
		of := func(definition string) map[string]string { return environ(containersOf(t, g, definition)[0]) }
		api := readBack[settings.API](t, of("api-task-definition"))
		require.Equal(t, settings.WebURL("https://login.acme.com"), api.OIDCIssuer)
		require.Equal(t, tier != "100" && tier != "500", api.RateLimiting)
		require.True(t, api.Address.Cluster)
		require.Equal(t, byName(t, g, "keys-credentials").Outputs["arn"], api.KMSKey)
		_, serverless := api.Cache.Name()
		require.Equal(t, tier != "50k" && tier != "100k", serverless, tier)
		require.Equal(t, tier != "100" && tier != "500" && tier != "1k", api.Reader != "", "reads have their own endpoint where there are replicas")

		keeper := readBack[settings.Keeper](t, of("keeper-task-definition"))
		require.Equal(t, "acme-cluster", keeper.Name)
		require.Equal(t, byName(t, g, "workers-worker-definition").Outputs["arn"], keeper.TaskDefinition)
		require.Equal(t, byName(t, g, "cluster-workers-provider").PhysicalName(), keeper.CapacityProvider)
		require.Equal(t, settings.Holidays{{Date: "2026-12-25"}, {Date: "2026-12-24", Close: "12:30"}}, keeper.Holidays)
		group := byName(t, g, "cluster-workers-group")
		require.Equal(t, group.Value("minSize"), float64(keeper.MinHosts))
		require.Equal(t, group.Value("maxSize"), float64(keeper.MaxHosts))

		readBack[settings.Agent](t, of("agent-task-definition"))
		readBack[settings.Worker](t, of("workers-worker-definition"))
		migrate := readBack[settings.Migrate](t, of("migrate-task-definition"))
		require.Equal(t, settings.Secret("opened"), migrate.Password)
		require.NotEmpty(t, migrate.RoleSecret)
		for _, handler := range settings.Handlers() {
			variables := map[string]string{}
			for name, value := range byName(t, g, "function-"+string(handler)+"-lambda").Value("environment.variables").(map[string]any) {
				variables[name] = value.(string)
			}
			require.Equal(t, handler, readBack[settings.Function](t, variables).Handler)
		}
	}
}

// A process is told nothing that it does not read: a worker above all knows no address, and the agent no database.
func TestProcessesAreToldNothingElse(t *testing.T) {
	g := withIssuer(t, "10k")
	for definition, specs := range map[string][]settings.Spec{
		"api-task-definition": settings.Specs[settings.API](""), "keeper-task-definition": settings.Specs[settings.Keeper](""),
		"agent-task-definition": settings.Specs[settings.Agent](""), "workers-worker-definition": settings.Specs[settings.Worker](""),
		"migrate-task-definition": settings.Specs[settings.Migrate](""),
	} {
		read := map[string]bool{}
		for _, spec := range specs {
			read[spec.Name] = true
		}
		for name := range environ(containersOf(t, g, definition)[0]) {
			require.True(t, read[name], "%s is told %s", definition, name)
		}
	}
	worker := byName(t, g, "workers-worker-definition").Text("containerDefinitions")
	for _, never := range []string{"rediss://", "postgres://", "sqs.", "kms", "secretsmanager"} {
		require.NotContains(t, strings.ToLower(worker), never)
	}
}
