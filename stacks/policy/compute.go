package policy

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"workerfleet/stacks/graph"
)

const (
	hostGroupType    = "aws:autoscaling/group:Group"
	hostTemplateType = "aws:ec2/launchTemplate:LaunchTemplate"
	capacityType     = "aws:ecs/capacityProvider:CapacityProvider"
	taskServiceType  = "aws:ecs/service:Service"
	taskType         = "aws:ecs/taskDefinition:TaskDefinition"
)

// Limits of containers and groups (aws-facts: ecs.mem.min, docker.bridge.ports, asg.zones).
const (
	fewestContainerMiB = 6
	fewestSubnets      = 2
)

func computeRules() []Rule {
	return []Rule{
		{ID: "aws-12", Title: "a container's soft memory limit is not above its hard one, and neither below 6 MiB", Types: []string{taskType}, Check: checkMemory},
		{ID: "aws-12", Title: "a service in bridge mode has no network configuration, and one with its own interfaces has one", Types: []string{taskServiceType}, Check: checkNetworkMode},
		{ID: "aws-12", Title: "a container behind the load balancer in bridge mode leaves the host's port to Docker", Types: []string{taskServiceType}, Check: checkHostPort},
		{ID: "aws-13", Title: "a daemon has no count, no strategies, and states its launch type and how many tasks stay up", Types: []string{taskServiceType}, Check: checkDaemon},
		{ID: "aws-14", Title: "managed termination protection needs managed scaling and a group that is protected from scale-in", Types: []string{capacityType}, Check: checkTerminationProtection},
		{ID: "aws-19", Title: "hosts of a cluster state how images are kept, how soon containers go, and that tasks reach no host metadata", Types: []string{hostTemplateType}, Check: checkHostSettings},
		{ID: "aws-20", Title: "a service states where it runs from its first day", Types: []string{taskServiceType}, Check: checkStrategy},
		{ID: "aws-21", Title: "a group's sizes are in order", Types: []string{hostGroupType, "aws:autoscaling/schedule:Schedule"}, Check: checkSizes},
		{ID: "aws-21", Title: "a group stands in at least two zones", Types: []string{hostGroupType}, Check: checkZones},
		{ID: "aws-21", Title: "instance types of one group are of one architecture", Types: []string{hostGroupType}, Check: checkArchitectures},
		{ID: "aws-21", Title: "instance metadata asks for a token and stays on the host", Types: []string{hostTemplateType}, Check: checkMetadata},
	}
}

// definedContainers returns the container definitions of a task definition; none while they are not known.
func definedContainers(r graph.Resource) []map[string]any {
	var found []map[string]any
	if json.Unmarshal([]byte(r.Text("containerDefinitions")), &found) != nil {
		return nil
	}
	return found
}

func checkMemory(_ *graph.Graph, r graph.Resource) []Finding {
	var findings []Finding
	for _, c := range definedContainers(r) {
		soft, softStated := c["memoryReservation"].(float64)
		hard, hardStated := c["memory"].(float64)
		switch {
		case softStated && hardStated && soft > hard:
			findings = append(findings, finding("containerDefinitions", "ClientException: Invalid setting for container '%v'. The memory reservation %.0f is above the memory limit %.0f", c["name"], soft, hard))
		case softStated && soft < fewestContainerMiB || hardStated && hard < fewestContainerMiB:
			findings = append(findings, finding("containerDefinitions", "ClientException: Invalid setting for container '%v'. At least %d MiB; found %.0f and %.0f", c["name"], fewestContainerMiB, soft, hard))
		case !softStated && !hardStated && r.Text("memory") == "":
			findings = append(findings, finding("containerDefinitions", "ClientException: Invalid setting for container '%v'. At least one of 'memory' or 'memoryReservation' must be specified", c["name"]))
		}
	}
	return findings
}

func checkNetworkMode(g *graph.Graph, r graph.Resource) []Finding {
	definition, found := g.Refers(taskType, r.Value("taskDefinition"))
	if !found {
		return nil
	}
	configured := r.Value("networkConfiguration") != nil
	if own := definition.Text("networkMode") == "awsvpc"; own != configured {
		return []Finding{finding("networkConfiguration", "InvalidParameterException: Network Configuration must be provided when networkMode 'awsvpc' is specified, and not otherwise: %q has the mode %q", definition.Name, definition.Text("networkMode"))}
	}
	return nil
}

func checkHostPort(g *graph.Graph, r graph.Resource) []Finding {
	definition, found := g.Refers(taskType, r.Value("taskDefinition"))
	if !found || definition.Text("networkMode") == "awsvpc" {
		return nil
	}
	var findings []Finding
	for _, balancer := range listed(r.Value("loadBalancers")) {
		wanted, _ := balancer.(map[string]any)
		mapped, dynamic := false, false
		for _, c := range definedContainers(definition) {
			for _, mapping := range listed(c["portMappings"]) {
				port, _ := mapping.(map[string]any)
				if c["name"] == wanted["containerName"] && port["containerPort"] == wanted["containerPort"] {
					mapped, dynamic = true, port["hostPort"] == nil || port["hostPort"] == 0.0
				}
			}
		}
		switch {
		case !mapped && definedContainers(definition) != nil:
			findings = append(findings, finding("loadBalancers", "InvalidParameterException: The container %v did not have a container port %v defined.", wanted["containerName"], wanted["containerPort"]))
		case mapped && !dynamic:
			findings = append(findings, finding("loadBalancers", "nothing, but a fixed host port lets one task of %q on a host, and a deployment waits for one that is free; allowed: host port 0", definition.Name))
		}
	}
	return findings
}

func checkDaemon(_ *graph.Graph, r graph.Resource) []Finding {
	if r.Text("schedulingStrategy") != "DAEMON" {
		return nil
	}
	var findings []Finding
	for _, property := range []string{"desiredCount", "orderedPlacementStrategies", "capacityProviderStrategies"} {
		if r.Value(property) != nil {
			findings = append(findings, finding(property, "InvalidParameterException: The daemon scheduling strategy does not support %s.", property))
		}
	}
	if r.Value("launchType") == nil {
		findings = append(findings, finding("launchType", "InvalidParameterException: the cluster's default capacity provider strategy would be inherited, which a daemon does not take; allowed: launchType EC2"))
	}
	if r.Value("placementConstraints") == nil {
		findings = append(findings, finding("placementConstraints", "nothing, but a task would run on every host of the cluster; allowed: a constraint on an attribute of its hosts"))
	}
	if r.Value("deploymentMinimumHealthyPercent") == nil {
		findings = append(findings, finding("deploymentMinimumHealthyPercent", "nothing, but its default is 0: a deployment may stop every task at once"))
	}
	return findings
}

func checkTerminationProtection(g *graph.Graph, r graph.Resource) []Finding {
	if r.Text("autoScalingGroupProvider.managedTerminationProtection") != "ENABLED" {
		return nil
	}
	if status := r.Text("autoScalingGroupProvider.managedScaling.status"); status != "ENABLED" {
		return []Finding{finding("autoScalingGroupProvider.managedTerminationProtection", "ClientException: The specified capacity provider configuration is invalid. Managed termination protection requires managed scaling; its status is %q", status)}
	}
	if group, found := g.Refers(hostGroupType, r.Value("autoScalingGroupProvider.autoScalingGroupArn")); found && !group.Flag("protectFromScaleIn") {
		return []Finding{finding("autoScalingGroupProvider.managedTerminationProtection", "ClientException: The managed termination protection setting for the capacity provider is invalid. To enable it, the Auto Scaling group %q must have instance protection from scale in enabled", group.Name)}
	}
	return nil
}

func checkHostSettings(_ *graph.Graph, r graph.Resource) []Finding {
	script, err := base64.StdEncoding.DecodeString(r.Text("userData"))
	if err != nil || !strings.Contains(string(script), "ECS_CLUSTER=") {
		return nil
	}
	var missing []string
	for _, setting := range []string{
		"ECS_AWSVPC_BLOCK_IMDS=true", "ECS_ENGINE_TASK_CLEANUP_WAIT_DURATION=", "ECS_IMAGE_CLEANUP_INTERVAL=", "ECS_IMAGE_PULL_BEHAVIOR=prefer-cached", "ECS_RESERVED_MEMORY=",
	} {
		if !strings.Contains(string(script), "\n"+setting) {
			missing = append(missing, setting)
		}
	}
	if len(missing) == 0 {
		return nil
	}
	return []Finding{finding("userData", "nothing, but the ECS agent's defaults are for a few containers a host: %s is not stated", strings.Join(missing, ", "))}
}

func checkStrategy(_ *graph.Graph, r graph.Resource) []Finding {
	strategies, launchType := r.Value("capacityProviderStrategies"), r.Value("launchType")
	if strategies == any(graph.Unknown) || launchType == any(graph.Unknown) {
		return nil
	}
	switch {
	case strategies != nil && launchType != nil:
		return []Finding{finding("launchType", "InvalidParameterException: Specifying both a launch type and capacity provider strategy is not supported. Remove one and try again.")}
	case strategies == nil && launchType == nil && r.Text("cluster") != "":
		return []Finding{finding("capacityProviderStrategies", "nothing, but a service that gets its first strategy later is replaced by it; allowed: a strategy, or a launch type for a daemon")}
	}
	return nil
}

func checkSizes(_ *graph.Graph, r graph.Resource) []Finding {
	least, leastStated := r.Number("minSize")
	most, mostStated := r.Number("maxSize")
	desired, desiredStated := r.Number("desiredCapacity")
	// A scheduled action leaves a size of -1 as it is.
	unchanged := func(size float64) bool { return size == -1 }
	if leastStated && mostStated && least > most && !unchanged(most) {
		return []Finding{finding("minSize", "ValidationError: Max bound, %.0f, must be greater than or equal to min bound, %.0f", most, least)}
	}
	if desiredStated && !unchanged(desired) && (leastStated && desired < least || mostStated && desired > most && !unchanged(most)) {
		return []Finding{finding("desiredCapacity", "ValidationError: Desired capacity:%.0f must be between the specified min size:%.0f and max size:%.0f", desired, least, most)}
	}
	return nil
}

func checkZones(g *graph.Graph, r graph.Resource) []Finding {
	subnets, known := r.Value("vpcZoneIdentifiers").([]any)
	if !known {
		return nil
	}
	zones := map[string]bool{}
	for i, id := range subnets {
		zone := fmt.Sprint(i) // of a subnet that is not known yet, taken for one of its own
		if subnet, found := g.Refers(subnetType, id); found {
			zone = subnet.Text("availabilityZone")
		}
		zones[zone] = true
	}
	if len(zones) < fewestSubnets {
		return []Finding{finding("vpcZoneIdentifiers", "nothing, but the group stands in %d zone: its loss is the loss of every host; allowed: at least %d", len(zones), fewestSubnets)}
	}
	return nil
}

// armFamily says whether an instance type is of a Graviton family: a g after the generation, as in r7g or c6gn.
func armFamily(instanceType string) bool {
	family, _, _ := strings.Cut(instanceType, ".")
	digits := strings.IndexAny(family, "0123456789")
	return digits >= 0 && strings.HasPrefix(strings.TrimLeft(family[digits:], "0123456789"), "g")
}

func checkArchitectures(g *graph.Graph, r graph.Resource) []Finding {
	var types []string
	for _, override := range listed(r.Value("mixedInstancesPolicy.launchTemplate.overrides")) {
		if object, ok := override.(map[string]any); ok {
			if name, ok := object["instanceType"].(string); ok {
				types = append(types, name)
			}
		}
	}
	template, found := g.Refers(hostTemplateType, r.Value("mixedInstancesPolicy.launchTemplate.launchTemplateSpecification.launchTemplateId"))
	if name := template.Text("instanceType"); found && name != "" {
		types = append(types, name)
	}
	arm := slices.IndexFunc(types, armFamily)
	x86 := slices.IndexFunc(types, func(name string) bool { return !armFamily(name) })
	if arm < 0 || x86 < 0 {
		return nil
	}
	return []Finding{finding("mixedInstancesPolicy.launchTemplate.overrides", "ValidationError: Incompatible instance types: %s is ARM, %s is x86_64, and an image is of one architecture", types[arm], types[x86])}
}

func checkMetadata(_ *graph.Graph, r graph.Resource) []Finding {
	if r.Value("metadataOptions") == any(graph.Unknown) {
		return nil
	}
	if tokens := r.Text("metadataOptions.httpTokens"); tokens != "required" {
		return []Finding{finding("metadataOptions.httpTokens", "nothing, but %q answers whoever can make a host ask; allowed: required", tokens)}
	}
	if hops, stated := r.Number("metadataOptions.httpPutResponseHopLimit"); !stated || hops != 1 {
		return []Finding{finding("metadataOptions.httpPutResponseHopLimit", "nothing, but an answer that may travel %.0f hops reaches containers; allowed: 1", hops)}
	}
	return nil
}
