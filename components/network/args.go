package network

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"workerfleet/components/alarms"
	"workerfleet/components/place"
)

// defaultFlowLogDays is how long flow logs are kept: a quarter of a year is how far back an incident is looked into.
const defaultFlowLogDays = 90

// mostNATAddresses is how many public addresses one NAT gateway takes (fact nat.conn: 8 × 55,000 connections to one
// destination).
const mostNATAddresses = 8

// Args describe the network. Everything that decides its shape is a plain value.
type Args struct {
	Place place.Place
	// CIDR is the VPC's block, /16 to /24.
	CIDR string
	// Zones are the names of two or three availability zones, such as ap-southeast-1a.
	Zones []string
	// Addresses that all private subnets together must hold.
	Addresses int
	// NATPerZone gives each zone a NAT gateway of its own: a lost zone then takes no other zone's way out with it.
	NATPerZone bool
	// NATAddresses is the number of public addresses of each NAT gateway; default 1. One carries 55,000 connections to
	// the same destination.
	NATAddresses int
	// InterfaceEndpoints keeps traffic to AWS services off the NAT gateways.
	InterfaceEndpoints bool
	// LogsKey encrypts the flow logs.
	LogsKey pulumi.StringPtrInput
	// FlowLogDays defaults to 90.
	FlowLogDays int
	// Topic is told when a NAT gateway runs out of ports or drops packets.
	Topic *alarms.Topic
}

// retentions are the only ones that CloudWatch Logs takes, in days.
func retentions() []int {
	return []int{1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653}
}

// complete returns the arguments with defaults and the address blocks, or all that is wrong with them.
func (args *Args) complete(name string) (Args, []Subnets, error) {
	a := *args
	if a.NATAddresses == 0 {
		a.NATAddresses = 1
	}
	if a.FlowLogDays == 0 {
		a.FlowLogDays = defaultFlowLogDays
	}
	subnets, err := Layout(a.CIDR, len(a.Zones), a.Addresses)
	problems := []error{err}
	refuse := func(format string, values ...any) { problems = append(problems, fmt.Errorf(format, values...)) }
	for i, zone := range a.Zones {
		if !strings.HasPrefix(zone, a.Place.Region) || zone == a.Place.Region || slices.Contains(a.Zones[:i], zone) {
			refuse("zones[%d]: %q is not allowed; allowed: zones of %s, each once", i, zone, a.Place.Region)
		}
	}
	if a.NATAddresses < 1 || a.NATAddresses > mostNATAddresses {
		refuse("natAddresses: %d is not allowed; allowed: 1 to %d", a.NATAddresses, mostNATAddresses)
	}
	if !slices.Contains(retentions(), a.FlowLogDays) {
		refuse("flowLogDays: %d is not allowed; allowed: %v", a.FlowLogDays, retentions())
	}
	if a.LogsKey == nil {
		refuse("logsKey: is missing; allowed: the ARN of the key for logs")
	}
	if a.Topic == nil {
		refuse("topic: is missing; allowed: the stack's alarm topic")
	}
	if err := errors.Join(problems...); err != nil {
		return a, nil, fmt.Errorf("network.Network %q: %w", name, err)
	}
	return a, subnets, nil
}
