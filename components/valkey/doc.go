// Package valkey knows the cache that holds who owns which worker.
//
//	api, keeper, function ─┐  IAM token, TLS
//	agent                 ─┴─► security group ─► serverless cache       up to tier 10k: grows by itself, within limits
//	                                         └─► cluster, shards × 2    from 50k: nodes over three zones, no eviction
//
// Both may stand side by side while a stack moves from one to the other: mode both makes the second, and processes use
// the cluster as soon as there is one. The index needs no copying – agents rebuild it from their beats within two TTLs –
// so that the move is: state both, deploy, see the cluster serve, state cluster, deploy.
//
// Nobody has a password. Each process signs in as a user of its own, with the commands and the keys that it needs; see
// [Processes].
package valkey
