// Package worker knows the life of one worker: when it takes a user, when it may call the broker, and how it ends with
// nothing of that user left.
//
//	           assign, and the        confirmed                 released, fenced, refused
//	           seal opens             at this epoch             by the broker, stopped
//	idle ────────────────► accepted ─────────────► serving ──────────────► ended
//	  │                       └───────────────────────────────────────────► │ calls over, broker logged out,
//	  └── fenced, stopped ────────────────────────────────────────────────► │ children gone, scratch empty
//	                                                                        ▼
//	                             next life: the process executes itself anew, or ends
//
// A life holds at most one session. [Machine] decides, from events to effects, without waiting or calling anything;
// [Worker] is the loop around it; [Body] is the process, which outlives the life when it executes itself anew.
//
// [Lease] is the right to start calls to the broker. It comes from the store through the agent, counts from the moment
// at which the confirmed beat was sent, and runs out by itself when nobody is heard any more: before the store may
// give the user to another worker. Logging out is no use of that right but the end of it, and always allowed.
//
// The package is for Linux.
package worker
