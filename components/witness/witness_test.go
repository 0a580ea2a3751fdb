package witness_test

import (
	"encoding/json"
	"regexp"
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"github.com/stretchr/testify/require"

	"workerfleet/components/alarms"
	"workerfleet/components/functions"
	"workerfleet/components/place"
	"workerfleet/components/witness"
	"workerfleet/stacks/graph"
)

var here = place.Place{Stack: "tier-1k", Account: "111122223333", Region: "ap-southeast-1"}

func record(t *testing.T) *graph.Graph {
	t.Helper()
	g, err := graph.Record(func(ctx *pulumi.Context) error {
		topic, err := alarms.NewTopic(ctx, "alarms", &alarms.Args{Place: here, Key: pulumi.String("key-arn")})
		if err != nil {
			return err
		}
		failures, err := functions.NewFailures(ctx, "failures", &functions.FailuresArgs{Place: here, Key: pulumi.String("key-arn"), Topic: topic})
		if err != nil {
			return err
		}
		_, err = witness.New(ctx, "witness", &witness.Args{
			Cluster: "cluster-arn", WorkerDefinition: "arn:worker", Queue: pulumi.String("queue-arn"), Failures: failures,
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

// Stopped workers, hosts that lose their agent and instances that end are matched, of this cluster where the event says
// so. That EventBridge matches them is not shown here.
func TestPatterns(t *testing.T) {
	g := record(t)
	for name, want := range map[string]string{
		"witness-task":     `{"detail":{"clusterArn":["cluster-arn"],"lastStatus":["STOPPED"],"taskDefinitionArn":[{"prefix":"arn:worker:"}]},"detail-type":["ECS Task State Change"],"source":["aws.ecs"]}`,
		"witness-host":     `{"detail":{"$or":[{"agentConnected":[false]},{"status":["DEREGISTERING","DRAINING","INACTIVE"]}],"clusterArn":["cluster-arn"]},"detail-type":["ECS Container Instance State Change"],"source":["aws.ecs"]}`,
		"witness-instance": `{"detail":{"state":["shutting-down","stopped","stopping","terminated"]},"detail-type":["EC2 Instance State-change Notification"],"source":["aws.ec2"]}`,
	} {
		require.Equal(t, want, named(t, g, name).Text("eventPattern"))
	}
}

// Each becomes a message of the queue's form, in one group, retried, and kept when the queue does not take it.
func TestMessages(t *testing.T) {
	g := record(t)
	word := regexp.MustCompile(`<([a-z]+)>`)
	for name, message := range map[string]map[string]any{
		"task":     {"v": 1.0, "type": "task-stopped", "id": "event", "at": "time", "worker": "worker"},
		"host":     {"v": 1.0, "type": "host-lost", "id": "event", "at": "time", "host": "host", "status": "status"},
		"instance": {"v": 1.0, "type": "host-lost", "id": "event", "at": "time", "instance": "instance", "status": "status"},
	} {
		target := named(t, g, "witness-"+name+"-target")
		require.Equal(t, "queue-arn", target.Text("arn"))
		require.Equal(t, "aws-events", target.Text("sqsTarget.messageGroupId"))
		require.Equal(t, named(t, g, "failures-queue").Outputs["arn"], target.Text("deadLetterConfig.arn"))
		require.Equal(t, 900.0, target.Value("retryPolicy.maximumEventAgeInSeconds"))
		template := target.Text("inputTransformer.inputTemplate")
		paths := target.Value("inputTransformer.inputPaths").(map[string]any)
		for _, found := range word.FindAllStringSubmatch(template, -1) {
			require.Contains(t, paths, found[1])
			delete(paths, found[1])
		}
		require.Empty(t, paths, "a path that the template does not name")
		var filled map[string]any
		require.NoError(t, json.Unmarshal([]byte(word.ReplaceAllString(template, `"$1"`)), &filled))
		require.Equal(t, message, filled)
	}
}

// Without a queue or a cluster nothing is made.
func TestRefuses(t *testing.T) {
	g, err := graph.Record(func(ctx *pulumi.Context) error {
		_, err := witness.New(ctx, "witness", &witness.Args{})
		return err
	}, graph.Run{})
	require.ErrorContains(t, err, `witness.Witness "witness": cluster, workerDefinition, queue and failures: one is missing`)
	require.Empty(t, g.All())
}
