package policy_test

import (
	"encoding/base64"
	"encoding/json"
	"strings"

	"workerfleet/stacks/graph"
)

// computeExamples are the examples of hosts, tasks and functions.
func computeExamples() []example {
	of := func(token string) func(string, inputs) graph.Resource {
		return func(name string, in inputs) graph.Resource { return res(token, name, in) }
	}
	definition, service := of("aws:ecs/taskDefinition:TaskDefinition"), of("aws:ecs/service:Service")
	group, template, capacity := of("aws:autoscaling/group:Group"), of("aws:ec2/launchTemplate:LaunchTemplate"), of("aws:ecs/capacityProvider:CapacityProvider")
	schedule, subnet := of("aws:autoscaling/schedule:Schedule"), of("aws:ec2/subnet:Subnet")
	containers := func(c ...inputs) string { text, _ := json.Marshal(c); return string(text) }
	task := func(mode string, c inputs) graph.Resource {
		return definition("task", inputs{"family": "task", "networkMode": mode, "containerDefinitions": containers(c)})
	}
	sized := func(soft, hard float64) graph.Resource {
		return definition("task", inputs{"family": "task", "containerDefinitions": containers(inputs{"name": "c", "memoryReservation": soft, "memory": hard})})
	}
	served := func(port any) graph.Resource {
		return task("bridge", inputs{"name": "api", "memory": 6, "portMappings": []any{inputs{"containerPort": 8443.0, "hostPort": port}}})
	}
	// on is a service of a task, where it says where it runs.
	on := func(made graph.Resource, more inputs) graph.Resource {
		in := inputs{"taskDefinition": arnOf(made), "capacityProviderStrategies": []any{inputs{"capacityProvider": "hosts"}}}
		for key, value := range more {
			in[key] = value
		}
		return service("service", in)
	}
	balanced := inputs{"loadBalancers": []any{inputs{"containerName": "api", "containerPort": 8443.0}}}
	daemon := func(without string, more inputs) graph.Resource {
		in := inputs{"schedulingStrategy": "DAEMON", "launchType": "EC2", "placementConstraints": []any{inputs{}}, "deploymentMinimumHealthyPercent": 50.0}
		for key, value := range more {
			in[key] = value
		}
		delete(in, without)
		if without == "launchType" {
			in["capacityProviderStrategies"] = nil
		}
		return service("daemon", in)
	}
	protected, open := group("hosts", inputs{"protectFromScaleIn": true}), group("open", inputs{})
	protects := func(g graph.Resource, scaling string) graph.Resource {
		return capacity("hosts", inputs{"autoScalingGroupProvider": inputs{
			"autoScalingGroupArn": arnOf(g), "managedTerminationProtection": "ENABLED", "managedScaling": inputs{"status": scaling},
		}})
	}
	script := func(lines ...string) string {
		return base64.StdEncoding.EncodeToString([]byte("#!/bin/sh\nECS_CLUSTER=c\n" + strings.Join(lines, "\n") + "\n"))
	}
	guarded := inputs{"httpTokens": "required", "httpPutResponseHopLimit": 1.0}
	host := func(in inputs) graph.Resource {
		in["metadataOptions"] = guarded
		return template("template", in)
	}
	every := script("ECS_AWSVPC_BLOCK_IMDS=true", "ECS_ENGINE_TASK_CLEANUP_WAIT_DURATION=10m", "ECS_IMAGE_CLEANUP_INTERVAL=30m",
		"ECS_IMAGE_PULL_BEHAVIOR=prefer-cached", "ECS_RESERVED_MEMORY=512")
	a, alsoA, b := subnet("a", inputs{"availabilityZone": "x"}), subnet("a2", inputs{"availabilityZone": "x"}), subnet("b", inputs{"availabilityZone": "y"})
	in := func(subnets ...graph.Resource) graph.Resource {
		var ids []any
		for _, s := range subnets {
			ids = append(ids, idOf(s))
		}
		return group("group", inputs{"vpcZoneIdentifiers": ids})
	}
	mixed := func(types ...any) graph.Resource {
		var overrides []any
		for _, t := range types {
			overrides = append(overrides, inputs{"instanceType": t})
		}
		return group("group", inputs{"mixedInstancesPolicy": inputs{"launchTemplate": inputs{"overrides": overrides}}})
	}
	const (
		memory, mode, port = "a container's soft memory limit is not above its hard one, and neither below 6 MiB", "a service in bridge mode has no network configuration, and one with its own interfaces has one", "a container behind the load balancer in bridge mode leaves the host's port to Docker"
		daemons            = "a daemon has no count, no strategies, and states its launch type and how many tasks stay up"
		protection         = "managed termination protection needs managed scaling and a group that is protected from scale-in"
		strategy           = "a service states where it runs from its first day"
		sizes, metadata    = "a group's sizes are in order", "instance metadata asks for a token and stays on the host"
	)
	bridge, own := task("bridge", inputs{"name": "c", "memory": 6}), task("awsvpc", inputs{"name": "c", "memory": 6})
	network := inputs{"networkConfiguration": inputs{"subnets": []any{"a"}}}
	return append(functionExamples(), []example{
		{"aws-12", memory, "soft above hard", "containerDefinitions", nil, sized(384, 256), sized(256, 384)},
		{"aws-12", memory, "below Docker's least", "containerDefinitions", nil, sized(4, 5), sized(6, 6)},
		{"aws-12", memory, "none", "containerDefinitions", nil,
			definition("task", inputs{"containerDefinitions": containers(inputs{"name": "c"})}), definition("task", inputs{"memory": "64", "containerDefinitions": containers(inputs{"name": "c"})})},
		{"aws-12", mode, "bridge with one", "networkConfiguration", []graph.Resource{bridge}, on(bridge, network), on(bridge, nil)},
		{"aws-12", mode, "awsvpc without", "networkConfiguration", []graph.Resource{own}, on(own, nil), on(own, network)},
		{"aws-12", port, "no such port", "loadBalancers", []graph.Resource{bridge}, on(bridge, balanced), on(bridge, nil)},
		{"aws-12", port, "fixed", "loadBalancers", []graph.Resource{served(8443.0)}, on(served(8443.0), balanced), on(served(8443.0), nil)},
		{"aws-13", daemons, "count", "desiredCount", nil, daemon("", inputs{"desiredCount": 2.0}), daemon("", nil)},
		{"aws-13", daemons, "placement", "orderedPlacementStrategies", nil, daemon("", inputs{"orderedPlacementStrategies": []any{inputs{}}}), daemon("", nil)},
		{"aws-13", daemons, "strategy", "capacityProviderStrategies", nil, daemon("", inputs{"capacityProviderStrategies": []any{inputs{}}}), daemon("", nil)},
		{"aws-13", daemons, "no launch type", "launchType", nil, daemon("launchType", nil), daemon("", nil)},
		{"aws-13", daemons, "everywhere", "placementConstraints", nil, daemon("placementConstraints", nil), daemon("", nil)},
		{"aws-13", daemons, "all at once", "deploymentMinimumHealthyPercent", nil, daemon("deploymentMinimumHealthyPercent", nil), daemon("", nil)},
		{"aws-14", protection, "without scaling", "autoScalingGroupProvider.managedTerminationProtection", []graph.Resource{protected}, protects(protected, "DISABLED"), protects(protected, "ENABLED")},
		{"aws-14", protection, "without protection", "autoScalingGroupProvider.managedTerminationProtection", []graph.Resource{open, protected}, protects(open, "ENABLED"), protects(protected, "ENABLED")},
		{"aws-19", "hosts of a cluster state how images are kept, how soon containers go, and that tasks reach no host metadata", "defaults", "userData", nil,
			host(inputs{"userData": script("ECS_AWSVPC_BLOCK_IMDS=true")}), host(inputs{"userData": every})},
		{"aws-20", strategy, "both", "launchType", nil,
			service("service", inputs{"launchType": "EC2", "capacityProviderStrategies": []any{inputs{}}}), service("service", inputs{"capacityProviderStrategies": []any{inputs{}}})},
		{"aws-20", strategy, "neither", "capacityProviderStrategies", nil, service("service", inputs{"cluster": "c"}), service("service", inputs{"cluster": "c", "launchType": "EC2"})},
		{"aws-21", sizes, "min above max", "minSize", nil, group("group", inputs{"minSize": 3.0, "maxSize": 2.0}), group("group", inputs{"minSize": 2.0, "maxSize": 3.0})},
		{"aws-21", sizes, "desired outside", "desiredCapacity", nil,
			group("group", inputs{"minSize": 2.0, "maxSize": 3.0, "desiredCapacity": 4.0}), group("group", inputs{"minSize": 2.0, "maxSize": 3.0, "desiredCapacity": 3.0})},
		{"aws-21", sizes, "of a schedule", "desiredCapacity", nil,
			schedule("open", inputs{"minSize": 2.0, "maxSize": 3.0, "desiredCapacity": 1.0}), schedule("open", inputs{"minSize": 2.0, "maxSize": 3.0, "desiredCapacity": -1.0})},
		{"aws-21", "a group stands in at least two zones", "one zone", "vpcZoneIdentifiers", []graph.Resource{a, alsoA, b}, in(a, alsoA), in(a, b)},
		{"aws-21", "instance types of one group are of one architecture", "two", "mixedInstancesPolicy.launchTemplate.overrides", nil, mixed("r6i.large", "r7g.large"), mixed("r6i.large", "r5.large")},
		{"aws-21", metadata, "without a token", "metadataOptions.httpTokens", nil,
			template("template", inputs{"metadataOptions": inputs{"httpPutResponseHopLimit": 1.0}}), template("template", inputs{"metadataOptions": guarded})},
		{"aws-21", metadata, "two hops", "metadataOptions.httpPutResponseHopLimit", nil,
			template("template", inputs{"metadataOptions": inputs{"httpTokens": "required", "httpPutResponseHopLimit": 2.0}}), template("template", inputs{"metadataOptions": guarded})},
	}...)
}

func functionExamples() []example {
	function := func(name string, in inputs) graph.Resource { return res("aws:lambda/function:Function", name, in) }
	queue := func(name string, in inputs) graph.Resource { return res("aws:sqs/queue:Queue", name, in) }
	fifo, plain := queue("work", inputs{"fifoQueue": true, "visibilityTimeoutSeconds": 180.0}), queue("plain", inputs{})
	hasty := queue("hasty", inputs{"fifoQueue": true, "visibilityTimeoutSeconds": 60.0})
	brief := queue("brief", inputs{"fifoQueue": true, "visibilityTimeoutSeconds": 20.0})
	consumer := function("consumer", inputs{"timeout": 30.0, "reservedConcurrentExecutions": 20.0})
	feed := func(from graph.Resource, more inputs) graph.Resource {
		in := inputs{
			"eventSourceArn": arnOf(from), "functionName": arnOf(consumer), "batchSize": 10.0,
			"functionResponseTypes": []any{"ReportBatchItemFailures"}, "scalingConfig": inputs{"maximumConcurrency": 20.0},
		}
		for key, value := range more {
			in[key] = value
		}
		return res("aws:lambda/eventSourceMapping:EventSourceMapping", "feed", in)
	}
	role := func(name string) graph.Resource { return res("aws:iam/role:Role", name, inputs{"name": name}) }
	may := func(name, action string) graph.Resource {
		return res("aws:iam/rolePolicy:RolePolicy", name+"-policy", inputs{"role": name, "policy": document(inputs{"Effect": "Allow", "Action": []string{action}, "Resource": "*"})})
	}
	inVPC := func(roleName string, subnets ...any) graph.Resource {
		return function("inside", inputs{"role": arnOf(role(roleName)), "vpcConfig": inputs{"subnetIds": subnets, "securityGroupIds": []any{"sg"}}})
	}
	target := func(f graph.Resource) graph.Resource {
		return res("aws:cloudwatch/eventTarget:EventTarget", "target", inputs{"arn": arnOf(f)})
	}
	called, uncalled := function("called", inputs{}), function("uncalled", inputs{})
	permission := res("aws:lambda/permission:Permission", "called-permission", inputs{"function": called.Name, "principal": "events.amazonaws.com"})
	permission.Inputs["function"] = idOf(called)
	beside := []graph.Resource{fifo, hasty, brief, consumer}
	const (
		batches, hidden = "a FIFO queue feeds a function in batches of at most 10, without a batching window", "a queue that feeds a function hides messages for six times the function's timeout"
		scale           = "a queue's batches run 2 to 1,000 at once, within the function's reserve, and report what failed"
		limits          = "a function's timeout, memory and environment are within Lambda's limits"
		network         = "a function in a VPC has subnets, a security group and the permission to make interfaces"
	)
	return []example{
		{"aws-7", batches, "too large", "batchSize", beside, feed(fifo, inputs{"batchSize": 11.0}), feed(fifo, nil)},
		{"aws-7", batches, "window", "maximumBatchingWindowInSeconds", beside, feed(fifo, inputs{"maximumBatchingWindowInSeconds": 1.0}), feed(fifo, nil)},
		{"aws-7", hidden, "less than the timeout", "eventSourceArn", beside, feed(brief, nil), feed(fifo, nil)},
		{"aws-7", hidden, "less than six times", "eventSourceArn", beside, feed(hasty, nil), feed(fifo, nil)},
		{"aws-7", scale, "one", "scalingConfig.maximumConcurrency", beside, feed(fifo, inputs{"scalingConfig": inputs{"maximumConcurrency": 1.0}}), feed(fifo, nil)},
		{"aws-7", scale, "more than the reserve", "scalingConfig.maximumConcurrency", beside, feed(fifo, inputs{"scalingConfig": inputs{"maximumConcurrency": 21.0}}), feed(fifo, nil)},
		{"aws-7", scale, "whole batches", "functionResponseTypes", beside, feed(fifo, inputs{"functionResponseTypes": []any{}}), feed(fifo, nil)},
		{"aws-8", "a function is built for one architecture", "none", "architectures", nil,
			function("f", inputs{"runtime": "provided.al2023"}), function("f", inputs{"runtime": "provided.al2023", "architectures": []any{"arm64"}})},
		{"aws-9", limits, "timeout", "timeout", nil, function("f", inputs{"timeout": 901.0}), function("f", inputs{"timeout": 900.0})},
		{"aws-9", limits, "memory", "memorySize", nil, function("f", inputs{"memorySize": 64.0}), function("f", inputs{"memorySize": 128.0})},
		{"aws-9", limits, "environment", "environment.variables", nil,
			function("f", inputs{"environment": inputs{"variables": inputs{"A": strings.Repeat("x", 4_096)}}}), function("f", inputs{"environment": inputs{"variables": inputs{"A": strings.Repeat("x", 4_095)}}})},
		{"aws-10", network, "no subnets", "vpcConfig.subnetIds", []graph.Resource{role("maker"), may("maker", "ec2:CreateNetworkInterface")}, inVPC("maker"), inVPC("maker", "a", "b")},
		{"aws-10", network, "no permission", "role", []graph.Resource{role("maker"), may("maker", "ec2:CreateNetworkInterface"), role("other"), may("other", "logs:PutLogEvents")},
			inVPC("other", "a", "b"), inVPC("maker", "a", "b")},
		{"aws-11", "a rule that calls a function is let in by it", "not let in", "arn", []graph.Resource{called, uncalled, permission}, target(uncalled), target(called)},
		{"aws-37", "a function's own dead-letter queue is a standard queue", "FIFO", "deadLetterConfig.targetArn", []graph.Resource{fifo, plain},
			function("f", inputs{"deadLetterConfig": inputs{"targetArn": arnOf(fifo)}}), function("f", inputs{"deadLetterConfig": inputs{"targetArn": arnOf(plain)}})},
	}
}
