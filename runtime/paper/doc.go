// Package paper knows an exchange that trades nothing: for the local platform, for tests, and as their judge.
//
// An [Exchange] fills orders at prices that follow from a seed. It keeps each user's orders and position, writes down
// every call that reaches it, with who made it and whether it had its effect, and loses answers as it is told to:
//
//	place ──► refused
//	  │
//	  ├─ market ─► filled at once, or in several parts, one each tick
//	  └─ limit ──► works until the price crosses it, it is cancelled, or its day ends
//
// [Exchange.Broker] trades on it in the same process. [Handler] serves it over HTTP, and [New] trades there, so that
// the workers of one machine share an exchange which outlives them.
//
// The exchange judges by what reached it. A call counts by the moment of its arrival ([Seen]), not by what the caller
// was told: that is what the faults are there to tear apart.
package paper
