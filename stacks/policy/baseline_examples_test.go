package policy_test

import (
	"encoding/json"
	"slices"

	"workerfleet/stacks/graph"
)

// judgements are the examples of every row.
func judgements() []judgement {
	return slices.Concat(
		networkJudgements(), capacityJudgements(), clusterJudgements(), containerJudgements(), registryJudgements(), messagingJudgements(),
		cacheJudgements(), databaseJudgements(), edgeJudgements(), functionJudgements(), identityJudgements(), dataJudgements(), stackJudgements(),
	)
}

type resources = []graph.Resource

// broken is a resource that fails a row when some inputs are changed, beside others.
func broken(row int, property string, r graph.Resource, values inputs, beside ...graph.Resource) judgement {
	return judgement{row, property, append(resources{change(r, values)}, beside...), append(resources{r}, beside...)}
}

// lonely is a resource that fails a row for want of the ones beside it.
func lonely(row int, property string, r graph.Resource, beside ...graph.Resource) judgement {
	return judgement{row, property, resources{r}, append(resources{r}, beside...)}
}

// text writes a JSON text.
func text(value any) string {
	written, err := json.Marshal(value)
	if err != nil {
		panic(err)
	}
	return string(written)
}

func depending(r graph.Resource, on ...graph.Resource) graph.Resource {
	for _, one := range on {
		r.Options.DependsOn = append(r.Options.DependsOn, one.URN)
	}
	return r
}

// Two zones with a subnet each, and everything of a network that other rows need.
var (
	theVpc  = res("aws:ec2/vpc:Vpc", "net-vpc", inputs{"cidrBlock": "10.0.0.0/16", "enableDnsSupport": true, "enableDnsHostnames": true})
	subnetA = res("aws:ec2/subnet:Subnet", "net-a", inputs{"vpcId": idOf(theVpc), "availabilityZone": "ap-southeast-1a", "mapPublicIpOnLaunch": false})
	subnetB = res("aws:ec2/subnet:Subnet", "net-b", inputs{"vpcId": idOf(theVpc), "availabilityZone": "ap-southeast-1b", "mapPublicIpOnLaunch": false})
	subnetC = res("aws:ec2/subnet:Subnet", "net-c", inputs{"vpcId": idOf(theVpc), "availabilityZone": "ap-southeast-1a", "mapPublicIpOnLaunch": false})
	theKey  = res("aws:kms/key:Key", "keys-data", inputs{"enableKeyRotation": true, "deletionWindowInDays": 30.0, "isEnabled": true, "policy": document(inputs{
		"Effect": "Allow", "Action": "kms:*", "Resource": "*", "Principal": inputs{"AWS": "arn:aws:iam::111122223333:root"},
	})})
	bothZones = []any{idOf(subnetA), idOf(subnetB)}
	oneZone   = []any{idOf(subnetA), idOf(subnetC)}
	zones     = resources{theVpc, subnetA, subnetB, subnetC}
)

func networkJudgements() []judgement {
	group := res("aws:ec2/securityGroup:SecurityGroup", "edge-group", inputs{"description": "Reaches the load balancer"})
	balancer := func(internal bool) graph.Resource {
		return res("aws:lb/loadBalancer:LoadBalancer", "edge", inputs{"internal": internal, "securityGroups": []any{idOf(group)}})
	}
	rule := res("aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule", "edge-in", inputs{
		"securityGroupId": idOf(group), "cidrIpv4": "0.0.0.0/0", "ipProtocol": "tcp", "fromPort": 443.0, "toPort": 443.0, "description": "HTTPS",
	})
	inside := change(rule, inputs{"cidrIpv4": "10.0.0.0/16"})
	inline := res("aws:ec2/securityGroup:SecurityGroup", "inline", inputs{"description": "d", "ingress": []any{
		inputs{"protocol": "tcp", "fromPort": 443.0, "toPort": 443.0, "cidrBlocks": []any{"10.0.0.0/16"}},
	}})
	cache := res("aws:elasticache/replicationGroup:ReplicationGroup", "cache", inputs{"securityGroupIds": []any{idOf(group)}})
	egress := res("aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule", "cache-out", inputs{"securityGroupId": idOf(group), "cidrIpv4": "10.0.0.0/16", "ipProtocol": "-1", "description": "d"})
	flow := res("aws:ec2/flowLog:FlowLog", "net-flow", inputs{"vpcId": idOf(theVpc), "trafficType": "ALL", "logDestination": "arn"})
	closed := res("aws:ec2/defaultSecurityGroup:DefaultSecurityGroup", "net-default", inputs{"vpcId": idOf(theVpc)})
	endpoint := func(service string) graph.Resource {
		return res("aws:ec2/vpcEndpoint:VpcEndpoint", "net-"+service, inputs{
			"vpcId": idOf(theVpc), "vpcEndpointType": "Interface", "serviceName": "com.amazonaws.ap-southeast-1." + service, "privateDnsEnabled": true, "subnetIds": bothZones,
		})
	}
	endpoints := func(services ...string) resources {
		var found resources
		for _, service := range services {
			found = append(found, endpoint(service))
		}
		return found
	}
	all := endpoints("ecr.api", "ecr.dkr", "logs", "sqs", "secretsmanager", "kms", "ecs", "ecs-agent", "ecs-telemetry")
	route := res("aws:ec2/route:Route", "net-out", inputs{"routeTableId": "rtb-1", "natGatewayId": "nat-1"})
	storage := res("aws:ec2/vpcEndpoint:VpcEndpoint", "net-s3", inputs{"vpcId": idOf(theVpc), "vpcEndpointType": "Gateway", "serviceName": "com.amazonaws.ap-southeast-1.s3", "routeTableIds": []any{"rtb-1"}})
	gateway := func(subnet graph.Resource) graph.Resource {
		return res("aws:ec2/natGateway:NatGateway", "nat-"+subnet.Name, inputs{"subnetId": idOf(subnet)})
	}
	list := res("aws:ec2/networkAclRule:NetworkAclRule", "acl", inputs{"egress": false, "protocol": "tcp", "ruleAction": "allow", "cidrBlock": "0.0.0.0/0", "fromPort": 443.0, "toPort": 443.0})
	whole := res("aws:ec2/networkAcl:NetworkAcl", "acl", inputs{"ingress": []any{inputs{"action": "deny", "protocol": "-1", "cidrBlock": "0.0.0.0/0"}}})
	return []judgement{
		lonely(1, "FlowLog.vpcId", theVpc, flow),
		{1, "FlowLog.trafficType", resources{theVpc, change(flow, inputs{"trafficType": "ACCEPT"})}, resources{theVpc, flow}},
		lonely(2, "DefaultSecurityGroup.vpcId", theVpc, closed),
		{2, "DefaultSecurityGroup.ingress", resources{theVpc, change(closed, inputs{"ingress": []any{inputs{"protocol": "-1"}}})}, resources{theVpc, closed}},
		broken(3, "mapPublicIpOnLaunch", subnetA, inputs{"mapPublicIpOnLaunch": true}),
		broken(4, "enableDnsHostnames", theVpc, inputs{"enableDnsHostnames": nil}),
		{5, "type", resources{res("aws:ec2/defaultVpc:DefaultVpc", "default", inputs{})}, nil},
		{6, "cidrIpv4", resources{change(rule, inputs{"toPort": 8443.0}), group, balancer(false)}, resources{rule, group, balancer(false)}},
		{6, "cidrIpv4", resources{rule, group, balancer(true)}, resources{inside, group, balancer(true)}},
		broken(6, "ingress.0.cidrBlocks", inline, inputs{"ingress.0.cidrBlocks": []any{"0.0.0.0/0"}}),
		broken(7, "cidrIpv4", rule, inputs{"fromPort": 0.0, "toPort": 65535.0}),
		broken(7, "ingress.0.ipv6CidrBlocks", inline, inputs{"ingress.0.ipv6CidrBlocks": []any{"::/0"}, "ingress.0.cidrBlocks": nil, "ingress.0.protocol": "-1"}),
		broken(8, "cidrIpv4", inside, inputs{"ipProtocol": "-1"}),
		broken(9, "cidrIpv4", egress, inputs{"cidrIpv4": "0.0.0.0/0"}, group, cache),
		broken(10, "description", group, inputs{"description": nil}),
		broken(10, "description", group, inputs{"description": "Managed by Pulumi"}),
		broken(11, "description", rule, inputs{"description": nil}),
		lonely(12, "id", group, balancer(false)),
		{12, "id", resources{group, rule}, resources{group, rule, balancer(false)}},
		lonely(13, "VpcEndpoint.serviceName", theVpc, all...),
		{13, "VpcEndpoint.serviceName", append(resources{theVpc}, all[1:]...), append(resources{theVpc}, all...)},
		lonely(14, "VpcEndpoint.serviceName", theVpc, endpoints("ssm", "ssmmessages", "ec2messages")...),
		lonely(15, "VpcEndpoint.serviceName", theVpc, endpoint("ec2")),
		lonely(16, "VpcEndpoint.routeTableIds", theVpc, storage),
		{16, "VpcEndpoint.routeTableIds", resources{theVpc, change(storage, inputs{"routeTableIds": []any{"rtb-2"}}), route}, resources{theVpc, storage, route}},
		broken(17, "privateDnsEnabled", endpoint("ssm"), inputs{"privateDnsEnabled": nil}, zones...),
		broken(17, "subnetIds", endpoint("ssm"), inputs{"subnetIds": oneZone}, zones...),
		broken(18, "cidrBlock", list, inputs{"fromPort": 0.0}),
		broken(18, "ingress.0.cidrBlock", whole, inputs{"ingress.0.action": "allow"}),
		{19, "NatGateway.subnetId", append(slices.Clone(zones), gateway(subnetA)), append(slices.Clone(zones), gateway(subnetA), gateway(subnetB))},
	}
}

func capacityJudgements() []judgement {
	template := res("aws:ec2/launchTemplate:LaunchTemplate", "hosts-template", inputs{
		"metadataOptions":     inputs{"httpTokens": "required", "httpPutResponseHopLimit": 1.0},
		"networkInterfaces":   []any{inputs{"associatePublicIpAddress": "false"}},
		"blockDeviceMappings": []any{inputs{"ebs": inputs{"encrypted": "true", "kmsKeyId": arnOf(theKey), "volumeType": "gp3"}}},
		"monitoring":          inputs{"enabled": true}, "iamInstanceProfile": inputs{"arn": "arn:aws:iam::1:instance-profile/p"},
		"userData": "IyEvYmluL3NoCmVjaG8gRUNTX0FXU1ZQQ19CTE9DS19JTURTPXRydWUgPj4gL2V0Yy9lY3MvZWNzLmNvbmZpZwo=",
	})
	group := res("aws:autoscaling/group:Group", "hosts-group", inputs{
		"mixedInstancesPolicy": inputs{"launchTemplate": inputs{
			"launchTemplateSpecification": inputs{"launchTemplateId": "lt-1", "version": "3"},
			"overrides":                   []any{inputs{"instanceType": "r6i.large"}, inputs{"instanceType": "r6a.large"}},
		}},
		"vpcZoneIdentifiers": bothZones, "tags": []any{inputs{"key": "app", "propagateAtLaunch": true}}, "protectFromScaleIn": true,
		"targetGroupArns": []any{"arn"}, "healthCheckType": "ELB", "instanceRefresh": inputs{"preferences": inputs{"scaleInProtectedInstances": "Refresh"}},
	})
	group.Options.IgnoreChanges = []string{"desiredCapacity"}
	provider := res("aws:ecs/capacityProvider:CapacityProvider", "hosts", inputs{"autoScalingGroupProvider": inputs{
		"autoScalingGroupArn": arnOf(group), "managedTerminationProtection": "ENABLED", "managedDraining": "ENABLED", "managedScaling": inputs{"status": "ENABLED"},
	}})
	counted := group
	counted.Options.IgnoreChanges = nil
	setting := res("aws:ecs/accountSettingDefault:AccountSettingDefault", "trunking", inputs{"name": "awsvpcTrunking", "value": "enabled"})
	const disk, asg = "blockDeviceMappings.0.ebs.", "autoScalingGroupProvider."
	return []judgement{
		broken(20, "metadataOptions.httpTokens", template, inputs{"metadataOptions.httpTokens": "optional"}),
		broken(21, "metadataOptions.httpPutResponseHopLimit", template, inputs{"metadataOptions.httpPutResponseHopLimit": 2.0}),
		broken(22, "networkInterfaces.0.associatePublicIpAddress", template, inputs{"networkInterfaces.0.associatePublicIpAddress": "true"}),
		broken(23, disk+"encrypted", template, inputs{disk + "encrypted": nil}),
		broken(23, "blockDeviceMappings", template, inputs{"blockDeviceMappings": nil}),
		broken(24, disk+"kmsKeyId", template, inputs{disk + "kmsKeyId": nil}),
		broken(25, disk+"volumeType", template, inputs{disk + "volumeType": "gp2"}),
		broken(26, "monitoring.enabled", template, inputs{"monitoring": nil}),
		broken(27, "userData", template, inputs{"userData": "export AWS_ACCESS_KEY_ID=AKIAABCDEFGHIJKLMNOP"}),
		broken(27, "userData", template, inputs{"userData": "ZXhwb3J0IERCX1BBU1NXT1JEPWNvcnJlY3Rob3JzZQo="}), // the same in base64
		broken(28, "iamInstanceProfile.arn", template, inputs{"iamInstanceProfile": nil}),
		broken(29, "keyName", template, inputs{"keyName": "ops"}),
		broken(30, "userData", template, inputs{"userData": "#!/bin/sh"}),
		broken(31, "launchConfiguration", group, inputs{"launchConfiguration": "old"}),
		broken(31, "launchTemplate", group, inputs{"mixedInstancesPolicy": nil}),
		broken(32, "vpcZoneIdentifiers", group, inputs{"vpcZoneIdentifiers": oneZone}, zones...),
		broken(33, "mixedInstancesPolicy.launchTemplate.overrides", group, inputs{"mixedInstancesPolicy.launchTemplate.overrides.1.instanceType": "r6i.large"}),
		broken(34, "healthCheckType", group, inputs{"healthCheckType": "EC2"}),
		broken(35, "tags.0.propagateAtLaunch", group, inputs{"tags.0.propagateAtLaunch": false}),
		broken(35, "tags", group, inputs{"tags": nil}),
		broken(36, "mixedInstancesPolicy.launchTemplate.launchTemplateSpecification.version", group, inputs{"mixedInstancesPolicy.launchTemplate.launchTemplateSpecification.version": "$Latest"}),
		broken(36, "launchTemplate.version", change(group, inputs{"launchTemplate": inputs{"version": 3.0}}), inputs{"launchTemplate.version": nil}),
		broken(37, "instanceRefresh.preferences.scaleInProtectedInstances", group, inputs{"instanceRefresh.preferences": inputs{}}),
		{38, "desiredCapacity", resources{counted, provider}, resources{group, provider}},
		broken(42, asg+"managedTerminationProtection", provider, inputs{asg + "managedTerminationProtection": "DISABLED"}),
		broken(43, asg+"managedScaling.status", provider, inputs{asg + "managedScaling": nil}, group),
		{43, asg + "autoScalingGroupArn", resources{provider, change(group, inputs{"protectFromScaleIn": false})}, resources{provider, group}},
		broken(44, "name", provider, inputs{"name": "FargateHosts"}),
		broken(45, asg+"managedDraining", provider, inputs{asg + "managedDraining": nil}),
		{67, "dependsOn", resources{group, setting}, resources{depending(group, setting), setting}},
	}
}
