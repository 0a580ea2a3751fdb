package task_test

import (
	"encoding/json"
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"github.com/stretchr/testify/require"

	"workerfleet/components/access"
	"workerfleet/components/place"
	"workerfleet/components/task"
	"workerfleet/stacks/graph"
)

var here = place.Place{Stack: "tier-1k", Account: "111122223333", Region: "ap-southeast-1"}

func container() task.Container {
	return task.Container{
		Name: "api", CPU: 256, MemorySoft: 512, MemoryHard: 1024, User: 10001, Port: 8443, StopSeconds: 90,
		Image:       task.Image{Reference: pulumi.String("repo/api@sha256:1"), Repository: pulumi.String("repo-arn")},
		Environment: pulumi.StringMap{"B": pulumi.String("2"), "A": pulumi.String("1")},
	}
}

func record(args task.Args) (*graph.Graph, error) {
	args.Place = here
	return graph.Record(func(ctx *pulumi.Context) error {
		_, err := task.New(ctx, "api", &args)
		return err
	}, graph.Run{})
}

func standard() task.Args {
	return task.Args{Network: task.Bridge, Architecture: "x86_64", Containers: []task.Container{container()}, LogsKey: pulumi.String("logs-key")}
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

// definitions reads the container definitions as ECS would.
func definitions(t *testing.T, g *graph.Graph) []map[string]any {
	t.Helper()
	var containers []map[string]any
	require.NoError(t, json.Unmarshal([]byte(named(t, g, "api-definition").Text("containerDefinitions")), &containers))
	return containers
}

// A container is closed: no root, no capability, no set-uid gain, nothing writable, an init process; its log never
// makes it wait.
func TestContainer(t *testing.T) {
	g, err := record(standard())
	require.NoError(t, err)
	log := named(t, g, "api-log")
	require.Equal(t, map[string]any{"kmsKeyId": "logs-key", "retentionInDays": 90.0}, log.Inputs)
	require.Equal(t, []map[string]any{{
		"name": "api", "image": "repo/api@sha256:1", "essential": true, "cpu": 256.0, "memoryReservation": 512.0, "memory": 1024.0,
		"user": "10001:10001", "readonlyRootFilesystem": true, "privileged": false, "dockerSecurityOptions": []any{"no-new-privileges"},
		"linuxParameters": map[string]any{"initProcessEnabled": true, "capabilities": map[string]any{"drop": []any{"ALL"}}},
		"ulimits":         []any{map[string]any{"name": "nofile", "softLimit": 16384.0, "hardLimit": 16384.0}},
		"stopTimeout":     90.0, "portMappings": []any{map[string]any{"containerPort": 8443.0, "hostPort": 0.0, "protocol": "tcp"}},
		"environment": []any{map[string]any{"name": "A", "value": "1"}, map[string]any{"name": "B", "value": "2"}},
		"logConfiguration": map[string]any{"logDriver": "awslogs", "options": map[string]any{
			"awslogs-group": log.PhysicalName(), "awslogs-region": "ap-southeast-1", "awslogs-stream-prefix": "api",
			"mode": "non-blocking", "max-buffer-size": "4m",
		}},
	}}, definitions(t, g))
	definition := named(t, g, "api-definition")
	require.Equal(t, "tier-1k-api", definition.Text("family"))
	require.Equal(t, "bridge", definition.Text("networkMode"))
	require.Equal(t, map[string]any{"operatingSystemFamily": "LINUX", "cpuArchitecture": "X86_64"}, definition.Value("runtimePlatform"))
	require.True(t, definition.Flag("skipDestroy"), "a replaced revision must stay usable")
	require.NotContains(t, definition.Inputs, "pidMode")
}

// The execution role pulls this image and writes this log. Without a policy there is no task role; with one it is
// another role.
func TestRoles(t *testing.T) {
	g, err := record(standard())
	require.NoError(t, err)
	require.Len(t, g.OfType("aws:iam/role:Role"), 1)
	require.NotContains(t, named(t, g, "api-definition").Inputs, "taskRoleArn")
	require.Equal(t, `{"Version":"2012-10-17","Statement":[`+
		`{"Sid":"SignIn","Effect":"Allow","Action":["ecr:GetAuthorizationToken"],"Resource":["*"]},`+
		`{"Sid":"Pull","Effect":"Allow","Action":["ecr:BatchCheckLayerAvailability","ecr:BatchGetImage","ecr:GetDownloadUrlForLayer"],"Resource":["repo-arn"]},`+
		`{"Sid":"Log","Effect":"Allow","Action":["logs:CreateLogStream","logs:PutLogEvents"],"Resource":["`+named(t, g, "api-log").Outputs["arn"].(string)+`:*"]}]}`,
		named(t, g, "api-execution-policy").Text("policy"))

	args := standard()
	args.Policy = access.Document{{Sid: "Send", Actions: []string{"sqs:SendMessage"}, Resources: access.Texts("queue")}}
	g, err = record(args)
	require.NoError(t, err)
	definition := named(t, g, "api-definition")
	require.Equal(t, named(t, g, "api-process-role").Outputs["arn"], definition.Text("taskRoleArn"))
	require.Equal(t, named(t, g, "api-execution-role").Outputs["arn"], definition.Text("executionRoleArn"))
	require.Contains(t, named(t, g, "api-process-policy").Text("policy"), "sqs:SendMessage")
	require.NotContains(t, named(t, g, "api-execution-policy").Text("policy"), "sqs:")
}

// What a worker and an agent need besides: directories of the host, scratch, a resolver, a router for the log, the
// host's processes, secrets.
func TestTheRest(t *testing.T) {
	args := standard()
	args.LogsKey, args.HostProcesses, args.SecretsKey = nil, true, pulumi.String("data-key")
	c := container()
	c.Port, c.ScratchMiB, c.DNS, c.Restart, c.Command = 0, 32, "172.17.0.1", true, []string{"/bin/x", "-v"}
	c.Mounts = []task.Mount{{Host: "/run/fleet", Container: "/run/fleet", ReadOnly: true}}
	c.Router = &task.Router{Address: "unix:///run/fleet-logs/router.sock", Tag: "worker"}
	c.Secrets = map[string]task.Secret{"PASSWORD": {ARN: pulumi.String("secret-arn"), Key: "password"}}
	c.Image.Repository = nil
	args.Containers = []task.Container{c}
	g, err := record(args)
	require.NoError(t, err)
	require.Empty(t, g.OfType("aws:cloudwatch/logGroup:LogGroup"))
	definition := named(t, g, "api-definition")
	require.Equal(t, "host", definition.Text("pidMode"))
	require.Equal(t, []any{map[string]any{"name": "run-fleet", "hostPath": "/run/fleet"}}, definition.Value("volumes"))
	made := definitions(t, g)[0]
	require.Equal(t, false, made["linuxParameters"].(map[string]any)["initProcessEnabled"], "the host's init is there")
	require.Equal(t, []any{map[string]any{"sourceVolume": "run-fleet", "containerPath": "/run/fleet", "readOnly": true}}, made["mountPoints"])
	require.Equal(t, []any{map[string]any{"containerPath": "/tmp", "size": 32.0, "mountOptions": []any{"rw", "noexec", "nosuid", "nodev"}}},
		made["linuxParameters"].(map[string]any)["tmpfs"])
	require.Equal(t, []any{"172.17.0.1"}, made["dnsServers"])
	require.Equal(t, []any{"/bin/x"}, made["entryPoint"])
	require.Equal(t, []any{"-v"}, made["command"])
	require.Equal(t, map[string]any{"enabled": true, "restartAttemptPeriod": 60.0}, made["restartPolicy"])
	require.Equal(t, []any{map[string]any{"name": "PASSWORD", "valueFrom": "secret-arn:password::"}}, made["secrets"])
	require.Equal(t, map[string]any{"logDriver": "fluentd", "options": map[string]any{
		"fluentd-address": "unix:///run/fleet-logs/router.sock", "fluentd-async": "true", "tag": "worker",
		"mode": "non-blocking", "max-buffer-size": "4m",
	}}, made["logConfiguration"])
	policy := named(t, g, "api-execution-policy").Text("policy")
	require.Contains(t, policy, `"Action":["secretsmanager:GetSecretValue"],"Resource":["secret-arn"]`)
	require.Contains(t, policy, `"Action":["kms:Decrypt"],"Resource":["data-key"],"Condition":{"StringEquals":{"kms:ViaService":["secretsmanager.ap-southeast-1.amazonaws.com"]}}`)
	require.NotContains(t, policy, "Pull")
}

// A task with an interface of its own has no port of the host.
func TestOwnInterface(t *testing.T) {
	args := standard()
	args.Network = task.Own
	g, err := record(args)
	require.NoError(t, err)
	require.Equal(t, []any{map[string]any{"containerPort": 8443.0, "protocol": "tcp"}}, definitions(t, g)[0]["portMappings"])
}

// Every wrong argument is named at once, and nothing is registered.
func TestRefuses(t *testing.T) {
	g, err := record(task.Args{Network: "host", Architecture: "mips", Containers: []task.Container{
		{DNS: "172.17.0.1", MemorySoft: 5, MemoryHard: 4, Port: 70_000, Secrets: map[string]task.Secret{"A": {}}},
	}})
	for _, problem := range []string{
		`task.Task "api": network: "host" is not allowed; allowed: bridge, awsvpc`, `architecture: "mips" is not allowed; allowed: x86_64, arm64`,
		"logsKey: is missing", `containers[0].name: ""`, "containers[0].cpu: 0 is not allowed", "containers[0].memory: 5 soft and 4 hard are not allowed; allowed: 6 ≤ soft ≤ hard MiB",
		"containers[0].user: 0 is not allowed; allowed: any but root", `containers[0].dns: "172.17.0.1" is not allowed`, "port 70000: one is not allowed", "secretsKey: is missing",
	} {
		require.ErrorContains(t, err, problem)
	}
	require.Empty(t, g.All())
	_, err = record(task.Args{Network: task.Bridge, Architecture: "arm64"})
	require.ErrorContains(t, err, "containers: is empty")
}
