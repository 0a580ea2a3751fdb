package functions_test

import (
	"strings"
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"github.com/stretchr/testify/require"

	"workerfleet/components/access"
	"workerfleet/components/alarms"
	"workerfleet/components/functions"
	"workerfleet/components/place"
	"workerfleet/stacks/graph"
)

var here = place.Place{Stack: "tier-1k", Account: "111122223333", Region: "ap-southeast-1"}

func standard() functions.Args {
	return functions.Args{
		Place: here, Architecture: "arm64", TimeoutSeconds: 30, Concurrency: 20, Environment: pulumi.StringMap{"FLEET_HANDLER": pulumi.String("claim")},
		Code:           pulumi.NewAssetArchive(map[string]any{"bootstrap": pulumi.NewStringAsset("#!/bin/sh")}),
		EnvironmentKey: pulumi.String("compute-key"), LogsKey: pulumi.String("logs-key"), MessagesKey: pulumi.String("messages-key"),
		Subnets: pulumi.ToStringArray([]string{"a", "b", "c"}), SecurityGroup: pulumi.String("sg-function"),
		Policy: access.Document{{Sid: "Connect", Actions: []string{"elasticache:Connect"}, Resources: access.Texts("cache")}},
		Queues: map[string]functions.Queue{"pool-claim": {ARN: pulumi.String("queue-arn"), VisibilitySeconds: 180, Concurrency: 20}},
	}
}

func scheduled() functions.Args {
	args := standard()
	args.Queues, args.Schedule = nil, "rate(1 minute)"
	return args
}

func record(args functions.Args) (*graph.Graph, error) {
	return graph.Record(func(ctx *pulumi.Context) error {
		topic, err := alarms.NewTopic(ctx, "alarms", &alarms.Args{Place: here, Key: pulumi.String("key-arn")})
		if err != nil {
			return err
		}
		args.Topic = topic
		args.Failures, err = functions.NewFailures(ctx, "failures", &functions.FailuresArgs{Place: here, Key: pulumi.String("messages-key"), Topic: topic})
		if err != nil {
			return err
		}
		_, err = functions.New(ctx, "claim", &args)
		return err
	}, graph.Run{})
}

func recorded(t *testing.T, args functions.Args) *graph.Graph {
	t.Helper()
	g, err := record(args)
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

// The function stands in the VPC with a reserve of its own, traced, its log and environment encrypted, and its failures
// kept; it is made after its role may do what Lambda tries out.
func TestFunction(t *testing.T) {
	g := recorded(t, standard())
	made := named(t, g, "claim-lambda")
	require.NotEmpty(t, made.Value("code"))
	delete(made.Inputs, "code")
	require.Equal(t, map[string]any{
		"runtime": "provided.al2023", "handler": "bootstrap", "architectures": []any{"arm64"}, "role": named(t, g, "claim-process-role").Outputs["arn"],
		"memorySize": 256.0, "timeout": 30.0, "reservedConcurrentExecutions": 20.0,
		"environment": map[string]any{"variables": map[string]any{"FLEET_HANDLER": "claim"}}, "kmsKeyArn": "compute-key",
		"tracingConfig":    map[string]any{"mode": "Active"},
		"loggingConfig":    map[string]any{"logFormat": "Text", "logGroup": named(t, g, "claim-log").PhysicalName()},
		"deadLetterConfig": map[string]any{"targetArn": named(t, g, "failures-queue").Outputs["arn"]},
		"vpcConfig":        map[string]any{"subnetIds": []any{"a", "b", "c"}, "securityGroupIds": []any{"sg-function"}},
	}, made.Inputs)
	require.Contains(t, made.Options.DependsOn, named(t, g, "claim-process-policy").URN)
	require.Equal(t, map[string]any{"kmsKeyId": "logs-key", "retentionInDays": 90.0}, named(t, g, "claim-log").Inputs)
}

// A queue feeds it in batches of ten without waiting, within the reserve, and only failed messages come again.
func TestMapping(t *testing.T) {
	g := recorded(t, standard())
	require.Equal(t, map[string]any{
		"eventSourceArn": "queue-arn", "functionName": named(t, g, "claim-lambda").Outputs["arn"], "batchSize": 10.0,
		"functionResponseTypes": []any{"ReportBatchItemFailures"}, "scalingConfig": map[string]any{"maximumConcurrency": 20.0},
	}, named(t, g, "claim-from-pool-claim").Inputs)
	require.Empty(t, g.OfType("aws:lambda/permission:Permission"))
}

// The clock may start the function, keeps what it could not start, and the function's own failures are not repeated.
func TestSchedule(t *testing.T) {
	g := recorded(t, scheduled())
	rule, made, failures := named(t, g, "claim-clock"), named(t, g, "claim-lambda"), named(t, g, "failures-queue")
	require.Equal(t, "rate(1 minute)", rule.Text("scheduleExpression"))
	require.Equal(t, map[string]any{
		"action": "lambda:InvokeFunction", "function": made.PhysicalName(), "principal": "events.amazonaws.com", "sourceArn": rule.Outputs["arn"],
	}, named(t, g, "claim-clock-permission").Inputs)
	require.Equal(t, map[string]any{
		"rule": rule.PhysicalName(), "arn": made.Outputs["arn"], "deadLetterConfig": map[string]any{"arn": failures.Outputs["arn"]},
		"retryPolicy": map[string]any{"maximumEventAgeInSeconds": 60.0, "maximumRetryAttempts": 2.0},
	}, named(t, g, "claim-clock-target").Inputs)
	require.Equal(t, 0.0, named(t, g, "claim-clock-once").Value("maximumRetryAttempts"))
	require.Empty(t, g.OfType("aws:lambda/eventSourceMapping:EventSourceMapping"))
}

// The role receives from its own queue, writes its own log, and its code cannot touch the network interfaces that
// Lambda makes under it.
func TestPolicy(t *testing.T) {
	g := recorded(t, standard())
	policy := named(t, g, "claim-process-policy").Text("policy")
	require.Contains(t, policy, `"Action":["sqs:ChangeMessageVisibility","sqs:DeleteMessage","sqs:GetQueueAttributes","sqs:ReceiveMessage"],"Resource":["queue-arn"]`)
	require.Contains(t, policy, `"Action":["elasticache:Connect"],"Resource":["cache"]`)
	require.Contains(t, policy, `"Resource":["compute-key"],"Condition":{"StringEquals":{"kms:ViaService":["lambda.ap-southeast-1.amazonaws.com"]}}`)
	require.Contains(t, policy, `"Resource":["messages-key"],"Condition":{"StringEquals":{"kms:ViaService":["sqs.ap-southeast-1.amazonaws.com"]}}`)
	require.Contains(t, policy, `"Sid":"NetworkIsLambdas","Effect":"Deny"`)
	require.Contains(t, policy, `"lambda:SourceFunctionArn":["arn:aws:lambda:ap-southeast-1:111122223333:function:claim-*"]`)
	require.True(t, strings.HasPrefix(named(t, g, "claim-lambda").PhysicalName(), "claim-"), "the condition would not hold")
	require.NotContains(t, named(t, recorded(t, scheduled()), "claim-process-policy").Text("policy"), "sqs:ReceiveMessage")
}

// Failures are kept in a standard queue, encrypted, that EventBridge may write to, and are told of.
func TestFailures(t *testing.T) {
	g := recorded(t, standard())
	queue := named(t, g, "failures-queue")
	require.False(t, queue.Flag("fifoQueue"))
	require.Equal(t, "messages-key", queue.Text("kmsMasterKeyId"))
	require.Contains(t, named(t, g, "failures-policy").Text("policy"), `"events.amazonaws.com"`)
	require.Equal(t, `{"redrivePermission":"denyAll"}`, named(t, g, "failures-sources").Text("redriveAllowPolicy"))
	require.Equal(t, queue.PhysicalName(), named(t, g, "failures-depth").Text("dimensions.QueueName"))
	require.Equal(t, 0.0, named(t, g, "failures-depth").Value("threshold"))
}

// Errors, throttles, slow calls and lost failures are told of; so is a clock that has stopped.
func TestAlarms(t *testing.T) {
	g := recorded(t, standard())
	for suffix, want := range map[string]struct {
		metric    string
		threshold float64
	}{"errors": {"Errors", 0}, "throttles": {"Throttles", 0}, "duration": {"Duration", 24_000}, "undelivered": {"DeadLetterErrors", 0}} {
		alarm := named(t, g, "claim-"+suffix)
		require.Equal(t, want.metric, alarm.Text("metricName"))
		require.Equal(t, want.threshold, alarm.Value("threshold"))
		require.Equal(t, named(t, g, "claim-lambda").PhysicalName(), alarm.Text("dimensions.FunctionName"))
	}
	require.Len(t, g.OfType("aws:cloudwatch/metricAlarm:MetricAlarm"), 4+2)
	stopped := named(t, recorded(t, scheduled()), "claim-stopped")
	require.Equal(t, "breaching", stopped.Text("treatMissingData"))
}

// Every wrong argument is named at once, and nothing is registered.
func TestRefuses(t *testing.T) {
	g, err := graph.Record(func(ctx *pulumi.Context) error {
		_, err := functions.New(ctx, strings.Repeat("f", 60), &functions.Args{
			Architecture: "mips", TimeoutSeconds: 901, MemoryMB: 64, Concurrency: 1, Schedule: "rate(1 minute)",
			Environment: pulumi.StringMap{"A": pulumi.String(strings.Repeat("x", 4096))},
			Queues:      map[string]functions.Queue{"q": {Concurrency: 1}, "r": {ARN: pulumi.String("r"), Concurrency: 2, VisibilitySeconds: 10_000}},
		})
		return err
	}, graph.Run{})
	for _, problem := range []string{
		"functions.Function ", "allowed for a function: 1 to 56", "code, logsKey, environmentKey and messagesKey: one is missing", `architecture: "mips" is not allowed`,
		"timeoutSeconds: 901 is not allowed; allowed: 1 to 900", "memoryMB: 64 is not allowed; allowed: 128 to 10240", "subnets: 0, with or without a security group",
		"queues and schedule: both or neither are stated", "queues.q.concurrency: 1 is not allowed; allowed: 2 to 1000",
		"queues.q.visibilitySeconds: 0 is not allowed; allowed: 6 × timeoutSeconds or more", "concurrency: 1 is not allowed; allowed: 1 or more, and the 3 of the queues",
		"environment: may have 4097 bytes; allowed: 4096", "failures and topic: one is missing",
	} {
		require.ErrorContains(t, err, problem)
	}
	require.Empty(t, g.All())
	g, err = graph.Record(func(ctx *pulumi.Context) error {
		_, err := functions.NewFailures(ctx, "failures", &functions.FailuresArgs{})
		return err
	}, graph.Run{})
	require.ErrorContains(t, err, `functions.Failures "failures": key and topic: one is missing`)
	require.Empty(t, g.All())
}
