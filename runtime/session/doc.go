// Package session knows how a request becomes a session: one claim, from asking to the worker being ready, and its end.
//
//	claim            bind in the index, under an epoch, or queue
//	  │
//	begin            the database agrees that this worker acts for the user from this epoch on …
//	  │                … or knows a later epoch: undo, lift the floor, ask again
//	  │                … or another worker may still act: undo, and wait until it cannot
//	seal             the credentials, for this worker, life and epoch
//	  │
//	deliver          to the host's mailbox
//	  │
//	(the worker accepts, its agent confirms: serving)
//
// Every step may be repeated, by the same process or another: what was bound and not delivered is found by the
// keeper's rounds. A step whose outcome is unknown is repeated, never skipped.
package session
