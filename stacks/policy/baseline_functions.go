package policy

import (
	"fmt"
	"slices"
	"strings"

	"workerfleet/stacks/graph"
)

const (
	asyncType     = "aws:lambda/functionEventInvokeConfig:FunctionEventInvokeConfig"
	busType       = "aws:cloudwatch/eventBus:EventBus"
	busPolicyType = "aws:cloudwatch/eventBusPolicy:EventBusPolicy"
	scheduleType  = "aws:scheduler/schedule:Schedule"
)

// runtimes are those that AWS supported in November 2026 and that deprecates none within a year. Binaries run on the
// operating system's own.
var runtimes = []string{"provided.al2023", "python3.13", "python3.14", "nodejs22.x", "nodejs24.x", "java21", "java25"}

func functionBaseline() []Rule {
	function := of(lambdaType)
	return []Rule{
		{Row: 142, Title: "a function's calls are traced", Types: function, Refs: refs("CKV_AWS_50; AWS-0066"), Check: be("tracingConfig.mode", "Active")},
		{Row: 143, Title: "what a function fails at is put aside", Types: function, Refs: refs("CKV_AWS_116"), Check: either(stated("deadLetterConfig.targetArn"), pointedAt(asyncType, "functionName", stated("destinationConfig.onFailure.destination")), checkMappedFailures)},
		{Row: 144, Title: "a function stands in two zones of the VPC", Types: function, Refs: refs("SH Lambda.5; CKV_AWS_117"), Check: inTwoZones("vpcConfig.subnetIds")},
		{Row: 145, Title: "a function cannot take the whole account's concurrency", Types: function, Refs: refs("CKV_AWS_115"), Check: least("reservedConcurrentExecutions", 0)},
		{Row: 146, Title: "a function's environment holds no secret, and is under a key of ours", Types: function, Only: stated("environment.variables"), Refs: refs("CKV_AWS_45; CKV_AWS_173"), Check: every(knowing(checkFunctionSecrets, "environment.variables"), stated("kmsKeyArn"))},
		{Row: 147, Title: "a function's runtime is a current one", Types: function, Refs: refs("SH Lambda.2; CKV_AWS_363; AwsSolutions-L1"), Check: either(be("packageType", "Image"), each("runtime", func(value any) string {
			if slices.Contains(runtimes, shown(value)) {
				return ""
			}
			return fmt.Sprintf("is %s; wanted: one of %s", shown(value), strings.Join(runtimes, ", "))
		}))},
		{Row: 148, Title: "a function runs signed code alone", Types: function, Refs: refs("CKV_AWS_272"), Check: stated("codeSigningConfigArn")},
		{Row: 149, Title: "who calls a function calls it for something of ours", Types: of(invokeType), Refs: refs("SH Lambda.1; CKV_AWS_301; CKV_AWS_364; AWS-0067"), Check: every(either(stated("sourceArn"), stated("sourceAccount")), each("principal", func(value any) string {
			if value == "*" {
				return "is everyone; wanted: a service or an account"
			}
			return ""
		}))},
		{Row: 150, Title: "of a batch only what failed comes again, and a queue cannot take all concurrency", Types: of(feedType), Refs: refs("house"), Check: every(words("functionResponseTypes", "ReportBatchItemFailures"), least("scalingConfig.maximumConcurrency", 2))},
		{Row: 151, Title: "an event that cannot be delivered is tried again, then put aside", Types: of("aws:cloudwatch/eventTarget:EventTarget"), Refs: refs("house"), Check: stated("deadLetterConfig.arn", "retryPolicy")},
		{Row: 152, Title: "an event bus of ours says who may use it", Types: of(busType), Refs: refs("SH EventBridge.3"), Check: pointedAt(busPolicyType, "eventBusName", allowed("policy", openToAll))},
		{Row: 153, Title: "a schedule is under a key of ours", Types: of(scheduleType), Refs: refs("CKV_AWS_297"), Check: stated("kmsKeyArn")},
	}
}

// checkMappedFailures passes a function whose queues put aside what it fails at.
func checkMappedFailures(g *graph.Graph, r graph.Resource) []Finding {
	mappings, unsure := pointing(g, feedType, "functionName", r)
	answer := finding("deadLetterConfig.targetArn", "is not stated, and no queue of the function puts messages aside; wanted: either")
	answer.Undecided = unsure
	if len(mappings) == 0 {
		return []Finding{answer}
	}
	for _, mapping := range mappings {
		queue, found := g.Refers(queueType, valueAt(mapping, "eventSourceArn"))
		if !found || empty(valueAt(queue, "redrivePolicy")) {
			answer.Undecided = answer.Undecided || valueAt(mapping, "eventSourceArn") == graph.Unknown
			return []Finding{answer}
		}
	}
	return nil
}

func checkFunctionSecrets(_ *graph.Graph, r graph.Resource) []Finding {
	variables, _ := valueAt(r, "environment.variables").(map[string]any)
	for name, value := range variables {
		if secretName.MatchString(name) && !strings.HasPrefix(shown(value), "arn:") {
			return []Finding{finding("environment.variables", "state %s in plain text; wanted: a reference to a secret", name)}
		}
	}
	return nil
}
