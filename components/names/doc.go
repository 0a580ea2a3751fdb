// Package names knows how long AWS lets a name be, of which letters, and how to keep to it.
//
// A resource has a logical name, by which Pulumi knows it, and a physical one, by which AWS does. The platform states
// as few physical names as it can: the provider makes one of the logical name and a random suffix, so that a resource
// can be replaced before the old one is gone and two stacks share an account.
//
//	logical    network ─ Join ─► network-vpc
//	physical   left out:  network-vpc-1a2b3c4     the provider's; Fits says whether AWS takes it
//	           stated:    tier-1k-network-vpc     Stated; always within the limit, always with the stack's name
package names
