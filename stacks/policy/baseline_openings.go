package policy

import (
	"slices"

	"workerfleet/stacks/graph"
)

// opening is what one rule of a security group, or of an access list, lets through.
type opening struct {
	path, protocol string
	from, to       float64
	// networks are the CIDR blocks; a source that is a group is none.
	networks []string
	// denies marks a rule of an access list that lets nothing through; unknown says that a part is known to AWS alone.
	denies, unknown bool
}

func (o opening) world() bool {
	return !o.denies && (slices.Contains(o.networks, "0.0.0.0/0") || slices.Contains(o.networks, "::/0"))
}

// includes says whether the port is let through. ICMP has no ports; -1 is every protocol with all of them.
func (o opening) includes(port float64) bool {
	return o.protocol == "-1" || o.protocol == "all" || (o.protocol == "tcp" || o.protocol == "6") && o.from <= port && port <= o.to
}

// openingsOf reads a rule that is a resource of its own, or the rules inside a group.
func openingsOf(r graph.Resource, direction string) []opening {
	if r.Type != groupType && r.Type != accessListType {
		return []opening{openingOf(r.Inputs, "")}
	}
	var found []opening
	for _, at := range spots(r, direction+".*") {
		if object, ok := at.value.(map[string]any); ok {
			found = append(found, openingOf(object, at.path+"."))
		} else if at.value == graph.Unknown {
			found = append(found, opening{path: at.path, unknown: true})
		}
	}
	return found
}

func openingOf(object map[string]any, prefix string) opening {
	o := opening{path: prefix + "cidrIpv4", denies: object["action"] == "deny" || object["ruleAction"] == "deny"}
	for _, key := range []string{"ipProtocol", "protocol", "fromPort", "toPort"} {
		o.unknown = o.unknown || object[key] == graph.Unknown
	}
	for _, key := range []string{"cidrIpv4", "cidrIpv6", "cidrBlocks", "ipv6CidrBlocks", "cidrBlock", "ipv6CidrBlock"} {
		for _, block := range listed(object[key]) {
			o.path = prefix + key
			o.unknown = o.unknown || block == graph.Unknown
			o.networks = append(o.networks, shown(block))
		}
	}
	if o.protocol, _ = object["ipProtocol"].(string); o.protocol == "" {
		o.protocol, _ = object["protocol"].(string)
	}
	o.from, _ = number(object["fromPort"])
	o.to, _ = number(object["toPort"])
	return o
}

// openings judges every opening in a direction; an empty answer is a pass.
func openings(direction string, judge func(opening) string) check {
	return func(_ *graph.Graph, r graph.Resource) []Finding {
		var findings []Finding
		for _, o := range openingsOf(r, direction) {
			if o.unknown {
				findings = append(findings, undecided(o.path))
			} else if says := judge(o); says != "" {
				findings = append(findings, finding(o.path, "%s", says))
			}
		}
		return findings
	}
}

// checkOpenings lets the internet in on the two web ports of groups that a public load balancer stands in.
func checkOpenings(g *graph.Graph, r graph.Resource) []Finding {
	group, unsure := groupOf(g, r)
	balancers, unknown := pointing(g, balancerType, "securityGroups.*", group)
	public := slices.ContainsFunc(balancers, func(b graph.Resource) bool { return !b.Flag("internal") })
	findings := openings("ingress", func(o opening) string {
		web := o.protocol == "tcp" && o.from == o.to && (o.from == 80 || o.from == 443)
		if o.world() && !(public && web) {
			return "opens more to the internet than ports 80 and 443 of a public load balancer; wanted: a group or a network of the VPC"
		}
		return ""
	})(g, r)
	for i := range findings {
		findings[i].Undecided = findings[i].Undecided || unsure || unknown
	}
	return findings
}

// groupOf is the group that an opening belongs to: the resource itself, or the one that a rule names.
func groupOf(g *graph.Graph, r graph.Resource) (group graph.Resource, unsure bool) {
	if r.Type == groupType {
		return r, false
	}
	group, _ = g.Refers(groupType, valueAt(r, "securityGroupId"))
	return group, valueAt(r, "securityGroupId") == graph.Unknown
}

// holders are where each type of what holds data names its groups.
var holders = map[string]string{
	replicationType: "securityGroupIds.*", serverlessType: "securityGroupIds.*",
	clusterType: "vpcSecurityGroupIds.*", proxyType: "vpcSecurityGroupIds.*",
}

func checkDataEgress(g *graph.Graph, r graph.Resource) []Finding {
	group, unsure := groupOf(g, r)
	holding := false
	for token, path := range holders {
		found, unknown := pointing(g, token, path, group)
		holding, unsure = holding || len(found) > 0, unsure || unknown
	}
	if !holding && !unsure {
		return nil
	}
	findings := openings("egress", func(o opening) string {
		if o.world() && o.protocol == "-1" {
			return "lets what holds data call everywhere on all ports; wanted: nothing, or a port of the VPC"
		}
		return ""
	})(g, r)
	for i := range findings {
		findings[i].Undecided = findings[i].Undecided || unsure
	}
	return findings
}

// checkAccessList judges a rule of its own, or those inside a list. An egress rule lets nobody in.
func checkAccessList(g *graph.Graph, r graph.Resource) []Finding {
	if r.Flag("egress") {
		return nil
	}
	return openings("ingress", func(o opening) string {
		if o.world() && (o.includes(22) || o.includes(3389)) {
			return "opens port 22 or 3389 to the internet; wanted: neither, or no access list of one's own"
		}
		return ""
	})(g, r)
}
