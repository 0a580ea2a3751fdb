// Package network knows where the stack's machines live and how they reach out.
//
// A VPC over several zones; everything that runs lives in private subnets, only the load balancer and the NAT gateways
// in public ones.
//
//	zone a            zone b            zone c
//	┌ public ─ NAT ┐  ┌ public ─ NAT ┐  ┌ public ─ NAT ┐ ──► internet gateway
//	│              │  │              │  │              │
//	└ private ─────┘  └ private ─────┘  └ private ─────┘ ──► S3 by gateway, other AWS services by interface endpoints
//
// One NAT gateway serves all zones, or each zone has its own. Container images come from S3 through the gateway
// endpoint, which is free; the other endpoints cost by the hour and are a switch. Whatever needs the way out at its start
// – Auto Scaling groups, services – depends on [Network.Egress].
package network
