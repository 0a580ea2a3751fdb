// Package valkey knows how the pool's index is kept in Valkey (or Redis 7): one script for each transition of package
// claim, all in one hash slot.
//
// Every script is a file beside this one, documented at its head; pool.lua is what they share. They use the server's
// clock only, touch no key outside {pool}, and put no expiry on a key that says who owns what: serverless caches evict
// keys that carry one. The slot's one core is the pool's ceiling, which sizing plans for.
//
//	{pool}:free, :lease, :ack      idle workers by preference; every worker's and every assignment's deadline
//	{pool}:waiting, :renew         users in the queue by arrival, and until when their place is kept
//	{pool}:hosts                   hosts by their last batch
//	{pool}:worker:<id>, :user:<id> a worker's record; who acts for a user
//	{pool}:host:<id>, :stock       workers of a host; workers by host, image and state
//	{pool}:idle:<host> <image>     the free workers of one image on one host
//	{pool}:launching, :launch      what was asked for and has not registered, by deadline, and what it is
//	{pool}:draining, :plan, :calls retired workers; what was decided last; the bucket of calls that launch and stop
//	{pool}:exited                  lives that are over, as proof for whoever takes a user over
//	{pool}:epoch, :floor, :hold    last epoch, the floor under the next, until when reaping is suspended
//	{pool}:incarnation             identity of the data; without it nobody is bound
package valkey
