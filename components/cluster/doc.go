// Package cluster knows what the fleet's machines are: the ECS cluster, the two groups of hosts, and how they grow.
//
//	                   ┌ worker hosts ─ capacity provider, target below 100 %: some hosts are always ahead of the tasks
//	calendar ─────────►│   minimum raised before the open, lowered after the close; no instance refresh
//	ECS cluster ───────┤
//	                   └ API hosts ──── capacity provider, target 100 %; a new template is rolled out at once
//
// A host is protected from being scaled in while a task runs on it: workers are standalone tasks, which have no other
// protection. New worker hosts take the newest template; old ones leave when their sessions have ended.
//
// What a host does at its start – the wall around its containers, the DNS cache, the agent's directory – is one
// script, [Script].
package cluster
