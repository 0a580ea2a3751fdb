// Package postgres knows the database that holds who may act for a user, and the ledger of orders.
//
//	api, keeper, functions ──IAM, TLS──► proxy ─────────────────► writer    ┐ one Aurora volume
//	                                       └ reader endpoint ───► readers   ┘ over three zones
//	migrate ─────────────────────────────────────────────────► writer, past the proxy, as the owner
//
// The proxy keeps few connections to the database for the many of its clients, and signs in with the secret of the one
// role that they share. That secret is made empty: migrate draws the password, so that it stands in no state file. The
// owner's secret is Aurora's own, which rotates it.
//
// One instance writes. Multi-AZ adds a reader that takes over first; further readers serve reads.
package postgres
