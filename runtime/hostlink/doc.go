// Package hostlink knows how a worker and the agent of its host talk: which messages there are, how they are framed on a
// unix socket, and which clock both may compare.
//
//	worker                                      agent
//	  ├── hello {worker, life, key, …} ─────────► │   first on every connection, and again when asked to announce
//	  │ ◄───────────────────────────── assign ────┤   a user, an epoch, sealed credentials
//	  ├── accepted {epoch} / refused {reason} ──► │   only an idle worker accepts
//	  │ ◄────────────────────── confirmed {epoch} ┤   only now may it log in at the broker
//	  ├── alive ────────────────────────────────► │   every beat: the agent beats for workers that say so, and no others
//	  │ ◄─────────────────── beat-ok {epoch, sentAt, off}  the lease counts from sentAt
//	  │ ◄── release {epoch}, fenced {epoch}, announce
//	  │ ◄── execute, cancel, verify {epoch, order}  what is asked of an order
//	  ├── reported {outcome} ─────────────────► │   until it is committed
//	  │ ◄────────────────────── committed {number}
//	  ├── leaving {epoch, reason} ──────────────► │   the life ends; the next one says hello on a connection of its own
//
// A connection has three states on either side:
//
//	silent ── hello ──► open ── end of stream, a frame that breaks the rules, a peer too slow ──► closed
//
// Closed is final and says nothing about the process behind it: sockets close when a worker executes itself anew, and
// both sides go on with a new connection. Frames of another version are refused; kinds and fields that are not known
// are passed over, so that agents and workers of neighbouring releases share a host.
//
// The package is for Linux: a peer's process id comes from the socket itself (SO_PEERCRED), and the clock is
// CLOCK_BOOTTIME.
package hostlink
