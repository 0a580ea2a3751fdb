// Package backup knows the copies of the database that outlive it.
//
//	Aurora cluster ─daily, monthly─► vault, locked ──copy──► vault in a second region, with a key of its own
//	                                   │                     from 50k, or where the switch is on
//	                                   └► a job that fails, or a day without one ─► alarm topic
//
// The cluster itself can be restored to any second of its last days. These copies are for what that does not survive: the
// cluster's deletion, the loss of the region, and a mistake that nobody saw for a month.
package backup
