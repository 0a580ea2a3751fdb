package network

import (
	"strconv"

	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/ec2"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"workerfleet/components/alarms"
	"workerfleet/components/names"
)

const everywhere = "0.0.0.0/0"

// droppedPackets in five minutes are the most that a NAT gateway drops while all is well; more for a quarter of an hour
// is an overload or a fault of the gateway.
const droppedPackets = 100

// makeWayOut routes public subnets to the internet gateway and private ones to NAT. Every zone has a private route
// table of its own even while one gateway serves all, so that NAT per zone can be switched on without replacing any.
func (b *builder) makeWayOut() error {
	if _, _, err := b.routes(b.child("public", "routes"), b.public, &ec2.RouteArgs{GatewayId: b.gateway.ID()}); err != nil {
		return err
	}
	var nat *ec2.NatGateway
	for i, private := range b.private {
		var err error
		if i == 0 || b.args.NATPerZone {
			if nat, err = b.nat(i); err != nil {
				return err
			}
		}
		table, route, err := b.routes(b.child("private", b.letter(i), "routes"), []*ec2.Subnet{private}, &ec2.RouteArgs{NatGatewayId: nat.ID()})
		if err != nil {
			return err
		}
		b.privateTables = append(b.privateTables, table.ID().ToStringOutput())
		b.needed(route)
	}
	return nil
}

// routes makes a route table for subnets, with a default route to what is stated.
func (b *builder) routes(name string, subnets []*ec2.Subnet, way *ec2.RouteArgs) (*ec2.RouteTable, *ec2.Route, error) {
	table, err := ec2.NewRouteTable(b.ctx, name, &ec2.RouteTableArgs{VpcId: b.vpc.ID(), Tags: b.tags(name)}, b.parent())
	if err != nil {
		return nil, nil, err
	}
	way.RouteTableId, way.DestinationCidrBlock = table.ID(), pulumi.String(everywhere)
	route, err := ec2.NewRoute(b.ctx, names.Join(name, "default"), way, b.parent())
	if err != nil {
		return nil, nil, err
	}
	for i, subnet := range subnets {
		suffix := "subnet"
		if len(subnets) > 1 {
			suffix = b.letter(i)
		}
		association, err := ec2.NewRouteTableAssociation(b.ctx, names.Join(name, suffix), &ec2.RouteTableAssociationArgs{
			RouteTableId: table.ID(), SubnetId: subnet.ID(),
		}, b.parent())
		if err != nil {
			return nil, nil, err
		}
		b.needed(association)
	}
	return table, route, nil
}

// nat makes a zone's NAT gateway with its public addresses. A gateway needs the internet gateway to be attached and
// does not refer to it.
func (b *builder) nat(zone int) (*ec2.NatGateway, error) {
	name := b.child("nat", b.letter(zone))
	var addresses []pulumi.StringOutput
	for n := range b.args.NATAddresses {
		address := names.Join(name, "address", strconv.Itoa(n+1))
		eip, err := ec2.NewEip(b.ctx, address, &ec2.EipArgs{Domain: pulumi.String("vpc"), Tags: b.tags(address)},
			b.parent(), pulumi.DependsOn([]pulumi.Resource{b.gateway}))
		if err != nil {
			return nil, err
		}
		addresses = append(addresses, eip.AllocationId)
	}
	args := &ec2.NatGatewayArgs{SubnetId: b.public[zone].ID(), AllocationId: addresses[0], Tags: b.tags(name)}
	if len(addresses) > 1 {
		args.SecondaryAllocationIds = pulumi.ToStringArrayOutput(addresses[1:])
	}
	nat, err := ec2.NewNatGateway(b.ctx, name, args, b.parent(), pulumi.DependsOn([]pulumi.Resource{b.gateway}))
	if err != nil {
		return nil, err
	}
	b.needed(nat)
	return nat, b.watchNAT(name, nat)
}

// watchNAT makes a gateway's alarms. A gateway that nothing uses writes no data: missing data is good.
func (b *builder) watchNAT(name string, nat *ec2.NatGateway) error {
	metric := func(metricName string) alarms.Metric {
		return alarms.Metric{
			Namespace: "AWS/NATGateway", Name: metricName, Statistic: alarms.Sum, Seconds: 300,
			Dimensions: pulumi.StringMap{"NatGatewayId": nat.ID().ToStringOutput()},
		}
	}
	if _, err := b.args.Topic.Alarm(b.ctx, names.Join(name, "ports"), alarms.Alarm{
		Says: "The NAT gateway has no port left for a connection to some destination: new broker sessions of its zone fail. " +
			"Plan for more users, which gives each gateway more addresses, or find in the flow logs what opens so many connections.",
		Metric: metric("ErrorPortAllocation"), Above: 0, Periods: 1, Missing: alarms.NotBreaching,
	}, b.parent()); err != nil {
		return err
	}
	_, err := b.args.Topic.Alarm(b.ctx, names.Join(name, "drops"), alarms.Alarm{
		Says: "The NAT gateway has been dropping packets for a quarter of an hour. Compare its bytes and connections with " +
			"other days; if they are usual, open a case with AWS.",
		Metric: metric("PacketsDropCount"), Above: droppedPackets, Periods: 3, Missing: alarms.NotBreaching,
	}, b.parent())
	return err
}

// needed adds to what hosts must wait for.
func (b *builder) needed(resources ...pulumi.Resource) { b.c.Egress = append(b.c.Egress, resources...) }
