package alarms_test

import (
	"strings"
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"github.com/stretchr/testify/require"

	"workerfleet/components/alarms"
	"workerfleet/components/place"
	"workerfleet/stacks/graph"
)

var here = place.Place{Stack: "tier-1k", Account: "111122223333", Region: "ap-southeast-1"}

// record runs a program that has a topic, and then whatever the test adds.
func record(t *testing.T, args alarms.Args, then func(*pulumi.Context, *alarms.Topic) error) (*graph.Graph, error) {
	t.Helper()
	return graph.Record(func(ctx *pulumi.Context) error {
		topic, err := alarms.NewTopic(ctx, "alarms", &args)
		if err != nil || then == nil {
			return err
		}
		return then(ctx, topic)
	}, graph.Run{})
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

func valid() alarms.Args { return alarms.Args{Place: here, Key: pulumi.String("key-arn")} }

// The topic is encrypted, refuses plain connections, admits this account's alarms and what watches its bill, and admits EventBridge without a
// condition, because EventBridge fills in none there. That SNS delivers is shown by no test without an account.
func TestTopic(t *testing.T) {
	g, err := record(t, valid(), nil)
	require.NoError(t, err)
	topic := g.OfType("aws:sns/topic:Topic")[0]
	require.Equal(t, "key-arn", topic.Text("kmsMasterKeyId"))
	arn := topic.Outputs["arn"].(string)
	require.Equal(t, `{"Version":"2012-10-17","Statement":[`+
		`{"Sid":"EncryptedConnectionsOnly","Effect":"Deny","Principal":{"AWS":["*"]},"Action":["sns:Publish"],"Resource":["`+arn+`"],"Condition":{"Bool":{"aws:SecureTransport":["false"]}}},`+
		`{"Sid":"Alarms","Effect":"Allow","Principal":{"Service":["cloudwatch.amazonaws.com"]},"Action":["sns:Publish"],"Resource":["`+arn+`"],`+
		`"Condition":{"ArnLike":{"aws:SourceArn":["arn:aws:cloudwatch:ap-southeast-1:111122223333:alarm:*"]},"StringEquals":{"aws:SourceAccount":["111122223333"]}}},`+
		`{"Sid":"Events","Effect":"Allow","Principal":{"Service":["events.amazonaws.com"]},"Action":["sns:Publish"],"Resource":["`+arn+`"]},`+
		`{"Sid":"Budgets","Effect":"Allow","Principal":{"Service":["budgets.amazonaws.com"]},"Action":["sns:Publish"],"Resource":["`+arn+`"],"Condition":{"StringEquals":{"aws:SourceAccount":["111122223333"]}}},`+
		`{"Sid":"CostAnomalies","Effect":"Allow","Principal":{"Service":["costalerts.amazonaws.com"]},"Action":["sns:Publish"],"Resource":["`+arn+`"],"Condition":{"StringEquals":{"aws:SourceAccount":["111122223333"]}}}]}`,
		g.OfType("aws:sns/topicPolicy:TopicPolicy")[0].Text("policy"))
	require.Empty(t, g.OfType("aws:sns/topicSubscription:TopicSubscription"))
}

// What the topic does not take is kept, encrypted, in a standard queue that alarms when it is not empty.
func TestUndelivered(t *testing.T) {
	g, err := record(t, valid(), nil)
	require.NoError(t, err)
	queue := g.OfType("aws:sqs/queue:Queue")[0]
	require.Equal(t, "alarms-undelivered", queue.Name)
	require.False(t, queue.Flag("fifoQueue"))
	require.Equal(t, "key-arn", queue.Text("kmsMasterKeyId"))
	policy := g.OfType("aws:sqs/queuePolicy:QueuePolicy")[0].Text("policy")
	require.Contains(t, policy, `"aws:SecureTransport":["false"]`)
	require.Contains(t, policy, `"ArnLike":{"aws:SourceArn":["arn:aws:events:ap-southeast-1:111122223333:rule/*"]}`)

	sources := g.OfType("aws:sqs/redriveAllowPolicy:RedriveAllowPolicy")[0]
	require.Equal(t, "alarms-undelivered-sources", sources.Name)
	require.Equal(t, queue.Outputs["url"], sources.Inputs["queueUrl"])
	require.Equal(t, `{"redrivePermission":"denyAll"}`, sources.Text("redriveAllowPolicy"))

	depth := g.OfType("aws:cloudwatch/metricAlarm:MetricAlarm")[0]
	require.Equal(t, queue.PhysicalName(), depth.Text("dimensions.QueueName"))
	require.Equal(t, 0.0, depth.Value("threshold"))
}

// An address is subscribed when one is stated.
func TestEmail(t *testing.T) {
	args := valid()
	args.Email = "oncall@example.com"
	g, err := record(t, args, nil)
	require.NoError(t, err)
	subscription := g.OfType("aws:sns/topicSubscription:TopicSubscription")[0]
	require.Equal(t, "email", subscription.Text("protocol"))
	require.Equal(t, "oncall@example.com", subscription.Text("endpoint"))
}

// An alarm tells the topic when it starts and ends, says what to do and what missing data means, and its physical name
// carries the stack's.
func TestAlarm(t *testing.T) {
	g, err := record(t, valid(), func(ctx *pulumi.Context, topic *alarms.Topic) error {
		_, err := topic.Alarm(ctx, "queue-age", alarms.Alarm{
			Says: "Old. Look.", Metric: alarms.Metric{Namespace: "AWS/SQS", Name: "Age", Statistic: alarms.Sum, Seconds: 300},
			Above: 7, Periods: 3, Missing: alarms.Breaching,
		})
		return err
	})
	require.NoError(t, err)
	arn := g.OfType("aws:sns/topic:Topic")[0].Outputs["arn"]
	alarm := named(t, g, "queue-age")
	require.Equal(t, map[string]any{
		"name": "tier-1k-queue-age", "alarmDescription": "Old. Look.", "namespace": "AWS/SQS", "metricName": "Age",
		"statistic": "Sum", "period": 300.0, "comparisonOperator": "GreaterThanThreshold", "threshold": 7.0,
		"evaluationPeriods": 3.0, "treatMissingData": "breaching", "alarmActions": []any{arn}, "okActions": []any{arn},
	}, alarm.Inputs)
}

// An event is retried for a day and then kept; its text is filled in from the event.
func TestOnEvent(t *testing.T) {
	g, err := record(t, valid(), func(ctx *pulumi.Context, topic *alarms.Topic) error {
		return topic.OnEvent(ctx, "findings", alarms.Event{
			Pattern: pulumi.Map{"source": pulumi.ToStringArray([]string{"aws.ecr"})},
			Says:    "Image <image> is bad.", Values: map[string]string{"image": "$.detail.image"},
		})
	})
	require.NoError(t, err)
	rule := g.OfType("aws:cloudwatch/eventRule:EventRule")[0]
	require.Equal(t, `{"source":["aws.ecr"]}`, rule.Text("eventPattern"))
	target := g.OfType("aws:cloudwatch/eventTarget:EventTarget")[0]
	require.Equal(t, map[string]any{
		"rule": rule.PhysicalName(), "arn": g.OfType("aws:sns/topic:Topic")[0].Outputs["arn"],
		"inputTransformer": map[string]any{
			"inputPaths": map[string]any{"image": "$.detail.image"}, "inputTemplate": `"tier-1k: Image <image> is bad."`,
		},
		"retryPolicy":      map[string]any{"maximumEventAgeInSeconds": 86_400.0, "maximumRetryAttempts": 185.0},
		"deadLetterConfig": map[string]any{"arn": g.OfType("aws:sqs/queue:Queue")[0].Outputs["arn"]},
	}, target.Inputs)
}

// Wrong arguments are refused with the component, the field and what is allowed; nothing is registered.
func TestRefuses(t *testing.T) {
	g, err := record(t, alarms.Args{Place: here, Email: "nobody"}, nil)
	require.ErrorContains(t, err, `alarms.Topic "alarms": key: is missing`)
	require.ErrorContains(t, err, `email: "nobody" is not allowed; allowed: an address such as oncall@example.com`)
	require.Empty(t, g.All())

	_, err = record(t, valid(), func(ctx *pulumi.Context, topic *alarms.Topic) error {
		_, err := topic.Alarm(ctx, "empty", alarms.Alarm{Metric: alarms.Metric{Statistic: "Median", Seconds: 90}})
		return err
	})
	for _, problem := range []string{
		`alarm "empty": says: has 0 characters; allowed: 1 to 1024`, `metric: namespace "" and name ""; allowed: both stated`,
		"periods: 0 is not allowed; allowed: 1 or more", `missing: "" is not allowed; allowed: notBreaching, breaching, ignore`,
		`metric.statistic: "Median" is not allowed; allowed: Maximum, Sum, Average, Minimum, p99`,
		"metric.seconds: 90 is not allowed; allowed: multiples of 60",
	} {
		require.ErrorContains(t, err, problem)
	}

	_, err = record(t, valid(), func(ctx *pulumi.Context, topic *alarms.Topic) error {
		return topic.OnEvent(ctx, strings.Repeat("r", 60), alarms.Event{Says: "<a>", Values: map[string]string{"b": "$.b"}})
	})
	for _, problem := range []string{
		"has 60 characters; allowed for an event rule: 1 to 56", "pattern: is empty", "says: <a> has no value; allowed: b",
		`values: "b" is not in the text`,
	} {
		require.ErrorContains(t, err, problem)
	}
}

// An alarm may judge the worst of several, or a value that is bad when it is small, or the slowest of a hundred answers.
func TestOtherAlarms(t *testing.T) {
	var tooMany [11]pulumi.StringMap
	each := []pulumi.StringMap{{"Node": pulumi.String("a")}, {"Node": pulumi.String("b")}}
	made := func(a alarms.Alarm) (graph.Resource, error) {
		a.Says, a.Periods, a.Missing = "It is full. Empty it.", 1, alarms.NotBreaching
		a.Metric.Namespace, a.Metric.Name = "N", "m"
		g, err := record(t, valid(), func(ctx *pulumi.Context, topic *alarms.Topic) error {
			_, err := topic.Alarm(ctx, "other", a)
			return err
		})
		if err != nil {
			return graph.Resource{}, err
		}
		return named(t, g, "other"), nil
	}
	worst, err := made(alarms.Alarm{Above: 5, Metric: alarms.Metric{Each: each}})
	require.NoError(t, err)
	read := func(id, node string) map[string]any {
		return map[string]any{"id": id, "metric": map[string]any{
			"namespace": "N", "metricName": "m", "stat": "Maximum", "period": 60.0, "dimensions": map[string]any{"Node": node},
		}}
	}
	require.Equal(t, []any{
		map[string]any{"id": "worst", "expression": "MAX(METRICS())", "label": "m", "returnData": true}, read("m1", "a"), read("m2", "b"),
	}, worst.Inputs["metricQueries"])
	for _, single := range []string{"namespace", "metricName", "dimensions", "period", "statistic"} {
		require.NotContains(t, worst.Inputs, single)
	}

	least, err := made(alarms.Alarm{Below: 5, Metric: alarms.Metric{Each: each}})
	require.NoError(t, err)
	require.Equal(t, "LessThanThreshold", least.Text("comparisonOperator"))
	require.Equal(t, 5.0, least.Value("threshold"))
	require.Equal(t, "MIN(METRICS())", least.Inputs["metricQueries"].([]any)[0].(map[string]any)["expression"])

	slow, err := made(alarms.Alarm{Above: 1, Metric: alarms.Metric{Statistic: alarms.P99}})
	require.NoError(t, err)
	require.Equal(t, "p99", slow.Text("extendedStatistic"))
	require.NotContains(t, slow.Inputs, "statistic")

	_, err = made(alarms.Alarm{Above: 1, Below: 5, Metric: alarms.Metric{Each: tooMany[:], Dimensions: pulumi.StringMap{"a": pulumi.String("b")}}})
	require.ErrorContains(t, err, "metric.each: has 11 dimensions beside 1 of the metric's own; allowed: at most 10, and none of its own")
	require.ErrorContains(t, err, "below: 5 is not allowed beside above: 1; allowed: a positive value, and no other bound")
}

// All of a kind are judged ten at a time, under numbered names that stay when there are more; and what is made of alarms
// finds them by pattern.
func TestAlarmOfAll(t *testing.T) {
	made := func(n int) (*graph.Graph, map[string]pulumi.StringOutput) {
		var found map[string]pulumi.StringOutput
		g, err := record(t, valid(), func(ctx *pulumi.Context, topic *alarms.Topic) (err error) {
			if err = topic.AlarmOfAll(ctx, "nodes-cpu", alarms.Alarm{
				Says: "It is busy. Look.", Metric: alarms.Metric{Namespace: "N", Name: "m"}, Periods: 1, Missing: alarms.Ignored,
			}, make([]pulumi.StringMap, n)); err != nil {
				return err
			}
			found, err = topic.Matching("nodes-*")
			return err
		})
		require.NoError(t, err)
		return g, found
	}
	g, found := made(6)
	require.Len(t, found, 1)
	require.Len(t, named(t, g, "nodes-cpu-1").Inputs["metricQueries"], 1+6)
	g, found = made(12)
	require.Len(t, found, 2)
	require.Len(t, named(t, g, "nodes-cpu-1").Inputs["metricQueries"], 1+10)
	require.Len(t, named(t, g, "nodes-cpu-2").Inputs["metricQueries"], 1+2)

	_, err := record(t, valid(), func(_ *pulumi.Context, topic *alarms.Topic) error {
		_, err := topic.Matching("[")
		return err
	})
	require.ErrorContains(t, err, `alarms "[": syntax error in pattern`)
}
