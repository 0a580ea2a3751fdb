// Package pool knows how many workers should exist: how many idle ones, on how many hosts, of which image, and what to
// do now to get there.
//
//	market calendar ──► schedule ───┐                ┌─► ScaleHosts   hosts ahead of workers
//	claims of the past ► prediction ┤ the largest    ├─► RemoveHosts  empty ones
//	users who wait ────► queue ─────┼──────────────► ├─► Launch       ten a call, what hosts have room for
//	policy ────────────► buffer ────┘ = idle target  ├─► Stop         idle only, slowly, emptiest hosts first
//	                                                 └─► Wait         what is left undone, and why
//
// [Decide] is a pure function of a [Snapshot], which carries its time: whatever runs the passes – keeper, function,
// local platform, simulator – decides alike, and a decision can be replayed from what was seen. It plans calls; it makes
// none. A [Provider] does, and refuses in two ways that come back with the next snapshot.
//
// Workers renew themselves after a session, so launches follow demand and not the turnover of users: a busy worker that
// ends its session is stock again seconds later.
package pool
