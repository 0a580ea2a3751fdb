package network_test

import (
	"fmt"
	"net/netip"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"workerfleet/components/network"
)

// The blocks of the standard network, written out: a change of the arithmetic would replace every subnet of every
// stack.
func TestLayoutOfTheStandardNetwork(t *testing.T) {
	subnets, err := network.Layout("10.20.0.0/16", 3, 40_000)
	require.NoError(t, err)
	require.Equal(t, []network.Subnets{
		{Private: netip.MustParsePrefix("10.20.0.0/18"), Public: netip.MustParsePrefix("10.20.192.0/20")},
		{Private: netip.MustParsePrefix("10.20.64.0/18"), Public: netip.MustParsePrefix("10.20.208.0/20")},
		{Private: netip.MustParsePrefix("10.20.128.0/18"), Public: netip.MustParsePrefix("10.20.224.0/20")},
	}, subnets)
	two, err := network.Layout("10.20.0.0/16", 2, 0)
	require.NoError(t, err)
	require.Equal(t, subnets[:2], two, "a zone added at the end moves another")
}

// Whatever the block: subnets lie inside it, share no address, are of sizes that AWS takes, and hold what was asked
// for. Blocks are drawn over all of IPv4; that a block is free in the account is not known here.
func TestLayoutLaws(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		bits := rapid.IntRange(16, 24).Draw(t, "bits")
		address := rapid.Uint32().Draw(t, "address")
		vpc, err := netip.AddrFrom4([4]byte{byte(address >> 24), byte(address >> 16), byte(address >> 8), byte(address)}).Prefix(bits)
		require.NoError(t, err)
		zones := rapid.IntRange(2, 3).Draw(t, "zones")
		addresses := rapid.IntRange(0, 60_000).Draw(t, "addresses")
		subnets, err := network.Layout(vpc.String(), zones, addresses)
		docker := netip.MustParsePrefix("172.17.0.0/16")
		held := zones * (1<<(30-bits) - 5)
		require.Equal(t, vpc.Overlaps(docker) || addresses > held, err != nil)
		var blocks []netip.Prefix
		for _, s := range subnets {
			blocks = append(blocks, s.Private, s.Public)
		}
		for i, block := range blocks {
			require.True(t, vpc.Contains(block.Addr()) && block.Bits() >= vpc.Bits(), block)
			require.Equal(t, block.Masked(), block)
			require.True(t, 16 <= block.Bits() && block.Bits() <= 28, block)
			require.False(t, block.Overlaps(docker), block)
			for _, other := range blocks[:i] {
				require.False(t, block.Overlaps(other), "%s %s", block, other)
			}
		}
	})
}

// What cannot be laid out is refused with the value and what is allowed.
func TestLayoutRefuses(t *testing.T) {
	const form = "allowed: an IPv4 network of /16 to /24, such as 10.20.0.0/16"
	for _, example := range []struct {
		cidr             string
		zones, addresses int
		says             string
	}{
		{"", 3, 0, `cidr: "" is not allowed; ` + form},
		{"10.0.0.0/15", 3, 0, form},
		{"10.0.0.0/25", 3, 0, form},
		{"10.0.0.1/16", 3, 0, form},
		{"fd00::/16", 3, 0, form},
		{"172.17.0.0/20", 3, 0, `cidr: "172.17.0.0/20" overlaps 172.17.0.0/16, the network of Docker's bridge on every host`},
		{"10.0.0.0/16", 1, 0, "zones: 1 are not allowed; allowed: 2 to 3"},
		{"10.0.0.0/16", 4, 0, "zones: 4 are not allowed; allowed: 2 to 3"},
		{"10.0.0.0/24", 3, 178, `cidr: the private subnets of "10.0.0.0/24" hold 177 addresses and 178 are needed; allowed: a shorter prefix, down to /16`},
	} {
		_, err := network.Layout(example.cidr, example.zones, example.addresses)
		require.ErrorContains(t, err, example.says, fmt.Sprint(example))
	}
}
