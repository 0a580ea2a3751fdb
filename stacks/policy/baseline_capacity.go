package policy

import (
	"regexp"
	"slices"
	"strings"

	"workerfleet/stacks/graph"
)

const (
	settingType = "aws:ecs/accountSettingDefault:AccountSettingDefault"
)

// secretText is what a credential looks like in a script: an access key, a private key, a password written out.
var secretText = regexp.MustCompile(`\b(AKIA|ASIA)[0-9A-Z]{16}\b|-----BEGIN [A-Z ]*PRIVATE KEY-----|(?i)(password|passwd|secret_access_key|auth_token)\s*[=:]\s*["']?[A-Za-z0-9/+_.-]{8,}`)

func capacityBaseline() []Rule {
	template, group := of(hostTemplateType), of(hostGroupType)
	const disk = "blockDeviceMappings.*.ebs."
	return []Rule{
		{Row: 20, Title: "instance metadata takes session tokens only", Types: template, Refs: refs("SH EC2.170; SH EC2.8; SH AutoScaling.3; CIS 5.7; CKV_AWS_79; AWS-0130"), Check: be("metadataOptions.httpTokens", "required")},
		{Row: 21, Title: "instance metadata is one hop away and no more", Types: template, Refs: refs("SH AutoScaling.4; CKV_AWS_341"), Check: be("metadataOptions.httpPutResponseHopLimit", 1)},
		{Row: 22, Title: "a host has no public address", Types: template, Refs: refs("SH EC2.25; SH EC2.9; SH AutoScaling.5; CKV_AWS_88; AWS-0009"), Check: be("networkInterfaces.*.associatePublicIpAddress", nil, false)},
		{Row: 23, Title: "every disk of a host is encrypted", Types: template, Refs: refs("SH EC2.181; SH EC2.3; AWS-0008; AwsSolutions-EC26"), Check: every(some("blockDeviceMappings"), be(disk+"encrypted", true))},
		{Row: 24, Title: "every disk of a host is encrypted with a key of ours", Types: template, Refs: refs("CKV_AWS_189; AWS-0027"), Check: every(some("blockDeviceMappings"), stated(disk+"kmsKeyId"))},
		{Row: 25, Title: "every disk of a host is gp3", Types: template, Refs: refs("house"), Check: every(some("blockDeviceMappings"), be(disk+"volumeType", "gp3"))},
		{Row: 26, Title: "hosts are watched every minute", Types: template, Refs: refs("AwsSolutions-EC28; CKV_AWS_126"), Check: be("monitoring.enabled", true)},
		{Row: 27, Title: "no host starts with a credential in its script", Types: template, Refs: refs("CKV_AWS_46; AWS-0029; AWS-0129"), Check: checkUserDataSecrets},
		{Row: 28, Title: "a host has a role", Types: template, Refs: refs("CIS 1.17; CKV2_AWS_41"), Check: either(stated("iamInstanceProfile.arn"), stated("iamInstanceProfile.name"))},
		{Row: 29, Title: "nobody signs in to a host by SSH", Types: template, Refs: refs("house"), Check: unstated("keyName")},
		{Row: 30, Title: "tasks with an address of their own do not reach instance metadata", Types: template, Refs: refs("house"), Check: checkMetadataBlocked},
		{Row: 31, Title: "a group launches from a template", Types: group, Refs: refs("SH AutoScaling.9; CKV_AWS_315"), Check: every(unstated("launchConfiguration"), either(stated("launchTemplate"), stated("mixedInstancesPolicy")))},
		{Row: 32, Title: "a group spreads over two zones", Types: group, Refs: refs("SH AutoScaling.2"), Check: inTwoZones("vpcZoneIdentifiers")},
		{Row: 33, Title: "a group has a second instance type to fall back on", Types: group, Refs: refs("SH AutoScaling.6"), Check: checkInstanceTypes},
		{Row: 34, Title: "a group behind a load balancer asks it who is healthy", Types: group, Only: some("targetGroupArns"), Refs: refs("SH AutoScaling.1; CKV2_AWS_15; AwsSolutions-AS2"), Check: be("healthCheckType", "ELB")},
		{Row: 35, Title: "a group tags the instances that it launches: default tags do not reach them", Types: group, Refs: refs("CKV_AWS_153"), Check: every(some("tags"), be("tags.*.propagateAtLaunch", true))},
		{Row: 36, Title: "a group names a numbered version of its template: $Latest never starts a refresh", Types: group, Refs: refs("house"), Check: every(
			templateVersion("launchTemplate"), templateVersion("mixedInstancesPolicy.launchTemplate.launchTemplateSpecification"))},
		{Row: 37, Title: "a refresh replaces protected instances too", Types: group, Only: every(be("protectFromScaleIn", true), stated("instanceRefresh")), Refs: refs("house"), Check: be("instanceRefresh.preferences.scaleInProtectedInstances", "Refresh")},
		{Row: 38, Title: "an update leaves the count of hosts to the capacity provider", Types: group, Only: pointedAt(capacityType, "autoScalingGroupProvider.autoScalingGroupArn", nil), Refs: refs("house"), Check: ignores("desiredCapacity")},

		{Row: 42, Title: "no host with tasks is scaled in", Types: of(capacityType), Refs: refs("SH ECS.19"), Check: be("autoScalingGroupProvider.managedTerminationProtection", "ENABLED")},
		{Row: 43, Title: "termination protection comes with managed scaling and protection in the group", Types: of(capacityType), Only: be("autoScalingGroupProvider.managedTerminationProtection", "ENABLED"), Refs: refs("AWS documentation"),
			Check: every(be("autoScalingGroupProvider.managedScaling.status", "ENABLED"), referred("autoScalingGroupProvider.autoScalingGroupArn", hostGroupType, be("protectFromScaleIn", true)))},
		{Row: 44, Title: "a capacity provider's name does not start with aws, ecs or fargate", Types: of(capacityType), Refs: refs("AWS API"), Check: checkCapacityProviderName},
		{Row: 45, Title: "a host is drained before it goes", Types: of(capacityType), Refs: refs("house"), Check: be("autoScalingGroupProvider.managedDraining", "ENABLED")},
		{Row: 67, Title: "network interfaces are trunked before a group starts hosts", Types: group, Refs: refs("house"), Check: checkTrunking},
	}
}

func checkUserDataSecrets(_ *graph.Graph, r graph.Resource) []Finding {
	text, known := userData(r)
	if !known {
		return []Finding{undecided("userData")}
	}
	if secretText.MatchString(text) {
		return []Finding{finding("userData", "holds what looks like a credential; wanted: a role, or a reference to a secret")}
	}
	return nil
}

func checkMetadataBlocked(_ *graph.Graph, r graph.Resource) []Finding {
	text, known := userData(r)
	if !known {
		return []Finding{undecided("userData")}
	}
	if !strings.Contains(text, "ECS_AWSVPC_BLOCK_IMDS=true") {
		return []Finding{finding("userData", "does not set ECS_AWSVPC_BLOCK_IMDS=true")}
	}
	return nil
}

func checkInstanceTypes(_ *graph.Graph, r graph.Resource) []Finding {
	const overrides = "mixedInstancesPolicy.launchTemplate.overrides"
	types := map[string]bool{}
	for _, at := range spots(r, overrides+".*.instanceType") {
		if at.value == graph.Unknown {
			return []Finding{undecided(at.path)}
		}
		types[shown(at.value)] = true
	}
	for _, at := range spots(r, overrides+".*.instanceRequirements") {
		if !empty(at.value) {
			return nil
		}
	}
	if len(types) < 2 {
		return []Finding{finding(overrides, "name %d instance types; wanted: 2 or more", len(types))}
	}
	return nil
}

// templateVersion judges a reference to a template if one stands at the path.
func templateVersion(path string) check {
	return func(g *graph.Graph, r graph.Resource) []Finding {
		if valueAt(r, path) == nil {
			return nil
		}
		return each(path+".version", func(value any) string {
			if _, numbered := number(value); numbered {
				return ""
			}
			return "is " + shown(value) + "; wanted: the number of a version"
		})(g, r)
	}
}

// ignores wants an update to leave a property alone.
func ignores(property string) check {
	return func(_ *graph.Graph, r graph.Resource) []Finding {
		if slices.Contains(r.Options.IgnoreChanges, property) {
			return nil
		}
		return []Finding{finding(property, "is changed by updates; wanted: %s among ignoreChanges", property)}
	}
}

// referred judges the resource that an input names.
func referred(path, token string, judge check) check {
	return func(g *graph.Graph, r graph.Resource) []Finding {
		if valueAt(r, path) == graph.Unknown {
			return []Finding{undecided(path)}
		}
		target, found := g.Refers(token, valueAt(r, path))
		if !found {
			return []Finding{finding(path, "names nothing of this stack; wanted: %s", token)}
		}
		findings := judge(g, target)
		for i := range findings {
			findings[i].Says = target.Name + "'s " + findings[i].Property + " " + findings[i].Says
			findings[i].Property = path
		}
		return findings
	}
}

func checkTrunking(g *graph.Graph, r graph.Resource) []Finding {
	unsure := false
	for _, setting := range g.OfType(settingType) {
		unsure = unsure || valueAt(setting, "name") == graph.Unknown || valueAt(setting, "value") == graph.Unknown
		if setting.Text("name") == "awsvpcTrunking" && setting.Text("value") == "enabled" && slices.Contains(r.Options.DependsOn, setting.URN) {
			return nil
		}
	}
	answer := finding("dependsOn", "names no account setting awsvpcTrunking = enabled; wanted: one")
	answer.Undecided = unsure
	return []Finding{answer}
}
