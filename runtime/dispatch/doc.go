// Package dispatch knows what follows a turn of the ledger: the mail that a worker gets, the worker that a user gets, the
// word that an outcome is kept.
//
//	accept, cancel ──► turn ──► mail to the user's worker, or a claim and then the mail
//	outcomes ────────► turn ──► "committed", and the next order's mail
//	what is due ─────► turn ──► the mail once more, a look-up, an end
//
// Nothing of it has to succeed: a turn leaves a moment at which the order is looked at again, and the passes here find
// it. Several processes may run them at once, because the turns of one user are taken one after the other.
package dispatch
