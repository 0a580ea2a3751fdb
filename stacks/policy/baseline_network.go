package policy

import (
	"fmt"
	"slices"
	"strings"

	"workerfleet/stacks/graph"
)

const (
	flowLogType          = "aws:ec2/flowLog:FlowLog"
	groupType            = "aws:ec2/securityGroup:SecurityGroup"
	defaultGroupType     = "aws:ec2/defaultSecurityGroup:DefaultSecurityGroup"
	ingressType          = "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule"
	egressType           = "aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule"
	endpointType         = "aws:ec2/vpcEndpoint:VpcEndpoint"
	routeType            = "aws:ec2/route:Route"
	routeTableType       = "aws:ec2/routeTable:RouteTable"
	gatewayType          = "aws:ec2/natGateway:NatGateway"
	accessListType       = "aws:ec2/networkAcl:NetworkAcl"
	accessRuleType       = "aws:ec2/networkAclRule:NetworkAclRule"
	defaultVpcType       = "aws:ec2/defaultVpc:DefaultVpc"
	endpointsAreOff      = "interface endpoints are a switch below 10,000 users, and off"
	oneGatewayIsEnough   = "one NAT gateway serves all zones below 1,000 users"
	fromTenThousandUsers = "from 10,000 users on"
)

func networkBaseline(asked Asked) []Rule {
	vpc, opened := of(vpcType), of(ingressType, groupType)
	endpoints := unless(asked.InterfaceEndpoints || asked.Users >= 10_000, endpointsAreOff)
	private := be("vpcEndpointType", "Interface")
	return []Rule{
		{Row: 1, Title: "a VPC has a flow log of all traffic", Types: vpc, Refs: refs("SH EC2.6; CIS 3.7; CKV2_AWS_11; AwsSolutions-VPC7; AWS-0178"),
			Check: pointedAt(flowLogType, "vpcId", every(be("trafficType", "ALL", "REJECT"), either(stated("logDestination"), stated("logGroupName"))))},
		{Row: 2, Title: "a VPC's default security group is adopted and closed", Types: vpc, Refs: refs("SH EC2.2; CIS 5.5; CKV2_AWS_12; AWS-0173"),
			Check: pointedAt(defaultGroupType, "vpcId", every(unstated("ingress"), unstated("egress")))},
		{Row: 3, Title: "a subnet gives no public addresses by itself", Types: of(subnetType), Refs: refs("SH EC2.15; CKV_AWS_130; AWS-0164"), Check: be("mapPublicIpOnLaunch", nil, false)},
		{Row: 4, Title: "a VPC resolves names and gives them, which private endpoints need", Types: vpc, Refs: refs("house"), Check: every(be("enableDnsSupport", true), be("enableDnsHostnames", true))},
		{Row: 5, Title: "the default VPC is not adopted", Types: of(defaultVpcType), Banned: true, Refs: refs("CKV_AWS_148; AWS-0101"), Check: banned},
		{Row: 6, Title: "the internet reaches ports 80 and 443 of the public load balancer alone", Types: opened, Refs: refs("SH EC2.18; SH EC2.19; AwsSolutions-EC23"), Check: checkOpenings},
		{Row: 7, Title: "the internet reaches no SSH and no RDP", Types: opened, Refs: refs("SH EC2.13; SH EC2.14; CIS 5.3; CIS 5.4; AWS-0107"), Check: openings("ingress", func(o opening) string {
			if o.world() && (o.includes(22) || o.includes(3389)) {
				return "opens port 22 or 3389 to the internet; wanted: neither"
			}
			return ""
		})},
		{Row: 8, Title: "no network is let in on all ports", Types: opened, Refs: refs("SH EC2.18; trivy no_excessive_port_access"), Check: openings("ingress", func(o opening) string {
			if o.protocol == "-1" && len(o.networks) > 0 {
				return "opens all ports to a network; wanted: a protocol and its ports"
			}
			return ""
		})},
		{Row: 9, Title: "what holds data cannot call the internet on all ports", Types: of(egressType, groupType), Refs: refs("AWS-0104"), Check: checkDataEgress},
		{Row: 10, Title: "a security group says what it is for", Types: of(groupType), Refs: refs("AwsSolutions-EC27; AWS-0099"), Check: each("description", func(value any) string {
			if empty(value) || value == "Managed by Pulumi" {
				return fmt.Sprintf("is %s; wanted: what the group is for", shown(value))
			}
			return ""
		})},
		{Row: 11, Title: "a rule of a security group says what it is for", Types: of(ingressType, egressType), Refs: refs("AWS-0124"), Check: stated("description")},
		{Row: 12, Title: "a security group is used", Types: of(groupType), Refs: refs("CKV2_AWS_5"), Check: checkUsed},
		{Row: 13, Title: "images, logs, queues, secrets and keys are reached inside the VPC", Types: vpc, Off: endpoints, Refs: refs("SH EC2.55; SH EC2.56"),
			Check: endpointsFor("ecr.api", "ecr.dkr", "logs", "sqs", "secretsmanager", "kms", "ecs", "ecs-agent", "ecs-telemetry")},
		{Row: 14, Title: "Systems Manager is reached inside the VPC", Types: vpc, Off: endpoints, Refs: refs("SH EC2.57"), Check: endpointsFor("ssm", "ssmmessages", "ec2messages")},
		{Row: 15, Title: "EC2's API is reached inside the VPC", Types: vpc, Off: endpoints, Refs: refs("SH EC2.10"), Check: endpointsFor("ec2")},
		{Row: 16, Title: "every private subnet reaches S3 around NAT: image layers come from there", Types: vpc, Refs: refs("house"), Check: checkStorageRoutes},
		{Row: 17, Title: "an interface endpoint has its service's name and stands in two zones", Types: of(endpointType), Only: private, Refs: refs("prowler vpc_endpoint_multi_az_enabled"),
			Check: every(be("privateDnsEnabled", true), inTwoZones("subnetIds"))},
		{Row: 18, Title: "no access list opens SSH or RDP to the internet", Types: of(accessListType, accessRuleType), Banned: true, Refs: refs("SH EC2.21; CIS 5.2; AwsSolutions-VPC3; AWS-0105"), Check: checkAccessList},
		{Row: 19, Title: "every zone has a NAT gateway of its own", Types: vpc, Off: unless(asked.NATPerZone || asked.Users >= 1000, oneGatewayIsEnough), Refs: refs("house"), Check: checkGateways},
	}
}

// banned is a finding for whatever is registered.
func banned(*graph.Graph, graph.Resource) []Finding {
	return []Finding{finding("type", "is registered; wanted: nothing of this type")}
}

// checkUsed looks for the group's id anywhere but in the rules of groups, which open it and use it for nothing.
func checkUsed(g *graph.Graph, r graph.Resource) []Finding {
	id, known := r.Outputs["id"].(string)
	if !known {
		return []Finding{undecided("id")}
	}
	for _, other := range g.All() {
		if other.URN != r.URN && other.Custom && other.Type != ingressType && other.Type != egressType && mentions(other.Inputs, id) {
			return nil
		}
	}
	return []Finding{finding("id", "is named by no other resource; wanted: one that uses the group")}
}

func mentions(value any, text string) bool {
	switch v := value.(type) {
	case string:
		return strings.Contains(v, text)
	case []any:
		return slices.ContainsFunc(v, func(item any) bool { return mentions(item, text) })
	case map[string]any:
		for _, item := range v {
			if mentions(item, text) {
				return true
			}
		}
	}
	return false
}

// endpointsFor wants an interface endpoint in the VPC for each service.
func endpointsFor(services ...string) check {
	return func(g *graph.Graph, r graph.Resource) []Finding {
		found, unsure := pointing(g, endpointType, "vpcId", r)
		var findings []Finding
		for _, service := range services {
			if !slices.ContainsFunc(found, func(e graph.Resource) bool {
				return e.Text("vpcEndpointType") == "Interface" && strings.HasSuffix(e.Text("serviceName"), "."+service)
			}) {
				missing := finding("VpcEndpoint.serviceName", "none is of %s; wanted: an interface endpoint", service)
				missing.Undecided = unsure
				findings = append(findings, missing)
			}
		}
		return findings
	}
}

func checkStorageRoutes(g *graph.Graph, r graph.Resource) []Finding {
	found, unsure := pointing(g, endpointType, "vpcId", r)
	routed := map[string]bool{}
	for _, endpoint := range found {
		if endpoint.Text("vpcEndpointType") == "Interface" || !strings.HasSuffix(endpoint.Text("serviceName"), ".s3") {
			continue
		}
		for _, at := range spots(endpoint, "routeTableIds.*") {
			routed[shown(at.value)] = true
			unsure = unsure || at.value == graph.Unknown
		}
	}
	if unsure {
		return []Finding{undecided("VpcEndpoint.routeTableIds")}
	}
	for _, route := range g.OfType(routeType) {
		if table := route.Text("routeTableId"); route.Text("natGatewayId") != "" && !routed[table] {
			return []Finding{finding("VpcEndpoint.routeTableIds", "lacks %s, which leaves through NAT; wanted: every private route table in a gateway endpoint of s3", table)}
		}
	}
	if len(routed) == 0 {
		return []Finding{finding("VpcEndpoint.routeTableIds", "are of no gateway endpoint of s3; wanted: one with every private route table")}
	}
	return nil
}

// checkGateways counts the zones that have a subnet and those that have a gateway.
func checkGateways(g *graph.Graph, r graph.Resource) []Finding {
	subnets, unsure := pointing(g, subnetType, "vpcId", r)
	zones, served := map[string]bool{}, map[string]bool{}
	for _, subnet := range subnets {
		zone := subnet.Text("availabilityZone")
		zones[zone] = true
		gateways, unknown := pointing(g, gatewayType, "subnetId", subnet)
		unsure = unsure || unknown
		if len(gateways) > 0 {
			served[zone] = true
		}
	}
	switch {
	case unsure:
		return []Finding{undecided("NatGateway.subnetId")}
	case len(served) < len(zones):
		return []Finding{finding("NatGateway.subnetId", "stand in %d of %d zones; wanted: one in each", len(served), len(zones))}
	}
	return nil
}
