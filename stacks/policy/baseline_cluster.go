package policy

import (
	"strings"

	"workerfleet/stacks/graph"
)

const (
	ecsClusterType       = "aws:ecs/cluster:Cluster"
	clusterProvidersType = "aws:ecs/clusterCapacityProviders:ClusterCapacityProviders"
	scalingTargetType    = "aws:appautoscaling/target:Target"
)

func clusterBaseline(asked Asked) []Rule {
	cluster, service := of(ecsClusterType), of(taskServiceType)
	large := unless(asked.Users >= 10_000, "binds "+fromTenThousandUsers)
	const exec = "configuration.executeCommandConfiguration."
	return []Rule{
		{Row: 39, Title: "a cluster measures its containers", Types: cluster, Refs: refs("SH ECS.12; CKV_AWS_65; AwsSolutions-ECS4; AWS-0034"), Check: checkContainerInsights},
		{Row: 40, Title: "what is done in a container's shell is logged", Types: cluster, Refs: refs("CKV_AWS_223"), Check: each(exec+"logging", func(value any) string {
			if value == "NONE" {
				return "is NONE; wanted: DEFAULT or OVERRIDE"
			}
			return ""
		})},
		{Row: 41, Title: "a shell into a container is encrypted, and its log too, where a service allows one", Types: cluster, Only: anyShell, Refs: refs("CKV_AWS_224"),
			Check: every(stated(exec+"kmsKeyId"), be(exec+"logConfiguration.cloudWatchEncryptionEnabled", true))},
		{Row: 46, Title: "a task has no public address", Types: service, Only: stated("networkConfiguration"), Refs: refs("SH ECS.2; CKV_AWS_333"), Check: be("networkConfiguration.assignPublicIp", nil, false)},
		{Row: 47, Title: "nobody opens a shell in a container", Types: service, Off: large, Refs: refs("house"), Check: be("enableExecuteCommand", nil, false)},
		{Row: 48, Title: "a deployment that fails goes back by itself", Types: service, Refs: refs("house"), Check: every(be("deploymentCircuitBreaker.enable", true), be("deploymentCircuitBreaker.rollback", true))},
		{Row: 49, Title: "a service names capacity providers or a launch type, not both", Types: service, Only: some("capacityProviderStrategies"), Refs: refs("AWS API"), Check: unstated("launchType")},
		{Row: 50, Title: "an update leaves the count of tasks to the autoscaler", Types: service, Only: autoscaled, Refs: refs("house"), Check: ignores("desiredCount")},
		{Row: 51, Title: "a service's tasks carry its tags", Types: service, Refs: refs("SH ECS.13; SH ECS.14; SH ECS.15"), Check: every(be("propagateTags", "SERVICE", "TASK_DEFINITION"), be("enableEcsManagedTags", true))},
		{Row: 52, Title: "a Fargate service runs on the latest platform", Types: service, Only: be("launchType", "FARGATE"), Refs: refs("SH ECS.10; CKV_AWS_332"), Check: be("platformVersion", nil, "LATEST")},
		{Row: 53, Title: "a service goes before its cluster's capacity providers do", Types: service, Refs: refs("house"), Check: func(g *graph.Graph, r graph.Resource) []Finding {
			if reaches(g, r, clusterProvidersType) {
				return nil
			}
			return []Finding{finding("dependsOn", "reaches no %s; wanted: one", clusterProvidersType)}
		}},
	}
}

func checkContainerInsights(_ *graph.Graph, r graph.Resource) []Finding {
	for _, at := range spots(r, "settings.*") {
		setting, _ := at.value.(map[string]any)
		if at.value == graph.Unknown || setting["value"] == graph.Unknown {
			return []Finding{undecided(at.path)}
		}
		if setting["name"] == "containerInsights" && (setting["value"] == "enabled" || setting["value"] == "enhanced") {
			return nil
		}
	}
	return []Finding{finding("settings", "has no containerInsights; wanted: enabled or enhanced")}
}

// anyShell is about clusters of a stack in which some service allows a shell.
func anyShell(g *graph.Graph, _ graph.Resource) []Finding {
	for _, service := range g.OfType(taskServiceType) {
		if service.Flag("enableExecuteCommand") {
			return nil
		}
	}
	return []Finding{finding("enableExecuteCommand", "is set by no service")}
}

// autoscaled is about services that an autoscaler counts: its target names service/<cluster>/<service>.
func autoscaled(g *graph.Graph, r graph.Resource) []Finding {
	answer := finding("Target.resourceId", "names no autoscaler's target")
	for _, target := range g.OfType(scalingTargetType) {
		if valueAt(target, "resourceId") == graph.Unknown || r.PhysicalName() == "" {
			answer.Undecided = true
		} else if strings.HasPrefix(target.Text("resourceId"), "service/") && strings.HasSuffix(target.Text("resourceId"), "/"+r.PhysicalName()) {
			return nil
		}
	}
	return []Finding{answer}
}
