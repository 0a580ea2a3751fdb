// Package sizing knows what a number of users needs: hosts, connections, quotas and cost.
//
// The published tiers are data (tables.go); everything between and above them follows from the rules beside the
// constants that they use:
//
//	users ─► peak workers ─► hosts ─► connections ─► quotas ─► cost
//	  └────► API, functions, Valkey, database, switches ┘
//
// Nothing here waits, reads the environment or depends on more than the standard library: the Pulumi program, the
// fleet tool and the tests all read the same plan.
package sizing
