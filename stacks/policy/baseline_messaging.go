package policy

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"workerfleet/stacks/graph"
)

const (
	admissionType   = "aws:sqs/redriveAllowPolicy:RedriveAllowPolicy"
	topicType       = "aws:sns/topic:Topic"
	topicPolicyType = "aws:sns/topicPolicy:TopicPolicy"
)

func messagingBaseline() []Rule {
	queue, rights := of(queueType), of(queuePolicyType)
	return []Rule{
		{Row: 74, Title: "messages are encrypted where they wait", Types: queue, Refs: refs("SH SQS.1; CKV_AWS_27; AwsSolutions-SQS2; AWS-0096"), Check: either(stated("kmsMasterKeyId"), be("sqsManagedSseEnabled", true))},
		{Row: 75, Title: "messages are encrypted with a key of ours", Types: queue, Refs: refs("CKV2_AWS_73; AWS-0135"), Check: ownKey("kmsMasterKeyId")},
		{Row: 76, Title: "a message that fails three times is put aside", Types: queue, Only: not(deadLetters), Refs: refs("AwsSolutions-SQS3"), Check: checkRedrive},
		{Row: 77, Title: "a queue is reached over TLS alone", Types: rights, Refs: refs("AwsSolutions-SQS4"), Check: encryptedOnly("policy")},
		{Row: 78, Title: "a queue is not open to everyone", Types: rights, Refs: refs("SH SQS.3; CKV_AWS_168; CKV_AWS_387"), Check: allowed("policy", openToAll)},
		{Row: 79, Title: "nobody may do everything with a queue", Types: rights, Refs: refs("CKV_AWS_72; AWS-0097"), Check: allowed("policy", func(statement map[string]any) string {
			for _, action := range actions(statement) {
				if action == "*" || strings.EqualFold(action, "sqs:*") {
					return "allows " + action + "; wanted: the actions by name"
				}
			}
			return ""
		})},
		{Row: 80, Title: "a FIFO queue is called one, and so is what it puts aside", Types: queue, Refs: refs("AWS API"), Check: knowing(every(checkFifoName, checkDeadLetterKind), "name", "fifoQueue", "redrivePolicy")},
		{Row: 81, Title: "high throughput has both of its settings", Types: queue, Refs: refs("AWS API"), Check: knowing(checkThroughput, "fifoQueue", "deduplicationScope", "fifoThroughputLimit")},
		{Row: 82, Title: "a message stays hidden for six times as long as its function may run", Types: queue, Only: pointedAt(feedType, "eventSourceArn", nil), Refs: refs("AWS Lambda documentation"), Check: knowing(checkVisibility, "visibilityTimeoutSeconds")},
		{Row: 83, Title: "what is put aside is kept longer than what waits", Types: queue, Only: deadLetters, Refs: refs("house"), Check: knowing(checkKeptLonger, "messageRetentionSeconds")},
		{Row: 84, Title: "a dead-letter queue takes from the queues that it names", Types: queue, Only: deadLetters, Refs: refs("house"), Check: checkAdmission},
		{Row: 85, Title: "the first message that is put aside raises an alarm", Types: queue, Only: deadLetters, Refs: refs("house"), Check: checkDeadLetterAlarm},
		{Row: 86, Title: "notifications are encrypted with a key of ours", Types: of(topicType), Refs: refs("SH SNS.1; CKV_AWS_26; AWS-0095; AWS-0136"), Check: ownKey("kmsMasterKeyId")},
		{Row: 87, Title: "a topic is not open to everyone, and reached over TLS alone", Types: of(topicPolicyType), Refs: refs("SH SNS.4; CKV_AWS_169; AwsSolutions-SNS3"), Check: every(allowed("policy", openToAll), encryptedOnly("policy"))},
	}
}

// ownKey wants a key that is not AWS's own, which everyone in the account may use.
func ownKey(path string) check {
	return func(g *graph.Graph, r graph.Resource) []Finding {
		if text := r.Text(path); strings.HasPrefix(text, "alias/aws/") {
			return []Finding{finding(path, "is %s, AWS's own key; wanted: one of ours", text)}
		}
		return stated(path)(g, r)
	}
}

// knowing lets a check of AWS's rules, which is silent on what it does not know, judge only what is known.
func knowing(one check, paths ...string) check {
	return func(g *graph.Graph, r graph.Resource) []Finding {
		for _, path := range paths {
			if valueAt(r, path) == graph.Unknown {
				return []Finding{undecided(path)}
			}
		}
		return one(g, r)
	}
}

// not turns a narrowing round; what could not be decided stays so.
func not(one check) check {
	return func(g *graph.Graph, r graph.Resource) []Finding {
		findings := one(g, r)
		if len(findings) == 0 {
			return []Finding{finding("type", "is one of those that the rule leaves out")}
		}
		if slices.ContainsFunc(findings, func(f Finding) bool { return f.Undecided }) {
			return findings
		}
		return nil
	}
}

// sources are the queues whose failed messages a queue takes.
func sources(g *graph.Graph, dead graph.Resource) (found []graph.Resource, unsure bool) {
	for _, source := range g.OfType(queueType) {
		redrive, known := source.Document("redrivePolicy")
		unsure = unsure || valueAt(source, "redrivePolicy") == graph.Unknown
		if known && names(redrive["deadLetterTargetArn"], dead) {
			found = append(found, source)
		}
	}
	return found, unsure
}

// takers name the queues, other than by a redrive policy, that take what failed elsewhere.
var takers = map[string]string{
	"aws:cloudwatch/eventTarget:EventTarget": "deadLetterConfig.arn",
	lambdaType:                               "deadLetterConfig.targetArn",
	asyncType:                                "destinationConfig.onFailure.destination",
	scheduleType:                             "target.deadLetterConfig.arn",
}

// deadLetters is about queues that take what failed elsewhere.
func deadLetters(g *graph.Graph, r graph.Resource) []Finding {
	found, unsure := sources(g, r)
	for token, path := range takers {
		more, unknown := pointing(g, token, path, r)
		found, unsure = append(found, more...), unsure || unknown
	}
	if len(found) > 0 {
		return nil
	}
	answer := finding("redrivePolicy", "names this queue nowhere")
	answer.Undecided = unsure
	return []Finding{answer}
}

func checkRedrive(_ *graph.Graph, r graph.Resource) []Finding {
	var redrive map[string]any
	if says, known := parsed(r, "redrivePolicy", &redrive); !known {
		return says
	}
	if count, _ := redrive["maxReceiveCount"].(float64); empty(redrive["deadLetterTargetArn"]) || count < 3 {
		return []Finding{finding("redrivePolicy", "puts messages aside after %s receives; wanted: 3 or more, and a queue for them", shown(redrive["maxReceiveCount"]))}
	}
	return nil
}

func checkDeadLetterKind(g *graph.Graph, r graph.Resource) []Finding {
	redrive, _ := r.Document("redrivePolicy")
	dead, found := g.Refers(queueType, redrive["deadLetterTargetArn"])
	if found && dead.Flag("fifoQueue") != r.Flag("fifoQueue") {
		return []Finding{finding("redrivePolicy", "names %s, a queue of the other kind; wanted: FIFO to FIFO, standard to standard", dead.Name)}
	}
	return nil
}

func checkVisibility(g *graph.Graph, r graph.Resource) []Finding {
	mappings, _ := pointing(g, feedType, "eventSourceArn", r)
	var findings []Finding
	for _, mapping := range mappings {
		function, found := g.Refers(lambdaType, valueAt(mapping, "functionName"))
		hidden, timeout := seconds(r, "visibilityTimeoutSeconds", 30), seconds(function, "timeout", 3)
		if found && hidden < 6*timeout {
			findings = append(findings, finding("visibilityTimeoutSeconds", "is %.0f and %s runs for up to %.0f s; wanted: %.0f or more", hidden, function.Name, timeout, 6*timeout))
		}
	}
	return findings
}

func checkKeptLonger(g *graph.Graph, r graph.Resource) []Finding {
	from, _ := sources(g, r)
	kept := seconds(r, "messageRetentionSeconds", defaultRetention)
	for _, source := range from {
		if waits := seconds(source, "messageRetentionSeconds", defaultRetention); kept <= waits {
			return []Finding{finding("messageRetentionSeconds", "is %.0f and that of %s %.0f; wanted: more", kept, source.Name, waits)}
		}
	}
	return nil
}

// checkAdmission looks for the list of sources on the queue and beside it. What is put aside by something else than a
// queue needs no list.
func checkAdmission(g *graph.Graph, r graph.Resource) []Finding {
	from, unknown := sources(g, r)
	if len(from) == 0 && unknown {
		return []Finding{undecided("redrivePolicy")}
	}
	if len(from) == 0 {
		return nil
	}
	beside, unsure := pointing(g, admissionType, "queueUrl", r)
	for _, one := range append(beside, r) {
		var admission struct {
			RedrivePermission string   `json:"redrivePermission"`
			SourceQueueArns   []string `json:"sourceQueueArns"`
		}
		unsure = unsure || valueAt(one, "redriveAllowPolicy") == graph.Unknown
		if text := one.Text("redriveAllowPolicy"); json.Unmarshal([]byte(text), &admission) == nil && admission.RedrivePermission == "byQueue" && len(admission.SourceQueueArns) > 0 {
			return nil
		}
	}
	answer := finding("redriveAllowPolicy", "lets any queue put messages here; wanted: byQueue, with the queues")
	answer.Undecided = unsure
	return []Finding{answer}
}

func checkDeadLetterAlarm(g *graph.Graph, r graph.Resource) []Finding {
	unsure := false
	for _, alarm := range g.OfType(alarmType) {
		if alarm.Text("metricName") != "ApproximateNumberOfMessagesVisible" {
			continue
		}
		queue := valueAt(alarm, "dimensions.QueueName")
		unsure = unsure || queue == graph.Unknown
		threshold, _ := number(valueAt(alarm, "threshold"))
		first := alarm.Text("comparisonOperator") == "GreaterThanThreshold" && threshold == 0 ||
			alarm.Text("comparisonOperator") == "GreaterThanOrEqualToThreshold" && threshold == 1
		if names(queue, r) && first {
			return nil
		}
	}
	answer := finding("MetricAlarm.metricName", "watches ApproximateNumberOfMessagesVisible > 0 of no such queue; wanted: %s", fmt.Sprintf("an alarm on %s", r.Name))
	answer.Undecided = unsure
	return []Finding{answer}
}
