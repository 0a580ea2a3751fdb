// Package functions knows how code runs without a host: one function with its trigger, its log and its least privilege.
//
//	queue ────► mapping ──┐  the batch's failures go back to the queue, and from there to its dead-letter queue
//	                      ├─► function in the VPC ─► log, traces
//	schedule ─► rule ─────┘  what a schedule could not hand over, or the function failed at, goes to Failures
//
// Its concurrency is reserved: no function takes another's share, and the database never sees more of them than planned.
package functions
