package worker

import (
	"time"

	"workerfleet/runtime/hostlink"
)

// Lease is the right to start calls to the broker:
//
//	beat sent ───────── TTL − guard ─────────► no call starts
//	                                               ▲
//	                      a later confirmed beat ──┘ moves the end
//
// The zero lease allows nothing.
type Lease struct {
	// Trust is how long a confirmed beat counts from the moment it was sent: TTL − guard.
	Trust time.Duration
	sent  hostlink.Instant
}

// Prolong takes the word that a beat sent at that moment was confirmed. Words may arrive in any order, so an earlier
// one changes nothing; one from the future is not believed.
func (l *Lease) Prolong(now, sent hostlink.Instant) {
	if sent <= now {
		l.sent = max(l.sent, sent)
	}
}

// Until is the moment from which on no call starts; 0 is never.
func (l Lease) Until() hostlink.Instant {
	if l.sent == 0 {
		return 0
	}
	return l.sent.Add(l.Trust)
}

// MayCall says whether a call may start now.
func (l Lease) MayCall(now hostlink.Instant) bool { return now < l.Until() }
