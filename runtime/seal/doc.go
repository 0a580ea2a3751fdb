// Package seal knows how a user's credentials are closed for one life of one worker, so that what carries them – the
// store and the host agent – can neither read them nor hand them to anybody else.
//
// It is HPKE (RFC 9180) in its base mode: X25519, HKDF-SHA256, ChaCha20-Poly1305. The sealed text is bound to the user,
// the worker, its life and the epoch: opened under any other of them it fails. Base mode does not say who sealed; it
// protects against reading, not against an agent that lies about a worker's key.
package seal
