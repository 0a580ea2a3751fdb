// Package policy knows what AWS refuses or silently does wrong with a stack's resources: one table of rules over the
// resource graph.
//
// The table has two users. Tests judge the recorded graph of every tier, and the simulated provider judges each
// resource that the engine hands it, so that a mistake is refused with the same words before an account sees it. A
// rule's number is its number in docs/aws-rules.md.
package policy
