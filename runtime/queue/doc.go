// Package queue knows the work that waits: which queues there are, what a message of each may say, and what becomes of a
// batch when one of its messages fails.
//
//	Task ─ Outgoing ─► Sender ─► queue ─► Message ─ Parse ─► Task ─► Handler
//	                               ▲                                   │ failed: it and what follows it in its group
//	                               └───────────────────────────────────┘
//
// The queues are first in, first out for each group, and a group is one user's work (or one order's). A message comes
// at least once; a sender's repetition within five minutes comes once, which is what deduplication ids are for. They carry
// the epoch that a task is about: a second stop of the same user, of a later session, is another task and is never taken
// for a repetition.
package queue
