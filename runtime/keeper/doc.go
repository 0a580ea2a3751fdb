// Package keeper knows the rounds that keep the pool true while nobody asks: what died is fenced and its user served
// again, what was bound is delivered, what was not confirmed is taken back, what returned is checked, what disagrees is
// healed, what was lost is rebuilt, and what only the database knows is begun anew. Sessions that nobody uses end, and what
// is over is closed.
//
// Each round is a pass that may run anywhere, at any time, several at once: keepers run them within a second of one
// another, the functions every minute. A pass does a bounded piece of work and reports it; whatever it did not reach,
// or what failed half way, the next one finds again.
package keeper
