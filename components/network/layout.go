package network

import (
	"fmt"
	"net/netip"
)

// Bits by which a subnet is smaller than the VPC: private subnets are a quarter of it each, public ones share the last
// quarter, a sixteenth each. Public subnets hold NAT gateways and the load balancer only.
const (
	privateBits = 2
	publicBits  = 4
)

// What the VPC's own size may be. AWS takes /16 to /28; a sixteenth of a /24 is the smallest subnet that AWS takes, and
// holds the eight addresses that a load balancer wants to grow into.
const (
	shortestPrefix = 16
	longestPrefix  = 24
	mostZones      = 3
	fewestZones    = 2
)

// reservedAddresses are those that AWS keeps of every subnet.
const reservedAddresses = 5

// Subnets are one zone's address blocks.
type Subnets struct {
	Private, Public netip.Prefix
}

// Layout divides a VPC's block among zones. Blocks depend on the VPC's block and the zone's place in the list alone, so
// that a zone added at the end moves none. The private subnets together must hold the addresses, or the error says how
// many there are.
func Layout(cidr string, zones, addresses int) ([]Subnets, error) {
	vpc, err := netip.ParsePrefix(cidr)
	switch {
	case err != nil || !vpc.Addr().Is4() || vpc.Masked() != vpc || vpc.Bits() < shortestPrefix || vpc.Bits() > longestPrefix:
		return nil, fmt.Errorf("cidr: %q is not allowed; allowed: an IPv4 network of /%d to /%d, such as 10.20.0.0/16", cidr, shortestPrefix, longestPrefix)
	case vpc.Overlaps(dockerBridge()):
		return nil, fmt.Errorf("cidr: %q overlaps %s, the network of Docker's bridge on every host; allowed: any other", cidr, dockerBridge())
	case zones < fewestZones || zones > mostZones:
		return nil, fmt.Errorf("zones: %d are not allowed; allowed: %d to %d", zones, fewestZones, mostZones)
	}
	if held := zones * (1<<(32-vpc.Bits()-privateBits) - reservedAddresses); addresses > held {
		return nil, fmt.Errorf("cidr: the private subnets of %q hold %d addresses and %d are needed; allowed: a shorter prefix, down to /%d", cidr, held, addresses, shortestPrefix)
	}
	subnets := make([]Subnets, zones)
	for i := range subnets {
		subnets[i] = Subnets{
			Private: part(vpc, privateBits, i),
			Public:  part(part(vpc, privateBits, mostZones), publicBits-privateBits, i),
		}
	}
	return subnets, nil
}

// part is the i-th of the 2^bits equal parts of a block.
func part(block netip.Prefix, bits, i int) netip.Prefix {
	size := block.Bits() + bits
	address := block.Addr().As4()
	number := uint32(address[0])<<24 | uint32(address[1])<<16 | uint32(address[2])<<8 | uint32(address[3])
	number += uint32(i) << (32 - size)
	return netip.PrefixFrom(netip.AddrFrom4([4]byte{byte(number >> 24), byte(number >> 16), byte(number >> 8), byte(number)}), size)
}

// dockerBridge is docker0's default network: workers run behind it and could not reach a VPC of the same addresses.
func dockerBridge() netip.Prefix {
	return netip.PrefixFrom(netip.AddrFrom4([4]byte{172, 17, 0, 0}), 16)
}
