// Package claim knows who owns which worker: the states of a worker, the transitions between them, and the questions
// that the rest of the platform asks of the index that keeps them.
//
//	          register           claim                 confirm              release
//	(unknown) ────────► warm ─────────────► assigned ───────────► serving ────────────┐
//	                     ▲                      │ undo, acknowledgement missed         │
//	                     │                      ▼                                      ▼
//	                     └──────────────── resetting ◄─────────────────────────────────┘
//	                       register, in a new life
//
//	(unknown) ── register, in a session ──► returned ── the database agrees ──► serving
//
//	warm ── retired, because there are too many ──► draining
//
//	any state ── its process exited, or its lease ran out ──► gone
//
// [Index] is the reference: plain data and pure transitions that take the time as an argument. [Memory] puts a lock
// and a clock around it. The Valkey adapter runs the same transitions as scripts in the server, and the suite in
// package claimtest holds both to the same behaviour.
//
// Three parties share the truth. The index decides quickly who is bound to whom. The database decides who may act for
// a user: its epoch rises with every session, and the index's floor follows it. The worker alone knows whether it is
// occupied: only its own report of being idle makes it free.
package claim
