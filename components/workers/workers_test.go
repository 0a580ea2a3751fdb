package workers_test

import (
	"encoding/json"
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"github.com/stretchr/testify/require"

	"workerfleet/components/access"
	"workerfleet/components/place"
	"workerfleet/components/task"
	"workerfleet/components/workers"
	"workerfleet/stacks/graph"
)

var here = place.Place{Stack: "tier-1k", Account: "111122223333", Region: "ap-southeast-1"}

// record makes the worker and, beside it, a task of the agent's kind that carries the log router.
func record(t *testing.T) *graph.Graph {
	t.Helper()
	g, err := graph.Record(func(ctx *pulumi.Context) error {
		w, err := workers.New(ctx, "workers", &workers.Args{
			Place: here, Architecture: "arm64", CPU: 64, MemorySoft: 384, MemoryHard: 1024, LogsKey: pulumi.String("logs-key"),
			Image:       task.Image{Reference: pulumi.String("worker-image"), Repository: pulumi.String("worker-repository")},
			Environment: pulumi.StringMap{"FLEET_BROKER": pulumi.String("paper")},
		})
		if err != nil {
			return err
		}
		_, err = task.New(ctx, "agent", &task.Args{
			Place: here, Network: task.Own, Architecture: "arm64", LogsKey: pulumi.String("logs-key"),
			Containers: []task.Container{w.Router(task.Image{Reference: pulumi.String("router-image")}, 32)},
			Policy:     access.Document{w.Logging()},
		})
		return err
	}, graph.Run{})
	require.NoError(t, err)
	return g
}

func named(t *testing.T, g *graph.Graph, name string) graph.Resource {
	t.Helper()
	for _, r := range g.All() {
		if r.Name == name && r.Custom {
			return r
		}
	}
	require.Fail(t, "no resource is called "+name)
	return graph.Resource{}
}

func container(t *testing.T, g *graph.Graph, definition string) map[string]any {
	t.Helper()
	var containers []map[string]any
	require.NoError(t, json.Unmarshal([]byte(named(t, g, definition).Text("containerDefinitions")), &containers))
	require.Len(t, containers, 1)
	return containers[0]
}

// A worker reserves what the density is planned with, shares its host's interface, mounts the agents' directory for
// reading, asks the host's cache, and may call nothing of AWS.
func TestWorker(t *testing.T) {
	g := record(t)
	definition, worker := named(t, g, "workers-worker-definition"), container(t, g, "workers-worker-definition")
	require.Equal(t, "bridge", definition.Text("networkMode"))
	require.Equal(t, "tier-1k-workers-worker", definition.Text("family"))
	require.NotContains(t, definition.Inputs, "taskRoleArn")
	require.NotContains(t, definition.Inputs, "pidMode")
	require.Equal(t, 64.0, worker["cpu"])
	require.Equal(t, 384.0, worker["memoryReservation"])
	require.Equal(t, 1024.0, worker["memory"])
	require.Equal(t, "10001:10001", worker["user"])
	require.Equal(t, []any{"172.17.0.1"}, worker["dnsServers"])
	require.Equal(t, []any{map[string]any{"sourceVolume": "run-fleet", "containerPath": "/run/fleet", "readOnly": true}}, worker["mountPoints"])
	require.NotContains(t, worker, "portMappings")
	require.Equal(t, `{"Version":"2012-10-17","Statement":[`+
		`{"Sid":"SignIn","Effect":"Allow","Action":["ecr:GetAuthorizationToken"],"Resource":["*"]},`+
		`{"Sid":"Pull","Effect":"Allow","Action":["ecr:BatchCheckLayerAvailability","ecr:BatchGetImage","ecr:GetDownloadUrlForLayer"],"Resource":["worker-repository"]}]}`,
		named(t, g, "workers-worker-execution-policy").Text("policy"))
}

// What workers log reaches the host's router by a socket, and the router writes one stream for the host into a group
// that exists. That Fluent Bit takes the options is not shown here.
func TestLogs(t *testing.T) {
	g := record(t)
	worker, router, log := container(t, g, "workers-worker-definition"), container(t, g, "agent-definition"), named(t, g, "workers-log")
	require.Equal(t, map[string]any{"kmsKeyId": "logs-key", "retentionInDays": 90.0}, log.Inputs)
	require.Equal(t, "unix:///run/fleet-logs/router.sock", worker["logConfiguration"].(map[string]any)["options"].(map[string]any)["fluentd-address"])
	require.Contains(t, router["command"], "unix_path=/run/fleet-logs/router.sock")
	require.Contains(t, router["command"], "log_stream_name=${HOSTNAME}")
	require.Contains(t, router["environment"], map[string]any{"name": "LOG_GROUP", "value": log.PhysicalName()})
	require.Equal(t, "10002:10002", router["user"])
	require.Contains(t, named(t, g, "agent-process-policy").Text("policy"), log.Outputs["arn"].(string)+":*")
}

// Without a key for its log nothing is made.
func TestRefuses(t *testing.T) {
	g, err := graph.Record(func(ctx *pulumi.Context) error {
		_, err := workers.New(ctx, "workers", &workers.Args{Place: here})
		return err
	}, graph.Run{})
	require.ErrorContains(t, err, `workers.Workers "workers": logsKey: is missing`)
	require.Empty(t, g.All())
}
