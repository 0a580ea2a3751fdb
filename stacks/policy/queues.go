package policy

import (
	"strings"

	"workerfleet/stacks/graph"
)

const (
	queueType       = "aws:sqs/queue:Queue"
	queuePolicyType = "aws:sqs/queuePolicy:QueuePolicy"
)

// Limits of a queue, in seconds and bytes (aws-facts: sqs.visibility, sqs.batch, sqs.msgsize).
const (
	longestVisibility  = 43_200
	shortestRetention  = 60
	longestRetention   = 1_209_600
	defaultRetention   = 345_600
	longestQueueDelay  = 900
	longestReceiveWait = 20
)

func queueRules() []Rule {
	queue := []string{queueType}
	return []Rule{
		{ID: "aws-4", Title: "a queue's times are within SQS's limits", Types: queue, Check: checkQueueTimes},
		{ID: "aws-4", Title: "a .fifo name and fifoQueue go together", Types: queue, Check: checkFifoName},
		{ID: "aws-4", Title: "a queue and its dead-letter queue are of one kind, account and region, and the latter keeps messages longer", Types: queue, Check: checkDeadLetters},
		{ID: "aws-5", Title: "high throughput needs both of its settings", Types: queue, Check: checkThroughput},
		{ID: "aws-6", Title: "a queue has no fixed name: one deleted less than 60 s ago cannot be made again", Types: queue, Check: checkFixedQueueName},
		{ID: "aws-41", Title: "a FIFO queue that EventBridge writes to deduplicates by content", Types: []string{queuePolicyType}, Check: checkEventBridgeQueue},
	}
}

func checkQueueTimes(_ *graph.Graph, r graph.Resource) []Finding {
	var findings []Finding
	for _, limit := range []struct {
		property, parameter string
		from, to            float64
	}{
		{"visibilityTimeoutSeconds", "VisibilityTimeout", 0, longestVisibility},
		{"messageRetentionSeconds", "MessageRetentionPeriod", shortestRetention, longestRetention},
		{"delaySeconds", "DelaySeconds", 0, longestQueueDelay},
		{"receiveWaitTimeSeconds", "ReceiveMessageWaitTimeSeconds", 0, longestReceiveWait},
	} {
		if seconds, ok := r.Number(limit.property); ok && (seconds < limit.from || seconds > limit.to) {
			findings = append(findings, finding(limit.property,
				"InvalidParameterValue: Value %.0f for parameter %s is invalid. Reason: Must be between %.0f and %.0f, if provided.",
				seconds, limit.parameter, limit.from, limit.to))
		}
	}
	return findings
}

func checkFifoName(_ *graph.Graph, r graph.Resource) []Finding {
	name := r.PhysicalName()
	if name == "" {
		return nil
	}
	if r.Flag("fifoQueue") != strings.HasSuffix(name, ".fifo") {
		return []Finding{finding("name", "InvalidParameterValue: The name %q and fifoQueue %t do not go together: the name of a FIFO queue ends with .fifo, and no other does", name, r.Flag("fifoQueue"))}
	}
	return nil
}

func checkDeadLetters(g *graph.Graph, r graph.Resource) []Finding {
	redrive, ok := r.Document("redrivePolicy")
	if !ok {
		return nil
	}
	var findings []Finding
	if count, ok := redrive["maxReceiveCount"].(float64); !ok || count < 1 || count > 1000 {
		findings = append(findings, finding("redrivePolicy", "InvalidParameterValue: Value %v for parameter RedrivePolicy is invalid. Reason: maxReceiveCount must be between 1 and 1000.", redrive["maxReceiveCount"]))
	}
	target, _ := redrive["deadLetterTargetArn"].(string)
	dead, found := g.Refers(queueType, target)
	if !found {
		return findings
	}
	if dead.Flag("fifoQueue") != r.Flag("fifoQueue") {
		findings = append(findings, finding("redrivePolicy", "InvalidParameterValue: Value %s for parameter RedrivePolicy is invalid. Reason: Dead-letter queue must be same type of queue as the source.", target))
	}
	if own, ok := r.Outputs["arn"].(string); ok && arnPlace(own) != arnPlace(target) {
		findings = append(findings, finding("redrivePolicy", "InvalidParameterValue: Value %s for parameter RedrivePolicy is invalid. Reason: Dead-letter queue must be in the same account and region as the source.", target))
	}
	if kept, longer := seconds(r, "messageRetentionSeconds", defaultRetention), seconds(dead, "messageRetentionSeconds", defaultRetention); longer <= kept {
		findings = append(findings, finding("redrivePolicy", "nothing, but %q keeps messages for %.0f s and their source for %.0f s: a standard queue's message keeps its age when it is moved, and nobody would have longer to read one that failed than one that did not", dead.Name, longer, kept))
	}
	return findings
}

func checkThroughput(_ *graph.Graph, r graph.Resource) []Finding {
	scope, limit := r.Text("deduplicationScope"), r.Text("fifoThroughputLimit")
	switch {
	case (scope != "" || limit != "") && !r.Flag("fifoQueue"):
		return []Finding{finding("deduplicationScope", "InvalidAttributeName: Unknown Attribute DeduplicationScope: it is for FIFO queues")}
	case limit == "perMessageGroupId" && scope != "messageGroup":
		return []Finding{finding("fifoThroughputLimit", "InvalidAttributeValue: perMessageGroupId is allowed only when DeduplicationScope is messageGroup; found %q", scope)}
	case scope == "messageGroup" && limit != "perMessageGroupId":
		return []Finding{finding("deduplicationScope", "nothing, but the queue stays at 300 calls a second: messageGroup needs fifoThroughputLimit perMessageGroupId; found %q", limit)}
	}
	return nil
}

func checkFixedQueueName(_ *graph.Graph, r graph.Resource) []Finding {
	stated := r.Text("name")
	// The provider puts the name that it chose among the inputs; it begins with the logical name and ends in digits.
	if stated == "" || strings.HasPrefix(stated, r.Name+"-") {
		return nil
	}
	return []Finding{finding("name", "AWS.SimpleQueueService.QueueDeletedRecently: a replacement of %q would have to wait 60 seconds; leave the name out", stated)}
}

// checkEventBridgeQueue looks at the queue through its policy, which is where EventBridge is let in.
func checkEventBridgeQueue(g *graph.Graph, r graph.Resource) []Finding {
	document, ok := r.Document("policy")
	if !ok || !admitsService(document, "events.amazonaws.com") {
		return nil
	}
	queue, found := g.Refers(queueType, r.Value("queueUrl"))
	if !found || !queue.Flag("fifoQueue") || queue.Flag("contentBasedDeduplication") {
		return nil
	}
	return []Finding{finding("policy", "nothing, but EventBridge cannot send a deduplication id: %q needs contentBasedDeduplication, else every event is dropped", queue.Name)}
}

func seconds(r graph.Resource, property string, standard float64) float64 {
	if value, ok := r.Number(property); ok {
		return value
	}
	return standard
}

// arnPlace returns the region and account of an ARN.
func arnPlace(arn string) string {
	parts := strings.SplitN(arn, ":", 6)
	if len(parts) < 6 {
		return ""
	}
	return parts[3] + ":" + parts[4]
}
