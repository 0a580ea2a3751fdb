// Package order knows one order's way from its acceptance to the broker's last word: once, and in its user's sequence.
//
//	            marked for the                 the broker
//	            worker of an epoch             has it
//	accepted ──────────────────► dispatched ───────────► working ──┐
//	  ▲  │                        │   │                            ├─► filled, rejected, cancelled, expired
//	  │  │                        │   └────────────────────────────┤
//	  │  └─ cancelled, expired    ▼ in doubt, or its worker is gone│
//	  └──── not at the broker ── unknown ──── found at the broker ─┘
//
// [Ledger] commits what happens. Each of its calls is a turn on one user's [Sheet]: a [Store] reads it under a lock, pure
// code decides on it, and the store writes what changed, all in one transaction. So an order that was accepted is
// committed, every store decides alike, and two turns at once are as good as one after the other.
//
// What has to happen after a turn – mail to a worker, a claim for a user who has none – is returned, never done inside
// it. It may be lost: everything in flight has a moment at which it is looked at again, and the letter is written anew.
//
// A user has at most one order in flight. The worker calls the broker under a name that [ClientID] derives from the
// order's own, which is random; so whatever became of a call can be looked up, by this worker or by another. What nobody
// knows stays unknown until it is looked up: never guessed, and never sent again to a broker that would take it twice.
package order
