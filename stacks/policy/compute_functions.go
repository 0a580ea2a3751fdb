package policy

import (
	"slices"
	"strings"

	"workerfleet/stacks/graph"
)

const (
	lambdaType = "aws:lambda/function:Function"
	feedType   = "aws:lambda/eventSourceMapping:EventSourceMapping"
	invokeType = "aws:lambda/permission:Permission"
)

// Limits of Lambda (aws-facts: lambda.timeout, lambda.memory, lambda.env, lambda.esm.*).
const (
	longestFunction         = 900
	leastMemory, mostMemory = 128, 10_240
	mostEnvironment         = 4_096
	mostFIFOBatch           = 10
	leastPollers            = 2
	mostPollers             = 1_000
	visibilityFactor        = 6
	shortestVisibility      = 30 // SQS's default
)

func functionRules() []Rule {
	function, mapping := []string{lambdaType}, []string{feedType}
	return []Rule{
		{ID: "aws-7", Title: "a FIFO queue feeds a function in batches of at most 10, without a batching window", Types: mapping, Check: checkFIFOBatch},
		{ID: "aws-7", Title: "a queue that feeds a function hides messages for six times the function's timeout", Types: mapping, Check: checkMappingVisibility},
		{ID: "aws-7", Title: "a queue's batches run 2 to 1,000 at once, within the function's reserve, and report what failed", Types: mapping, Check: checkMappingScale},
		{ID: "aws-8", Title: "a function is built for one architecture", Types: function, Check: checkFunctionArchitecture},
		{ID: "aws-9", Title: "a function's timeout, memory and environment are within Lambda's limits", Types: function, Check: checkFunctionLimits},
		{ID: "aws-10", Title: "a function in a VPC has subnets, a security group and the permission to make interfaces", Types: function, Check: checkFunctionNetwork},
		{ID: "aws-11", Title: "a rule that calls a function is let in by it", Types: []string{eventTargetType}, Check: checkFunctionPermission},
		{ID: "aws-37", Title: "a function's own dead-letter queue is a standard queue", Types: function, Check: checkFunctionDeadLetters},
	}
}

func checkFIFOBatch(g *graph.Graph, r graph.Resource) []Finding {
	queue, found := g.Refers(queueType, r.Value("eventSourceArn"))
	if !found || !queue.Flag("fifoQueue") {
		return nil
	}
	if batch, stated := r.Number("batchSize"); stated && batch > mostFIFOBatch {
		return []Finding{finding("batchSize", "InvalidParameterValueException: Batch size %.0f is not valid for FIFO queues; allowed: 1 to %d", batch, mostFIFOBatch)}
	}
	if window, stated := r.Number("maximumBatchingWindowInSeconds"); stated && window > 0 {
		return []Finding{finding("maximumBatchingWindowInSeconds", "InvalidParameterValueException: Maximum batching window is not supported for FIFO queues; found %.0f", window)}
	}
	return nil
}

func checkMappingVisibility(g *graph.Graph, r graph.Resource) []Finding {
	queue, fed := g.Refers(queueType, r.Value("eventSourceArn"))
	function, feeds := g.Refers(lambdaType, r.Value("functionName"))
	if !fed || !feeds {
		return nil
	}
	timeout := seconds(function, "timeout", 3)
	visible := seconds(queue, "visibilityTimeoutSeconds", shortestVisibility)
	switch {
	case visible < timeout:
		return []Finding{finding("eventSourceArn", "InvalidParameterValueException: Queue visibility timeout: %.0f seconds is less than Function timeout: %.0f seconds", visible, timeout)}
	case visible < visibilityFactor*timeout:
		return []Finding{finding("eventSourceArn", "nothing, but a batch that is throttled for long appears a second time: %q hides messages for %.0f s; allowed: %d × the timeout of %.0f s", queue.Name, visible, visibilityFactor, timeout)}
	}
	return nil
}

func checkMappingScale(g *graph.Graph, r graph.Resource) []Finding {
	if _, fed := g.Refers(queueType, r.Value("eventSourceArn")); !fed {
		return nil
	}
	pollers, stated := r.Number("scalingConfig.maximumConcurrency")
	if stated && (pollers < leastPollers || pollers > mostPollers) {
		return []Finding{finding("scalingConfig.maximumConcurrency", "InvalidParameterValueException: Maximum concurrency %.0f; allowed: %d to %d", pollers, leastPollers, mostPollers)}
	}
	if function, found := g.Refers(lambdaType, r.Value("functionName")); found && stated {
		if reserved, limited := function.Number("reservedConcurrentExecutions"); limited && pollers > reserved {
			return []Finding{finding("scalingConfig.maximumConcurrency", "nothing, but %.0f batches at once are throttled by the %.0f that %q reserves, and throttles count as receives", pollers, reserved, function.Name)}
		}
	}
	if types, ok := r.Value("functionResponseTypes").([]any); r.Value("functionResponseTypes") != any(graph.Unknown) && (!ok || !slices.Contains(types, any("ReportBatchItemFailures"))) {
		return []Finding{finding("functionResponseTypes", "nothing, but one failed message brings its whole batch back; allowed: ReportBatchItemFailures")}
	}
	return nil
}

func checkFunctionArchitecture(_ *graph.Graph, r graph.Resource) []Finding {
	if r.Value("architectures") == any(graph.Unknown) {
		return nil
	}
	architectures := listed(r.Value("architectures"))
	if strings.HasPrefix(r.Text("runtime"), "provided") && len(architectures) != 1 {
		return []Finding{finding("architectures", "nothing, but x86_64 is what none means, and a binary for another does not start: %d are stated; allowed: one", len(architectures))}
	}
	return nil
}

// checkFunctionLimits leaves out the account's concurrency, which only the account knows: stacks/sizing lists the quota.
func checkFunctionLimits(g *graph.Graph, r graph.Resource) []Finding {
	if timeout, stated := r.Number("timeout"); stated && (timeout < 1 || timeout > longestFunction) {
		return []Finding{finding("timeout", "InvalidParameterValueException: Value '%.0f' at 'timeout' failed to satisfy constraint: Member must have value less than or equal to %d", timeout, longestFunction)}
	}
	if memory, stated := r.Number("memorySize"); stated && (memory < leastMemory || memory > mostMemory) {
		return []Finding{finding("memorySize", "InvalidParameterValueException: '%.0f' at 'memorySize' is not allowed; allowed: %d to %d", memory, leastMemory, mostMemory)}
	}
	variables, _ := r.Value("environment.variables").(map[string]any)
	size := 0
	for name, value := range variables {
		text, _ := value.(string)
		size += len(name) + len(text)
	}
	if size > mostEnvironment {
		return []Finding{finding("environment.variables", "InvalidParameterValueException: Lambda was unable to configure your environment variables because the environment variables you have provided exceeded the 4KB limit: %d bytes", size)}
	}
	return nil
}

func checkFunctionNetwork(g *graph.Graph, r graph.Resource) []Finding {
	if r.Value("vpcConfig") == nil || r.Value("vpcConfig") == any(graph.Unknown) {
		return nil
	}
	for _, property := range []string{"vpcConfig.subnetIds", "vpcConfig.securityGroupIds"} {
		if items, known := r.Value(property).([]any); known && len(items) == 0 || r.Value(property) == nil {
			return []Finding{finding(property, "InvalidParameterValueException: a function in a VPC needs both subnets and security groups; %s is empty", property)}
		}
	}
	role, found := g.Refers("aws:iam/role:Role", r.Value("role"))
	if !found {
		return nil
	}
	for _, policy := range g.OfType("aws:iam/rolePolicy:RolePolicy") {
		if policy.Text("role") != role.PhysicalName() {
			continue
		}
		if document, ok := policy.Document("policy"); !ok || allows(document, "ec2:CreateNetworkInterface") {
			return nil
		}
	}
	for _, attached := range g.OfType("aws:iam/rolePolicyAttachment:RolePolicyAttachment") {
		if attached.Text("role") == role.PhysicalName() && strings.HasSuffix(attached.Text("policyArn"), "/AWSLambdaVPCAccessExecutionRole") {
			return nil
		}
	}
	return []Finding{finding("role", "InvalidParameterValueException: The provided execution role does not have permissions to call CreateNetworkInterface on EC2")}
}

// allows says whether a statement of the document allows an action by name.
func allows(document map[string]any, action string) bool {
	for _, statement := range statements(document) {
		if statement["Effect"] == "Allow" && slices.Contains(listed(statement["Action"]), any(action)) {
			return true
		}
	}
	return false
}

// checkFunctionPermission finds the permission among what is known so far: a target is made after it, else the first
// events would be refused.
func checkFunctionPermission(g *graph.Graph, r graph.Resource) []Finding {
	function, found := g.Refers(lambdaType, r.Value("arn"))
	if !found {
		return nil
	}
	for _, permission := range g.OfType(invokeType) {
		target, known := g.Refers(lambdaType, permission.Value("function"))
		if !known || target.URN == function.URN && permission.Text("principal") == "events.amazonaws.com" {
			return nil
		}
	}
	return []Finding{finding("arn", "nothing, but EventBridge may not call %q: every event fails; allowed: a permission for events.amazonaws.com", function.Name)}
}

func checkFunctionDeadLetters(g *graph.Graph, r graph.Resource) []Finding {
	queue, found := g.Refers(queueType, r.Value("deadLetterConfig.targetArn"))
	if found && queue.Flag("fifoQueue") {
		return []Finding{finding("deadLetterConfig.targetArn", "InvalidParameterValueException: %q is a FIFO queue; allowed: a standard queue or a topic", queue.Name)}
	}
	return nil
}
