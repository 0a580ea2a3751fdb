// Package webhook knows whose signal a webhook is, and that it is new.
//
//	token ──► whose it is ──► timestamp within five minutes ──► signature, or the secret in the body ──► the ledger's key
//
// Each check is cheaper than the next. The last one is not made here: the key that is returned decides in the ledger, in
// the transaction that accepts the order, so that a repeated delivery finds the order that it has.
//
// Two forms are taken. Who can sign sends the headers X-Timestamp and X-Signature. Who can only fill in a text, as many
// charting services, sends the secret, a timestamp and an id in the body; such a body is worth as much as the secret.
package webhook
