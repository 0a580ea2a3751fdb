package policy

import (
	"net/netip"
	"slices"

	"workerfleet/stacks/graph"
)

const (
	vpcType    = "aws:ec2/vpc:Vpc"
	subnetType = "aws:ec2/subnet:Subnet"
)

// dockerBridge is docker0's default network: a VPC on it cannot be reached from bridge-mode containers.
var dockerBridge = netip.MustParsePrefix("172.17.0.0/16")

// barred are the networks that AWS takes no VPC in: this host, loopback, link-local and multicast.
var barred = []netip.Prefix{
	netip.MustParsePrefix("0.0.0.0/8"), netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("169.254.0.0/16"), netip.MustParsePrefix("224.0.0.0/4"),
}

func networkRules() []Rule {
	return []Rule{
		{ID: "aws-3", Title: "a VPC is /16 to /28 and not docker0's 172.17.0.0/16", Types: []string{vpcType}, Check: checkVpc},
		{ID: "aws-3", Title: "subnets lie inside their VPC and do not overlap", Types: []string{subnetType}, Check: checkSubnet},
	}
}

func checkVpc(_ *graph.Graph, r graph.Resource) []Finding {
	text := r.Text("cidrBlock")
	if text == "" {
		return nil
	}
	block, err := netip.ParsePrefix(text)
	switch {
	case err != nil || !block.Addr().Is4() || block.Masked() != block:
		return []Finding{finding("cidrBlock", "InvalidParameterValue: %q is not a network; allowed: an IPv4 network such as 10.0.0.0/16", text)}
	case block.Bits() < 16 || block.Bits() > 28:
		return []Finding{finding("cidrBlock", "InvalidVpc.Range: The CIDR %q is invalid; allowed: /16 to /28", text)}
	case slices.ContainsFunc(barred, block.Overlaps):
		return []Finding{finding("cidrBlock", "InvalidVpc.Range: The CIDR %q is invalid; allowed: no network within %v", text, barred)}
	case block.Overlaps(dockerBridge):
		return []Finding{finding("cidrBlock", "nothing, but %q overlaps docker0's %s: bridge-mode containers would not reach it", text, dockerBridge)}
	}
	return nil
}

func checkSubnet(g *graph.Graph, r graph.Resource) []Finding {
	text := r.Text("cidrBlock")
	if text == "" {
		return nil
	}
	block, err := netip.ParsePrefix(text)
	if err != nil || !block.Addr().Is4() || block.Masked() != block || block.Bits() < 16 || block.Bits() > 28 {
		return []Finding{finding("cidrBlock", "InvalidSubnet.Range: The CIDR %q is invalid; allowed: an IPv4 network, /16 to /28", text)}
	}
	var findings []Finding
	if vpc, ok := g.Refers(vpcType, r.Value("vpcId")); ok {
		if whole, err := netip.ParsePrefix(vpc.Text("cidrBlock")); err == nil && !within(block, whole) {
			findings = append(findings, finding("cidrBlock", "InvalidSubnet.Range: The CIDR %q is not inside the VPC's %s", text, whole))
		}
	}
	for _, other := range g.OfType(subnetType) {
		if other.URN == r.URN || r.Text("vpcId") == "" || other.Text("vpcId") != r.Text("vpcId") {
			continue
		}
		if taken, err := netip.ParsePrefix(other.Text("cidrBlock")); err == nil && taken.Overlaps(block) {
			findings = append(findings, finding("cidrBlock", "InvalidSubnet.Conflict: The CIDR %q conflicts with the subnet %q (%s)", text, other.Name, taken))
		}
	}
	return findings
}

func within(block, whole netip.Prefix) bool {
	return block.Bits() >= whole.Bits() && whole.Contains(block.Addr())
}
