// Package workers knows how a worker runs: one container of one user's broker session, started as a task of its own and
// never by a service.
//
//	worker ──socket──► agent (same host)          worker ──HTTPS──► broker
//	   └─log─► Docker ──socket──► log router ──► one log stream a host
//
// A worker knows its agent's directory, its task's metadata and its broker. It has no role: whatever it learns of AWS, it
// may call nothing. Hundreds of them share a host and its interface, so that each writes its log to the host's router –
// CloudWatch would not take a stream for each – and asks the host's DNS cache.
package workers
