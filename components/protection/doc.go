// Package protection knows how hard a stack's data is to lose.
//
// One setting decides for every stateful resource at once – Pulumi's protect, the service's own deletion protection,
// final snapshots, the keys' deletion window – so that no resource is left half guarded.
package protection
