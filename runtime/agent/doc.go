// Package agent knows what stands between the store and the workers of one host: it beats for them, carries their mail,
// confirms what they accept, and notices at once when one of their processes ends.
//
//	store ◄── register, beat, confirm, exit, park ──┐
//	                                                agent ◄── unix socket ──► workers of this host
//	mailbox ── assignments, releases ───────────────┘  └──── watches their processes (pidfd)
//
// What the agent knows of a worker:
//
//	      hello            the store's ok           accepted, then the store's confirmation
//	(none) ───► announced ───────────────► registered ──────────────────────────► confirmed
//	               ▲                           │                                      │
//	               └── hello of a later life ──┴──────────────────────────────────────┘
//
//	any ── its process exits ──► reported to the store ──► (none)
//
// A closed connection is no death: workers execute themselves anew, and come back. While one is away, or keeps silent,
// the agent beats on for one TTL and no longer. Death is the exit of a process that said hello, and nothing else: what
// never called, or calls no more, is left to its lease. So an agent that has just started reports nobody dead for
// being absent.
//
// An assignment goes to the worker, which alone judges whether it is idle; what it accepts the agent confirms in the
// store, repeating the call until it is answered; and only then is the worker told that it may act, and the one who
// waits that it is ready.
//
// One goroutine owns the [roster], which decides; everything that waits happens beside it and hands its result in as a
// turn. The package is for Linux.
package agent
