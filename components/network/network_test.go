package network_test

import (
	"strings"
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"github.com/stretchr/testify/require"

	"workerfleet/components/alarms"
	"workerfleet/components/network"
	"workerfleet/components/place"
	"workerfleet/stacks/graph"
)

var here = place.Place{Stack: "tier-1k", Account: "111122223333", Region: "ap-southeast-1"}

const (
	subnetType   = "aws:ec2/subnet:Subnet"
	tableType    = "aws:ec2/routeTable:RouteTable"
	natType      = "aws:ec2/natGateway:NatGateway"
	endpointType = "aws:ec2/vpcEndpoint:VpcEndpoint"
)

func standard() network.Args {
	return network.Args{
		CIDR: "10.20.0.0/16", Zones: []string{"ap-southeast-1a", "ap-southeast-1b", "ap-southeast-1c"}, Addresses: 200,
	}
}

// program also exports the names of what hosts have to wait for.
func program(args network.Args, egress *[]string) pulumi.RunFunc {
	return func(ctx *pulumi.Context) error {
		topic, err := alarms.NewTopic(ctx, "alarms", &alarms.Args{Place: here, Key: pulumi.String("key-arn")})
		if err != nil {
			return err
		}
		args.Place, args.Topic, args.LogsKey = here, topic, pulumi.String("logs-key")
		n, err := network.New(ctx, "network", &args)
		if err != nil || egress == nil {
			return err
		}
		var urns []any
		for _, r := range n.Egress {
			urns = append(urns, r.URN())
		}
		ctx.Export("egress", pulumi.All(urns...).ApplyT(func(resolved []any) int {
			for _, urn := range resolved {
				text := string(urn.(pulumi.URN))
				*egress = append(*egress, text[strings.LastIndex(text, "::")+2:])
			}
			return len(resolved)
		}))
		return nil
	}
}

func record(t *testing.T, args network.Args) *graph.Graph {
	t.Helper()
	g, err := graph.Record(program(args, nil), graph.Run{})
	require.NoError(t, err)
	return g
}

func named(t *testing.T, g *graph.Graph, name string) graph.Resource {
	t.Helper()
	for _, r := range g.All() {
		if r.Name == name && r.Custom {
			return r
		}
	}
	require.Fail(t, "no resource is called "+name)
	return graph.Resource{}
}

// The VPC resolves private names, its default security group lets nothing through, and no subnet gives public addresses
// out. Reachability itself is shown by no test without an account.
func TestVPC(t *testing.T) {
	g := record(t, standard())
	vpc := named(t, g, "network-vpc")
	require.Equal(t, map[string]any{
		"cidrBlock": "10.20.0.0/16", "enableDnsHostnames": true, "enableDnsSupport": true,
		"tags": map[string]any{"Name": "tier-1k-network-vpc"},
	}, vpc.Inputs)
	group := named(t, g, "network-default-group")
	require.Equal(t, vpc.Outputs["id"], group.Inputs["vpcId"])
	require.NotContains(t, group.Inputs, "ingress")
	require.NotContains(t, group.Inputs, "egress")

	require.Len(t, g.OfType(subnetType), 6)
	for i, letter := range []string{"a", "b", "c"} {
		for kind, block := range map[string]string{
			"public":  []string{"10.20.192.0/20", "10.20.208.0/20", "10.20.224.0/20"}[i],
			"private": []string{"10.20.0.0/18", "10.20.64.0/18", "10.20.128.0/18"}[i],
		} {
			subnet := named(t, g, "network-"+kind+"-"+letter)
			require.Equal(t, block, subnet.Text("cidrBlock"))
			require.Equal(t, "ap-southeast-1"+letter, subnet.Text("availabilityZone"))
			require.Equal(t, false, subnet.Value("mapPublicIpOnLaunch"))
		}
	}
}

// wayOut follows a subnet's default route to the gateway that it leads to.
func wayOut(t *testing.T, g *graph.Graph, subnet string) graph.Resource {
	t.Helper()
	id := named(t, g, subnet).Outputs["id"]
	for _, association := range g.OfType("aws:ec2/routeTableAssociation:RouteTableAssociation") {
		if association.Inputs["subnetId"] != id {
			continue
		}
		for _, route := range g.OfType("aws:ec2/route:Route") {
			if route.Inputs["routeTableId"] != association.Inputs["routeTableId"] {
				continue
			}
			require.Equal(t, "0.0.0.0/0", route.Text("destinationCidrBlock"))
			if nat, ok := g.Refers(natType, route.Inputs["natGatewayId"]); ok {
				return nat
			}
			gateway, ok := g.Refers("aws:ec2/internetGateway:InternetGateway", route.Inputs["gatewayId"])
			require.True(t, ok)
			return gateway
		}
	}
	require.Fail(t, subnet+" has no route")
	return graph.Resource{}
}

// Public subnets lead to the internet gateway; private ones to the one NAT gateway, or to their own zone's. Route tables
// are the same in both, so that the switch replaces nothing.
func TestWayOut(t *testing.T) {
	one, perZone := record(t, standard()), standard()
	perZone.NATPerZone = true
	each := record(t, perZone)
	require.Len(t, one.OfType(natType), 1)
	require.Len(t, each.OfType(natType), 3)
	for _, letter := range []string{"a", "b", "c"} {
		require.Equal(t, "network-gateway", wayOut(t, one, "network-public-"+letter).Name)
		require.Equal(t, "network-nat-a", wayOut(t, one, "network-private-"+letter).Name)
		require.Equal(t, "network-nat-"+letter, wayOut(t, each, "network-private-"+letter).Name)
		require.Equal(t, named(t, each, "network-public-"+letter).Outputs["id"], named(t, each, "network-nat-"+letter).Inputs["subnetId"])
	}
	require.Len(t, one.OfType(tableType), 4)
	for i, table := range one.OfType(tableType) {
		require.Equal(t, table.URN, each.OfType(tableType)[i].URN)
	}
}

// Each NAT gateway has as many public addresses as asked for, and waits for the internet gateway.
func TestNATAddresses(t *testing.T) {
	args := standard()
	require.Len(t, record(t, args).OfType("aws:ec2/eip:Eip"), 1)
	args.NATPerZone, args.NATAddresses = true, 2
	g := record(t, args)
	require.Len(t, g.OfType("aws:ec2/eip:Eip"), 6)
	nat := named(t, g, "network-nat-b")
	require.Equal(t, named(t, g, "network-nat-b-address-1").Outputs["allocationId"], nat.Inputs["allocationId"])
	require.Equal(t, []any{named(t, g, "network-nat-b-address-2").Outputs["allocationId"]}, nat.Inputs["secondaryAllocationIds"])
	require.Contains(t, nat.Options.DependsOn, named(t, g, "network-gateway").URN)
	require.NotContains(t, named(t, record(t, standard()), "network-nat-a").Inputs, "secondaryAllocationIds")
}

// S3 goes through a gateway endpoint on every private route table, at every size.
func TestStorageEndpoint(t *testing.T) {
	g := record(t, standard())
	require.Len(t, g.OfType(endpointType), 1)
	s3 := named(t, g, "network-endpoint-s3")
	require.Equal(t, "Gateway", s3.Text("vpcEndpointType"))
	require.Equal(t, "com.amazonaws.ap-southeast-1.s3", s3.Text("serviceName"))
	var private []any
	for _, letter := range []string{"a", "b", "c"} {
		private = append(private, named(t, g, "network-private-"+letter+"-routes").Outputs["id"])
	}
	require.ElementsMatch(t, private, s3.Inputs["routeTableIds"])
	require.Empty(t, g.OfType("aws:ec2/securityGroup:SecurityGroup"))
}

// With the switch on, every service has an address in every zone under its own name, open to the VPC on 443 and to
// nobody else.
func TestInterfaceEndpoints(t *testing.T) {
	args := standard()
	args.InterfaceEndpoints = true
	g := record(t, args)
	require.Len(t, network.Services(), 15)
	require.Len(t, g.OfType(endpointType), 1+15)
	group := named(t, g, "network-endpoint-group")
	require.NotEmpty(t, group.Text("description"))
	for _, service := range network.Services() {
		endpoint := named(t, g, "network-endpoint-"+strings.ReplaceAll(service, ".", "-"))
		require.Equal(t, "com.amazonaws.ap-southeast-1."+service, endpoint.Text("serviceName"))
		require.Equal(t, "Interface", endpoint.Text("vpcEndpointType"))
		require.True(t, endpoint.Flag("privateDnsEnabled"))
		require.Len(t, endpoint.Value("subnetIds"), 3)
		require.Equal(t, []any{group.Outputs["id"]}, endpoint.Value("securityGroupIds"))
	}
	rules := g.OfType("aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule")
	require.Len(t, rules, 1)
	require.Equal(t, map[string]any{
		"securityGroupId": group.Outputs["id"], "cidrIpv4": "10.20.0.0/16", "ipProtocol": "tcp", "fromPort": 443.0, "toPort": 443.0,
		"description": "HTTPS from within the VPC",
	}, rules[0].Inputs)
	require.Empty(t, g.OfType("aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule"))
}

// All traffic is written down, encrypted, for a stated time, by a role that can do nothing else.
func TestFlowLog(t *testing.T) {
	g := record(t, standard())
	records, log := named(t, g, "network-flow-log-records"), named(t, g, "network-flow-log")
	require.Equal(t, map[string]any{"kmsKeyId": "logs-key", "retentionInDays": 90.0}, records.Inputs)
	require.Equal(t, "ALL", log.Text("trafficType"))
	require.Equal(t, named(t, g, "network-vpc").Outputs["id"], log.Inputs["vpcId"])
	require.Equal(t, records.Outputs["arn"], log.Inputs["logDestination"])
	require.Equal(t, named(t, g, "network-flow-log-writer-role").Outputs["arn"], log.Inputs["iamRoleArn"])
	policy := named(t, g, "network-flow-log-writer-policy").Text("policy")
	require.Contains(t, policy, `"Resource":["`+records.Outputs["arn"].(string)+`:*"]`)
	require.NotContains(t, policy, `"*"`)
}

// Each NAT gateway tells of exhausted ports and of dropped packets.
func TestAlarms(t *testing.T) {
	args := standard()
	args.NATPerZone = true
	g := record(t, args)
	for _, letter := range []string{"a", "b", "c"} {
		nat := named(t, g, "network-nat-"+letter)
		for suffix, metric := range map[string]string{"-ports": "ErrorPortAllocation", "-drops": "PacketsDropCount"} {
			alarm := named(t, g, nat.Name+suffix)
			require.Equal(t, metric, alarm.Text("metricName"))
			require.Equal(t, nat.Outputs["id"], alarm.Value("dimensions.NatGatewayId"))
		}
	}
}

// What hosts wait for is every part of the way out: gateways, private routes and associations, endpoints and their door.
func TestEgress(t *testing.T) {
	args := standard()
	args.NATPerZone, args.InterfaceEndpoints = true, true
	var egress []string
	g, err := graph.Record(program(args, &egress), graph.Run{})
	require.NoError(t, err)
	var want []string
	for _, r := range g.All() {
		switch r.Type {
		case natType, endpointType, "aws:ec2/routeTableAssociation:RouteTableAssociation", "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule":
			want = append(want, r.Name)
		case "aws:ec2/route:Route":
			if r.Inputs["natGatewayId"] != nil {
				want = append(want, r.Name)
			}
		}
	}
	require.ElementsMatch(t, want, egress)
	require.Len(t, egress, 3+3+6+16+1)
}

// Every wrong argument is named at once, and nothing is registered.
func TestRefuses(t *testing.T) {
	g, err := graph.Record(func(ctx *pulumi.Context) error {
		_, err := network.New(ctx, "network", &network.Args{
			Place: here, CIDR: "10.0.0.0/8", Zones: []string{"ap-southeast-1a", "ap-southeast-1a", "eu-west-1a"},
			NATAddresses: 9, FlowLogDays: 10,
		})
		return err
	}, graph.Run{})
	for _, problem := range []string{
		`network.Network "network": cidr: "10.0.0.0/8" is not allowed`, `zones[1]: "ap-southeast-1a" is not allowed; allowed: zones of ap-southeast-1, each once`,
		`zones[2]: "eu-west-1a" is not allowed`, "natAddresses: 9 is not allowed; allowed: 1 to 8", "flowLogDays: 10 is not allowed; allowed: [1 3 5 7 14",
		"logsKey: is missing", "topic: is missing",
	} {
		require.ErrorContains(t, err, problem)
	}
	require.Empty(t, g.All())
}

// A preview shows the same resources with the same blocks.
func TestPreview(t *testing.T) {
	args := standard()
	args.InterfaceEndpoints, args.NATPerZone = true, true
	wet := record(t, args)
	dry, err := graph.Record(program(args, nil), graph.Run{DryRun: true})
	require.NoError(t, err)
	require.Len(t, dry.All(), len(wet.All()))
	for i, r := range dry.All() {
		require.Equal(t, wet.All()[i].URN, r.URN)
		require.Equal(t, wet.All()[i].Text("cidrBlock"), r.Text("cidrBlock"))
	}
}
