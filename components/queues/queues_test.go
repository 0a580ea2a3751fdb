package queues_test

import (
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"github.com/stretchr/testify/require"

	"workerfleet/components/access"
	"workerfleet/components/alarms"
	"workerfleet/components/place"
	"workerfleet/components/queues"
	"workerfleet/stacks/graph"
)

var here = place.Place{Stack: "tier-1k", Account: "111122223333", Region: "ap-southeast-1"}

func program(args queues.Args) pulumi.RunFunc {
	return func(ctx *pulumi.Context) error {
		topic, err := alarms.NewTopic(ctx, "alarms", &alarms.Args{Place: here, Key: pulumi.String("key-arn")})
		if err != nil {
			return err
		}
		args.Topic, args.Key = topic, pulumi.String("key-arn")
		_, err = queues.New(ctx, "order-tasks", &args)
		return err
	}
}

func record(t *testing.T, args queues.Args) *graph.Graph {
	t.Helper()
	g, err := graph.Record(program(args), graph.Run{})
	require.NoError(t, err)
	return g
}

func named(t *testing.T, g *graph.Graph, name string) graph.Resource {
	t.Helper()
	for _, r := range g.All() {
		if r.Name == name {
			return r
		}
	}
	require.Fail(t, "no resource is called "+name)
	return graph.Resource{}
}

// The queue and its dead-letter queue are the pair that SQS wants, in high-throughput mode and encrypted, under names
// that the provider chooses. That SQS keeps order is SQS's promise.
func TestPair(t *testing.T) {
	g := record(t, queues.Args{ConsumerSeconds: 30})
	dead, queue := named(t, g, "order-tasks-dead"), named(t, g, "order-tasks-queue")
	require.Equal(t, map[string]any{
		"fifoQueue": true, "deduplicationScope": "messageGroup", "fifoThroughputLimit": "perMessageGroupId",
		"kmsMasterKeyId": "key-arn", "messageRetentionSeconds": 1_209_600.0,
	}, dead.Inputs)
	require.Equal(t, map[string]any{
		"fifoQueue": true, "deduplicationScope": "messageGroup", "fifoThroughputLimit": "perMessageGroupId",
		"kmsMasterKeyId": "key-arn", "messageRetentionSeconds": 345_600.0, "visibilityTimeoutSeconds": 180.0,
		"contentBasedDeduplication": false,
		"redrivePolicy":             `{"deadLetterTargetArn":"` + dead.Outputs["arn"].(string) + `","maxReceiveCount":5}`,
	}, queue.Inputs)

	sources := named(t, g, "order-tasks-dead-sources")
	require.Equal(t, dead.Outputs["url"], sources.Inputs["queueUrl"])
	require.Equal(t, `{"redrivePermission":"byQueue","sourceQueueArns":["`+queue.Outputs["arn"].(string)+`"]}`, sources.Text("redriveAllowPolicy"))
}

// Neither queue takes a call without TLS; without producers nobody is allowed anything, and nobody is ever allowed
// anything on the dead-letter queue.
func TestPolicies(t *testing.T) {
	g := record(t, queues.Args{ConsumerSeconds: 30})
	for _, name := range []string{"order-tasks-policy", "order-tasks-dead-policy"} {
		policy := named(t, g, name).Text("policy")
		require.Contains(t, policy, `"Effect":"Deny","Principal":{"AWS":["*"]},"Action":["sqs:*"]`)
		require.Contains(t, policy, `"aws:SecureTransport":["false"]`)
		require.NotContains(t, policy, `"Allow"`)
	}

	g = record(t, queues.Args{ConsumerSeconds: 30, ContentBasedDeduplication: true, Producers: []access.Principal{access.EventRules(here)}})
	require.Equal(t, true, named(t, g, "order-tasks-queue").Inputs["contentBasedDeduplication"])
	require.Contains(t, named(t, g, "order-tasks-policy").Text("policy"),
		`"Effect":"Allow","Principal":{"Service":["events.amazonaws.com"]},"Action":["sqs:SendMessage"],"Resource":["`+
			named(t, g, "order-tasks-queue").Outputs["arn"].(string)+`"],"Condition":{"ArnLike":{"aws:SourceArn":["arn:aws:events:ap-southeast-1:111122223333:rule/*"]}}`)
	require.NotContains(t, named(t, g, "order-tasks-dead-policy").Text("policy"), `"Allow"`)
}

// The topic is told of the first dead message, of waiting and of a queue that is nearly full of unfinished messages.
func TestAlarms(t *testing.T) {
	g := record(t, queues.Args{ConsumerSeconds: 30, OldestSeconds: 60})
	for name, want := range map[string]struct {
		queue, metric string
		above         float64
	}{
		"order-tasks-dead-depth": {"order-tasks-dead", "ApproximateNumberOfMessagesVisible", 0},
		"order-tasks-age":        {"order-tasks-queue", "ApproximateAgeOfOldestMessage", 60},
		"order-tasks-in-flight":  {"order-tasks-queue", "ApproximateNumberOfMessagesNotVisible", 96_000},
	} {
		alarm := named(t, g, name)
		require.Equal(t, named(t, g, want.queue).PhysicalName(), alarm.Text("dimensions.QueueName"), name)
		require.Equal(t, want.metric, alarm.Text("metricName"))
		require.Equal(t, want.above, alarm.Value("threshold"))
		require.Equal(t, "notBreaching", alarm.Text("treatMissingData"))
		require.NotEmpty(t, alarm.Value("alarmActions"))
	}
}

// Stated values replace the defaults.
func TestStatedValues(t *testing.T) {
	g := record(t, queues.Args{ConsumerSeconds: 900, VisibilitySeconds: 43_200, MaxReceives: 10})
	queue := named(t, g, "order-tasks-queue")
	require.Equal(t, 43_200.0, queue.Value("visibilityTimeoutSeconds"))
	require.Contains(t, queue.Text("redrivePolicy"), `"maxReceiveCount":10`)
}

// Every wrong argument is named at once, with what is allowed, and nothing is registered.
func TestRefuses(t *testing.T) {
	g, err := graph.Record(func(ctx *pulumi.Context) error {
		_, err := queues.New(ctx, "a-name-that-is-so-long-that-sqs-would-not-take-it-with-its-suffixes", &queues.Args{
			ConsumerSeconds: 901, VisibilitySeconds: 5_400, MaxReceives: 2, OldestSeconds: -1, Producers: []access.Principal{access.EventRules(here)},
		})
		return err
	}, graph.Run{})
	for _, problem := range []string{
		`queues.Queue "a-name-`, "allowed for a FIFO queue: 1 to 67", "key: is missing", "topic: is missing",
		"consumerSeconds: 901 is not allowed; allowed: 1 to 900",
		"visibilitySeconds: 5400 is not allowed; allowed: 5406 (6 × consumerSeconds) to 43200",
		"maxReceives: 2 is not allowed; allowed: 3 to 1000", "oldestSeconds: -1 is not allowed; allowed: 1 to 345599",
		"contentBasedDeduplication: is off while AWS services send",
	} {
		require.ErrorContains(t, err, problem)
	}
	require.Empty(t, g.All())
}

// A preview shows the same resources; only texts that hold an ARN stay unknown.
func TestPreview(t *testing.T) {
	wet := record(t, queues.Args{ConsumerSeconds: 30})
	dry, err := graph.Record(program(queues.Args{ConsumerSeconds: 30}), graph.Run{DryRun: true})
	require.NoError(t, err)
	require.Len(t, dry.All(), len(wet.All()))
	for i, r := range dry.All() {
		require.Equal(t, wet.All()[i].URN, r.URN)
	}
	require.Equal(t, 180.0, named(t, dry, "order-tasks-queue").Value("visibilityTimeoutSeconds"))
}
