// Package queues knows how work waits: FIFO queues that keep order per message group, each with the queue of what could
// not be done.
//
//	producer ─► queue ──────────► consumer
//	              │  after so many receives
//	              └─► dead ─► alarm on the first message; kept 14 days, redriven by hand
//
// All queues run in high-throughput mode: a limit per message group and not per queue. The consumer is a function or
// another short-lived batch reader; its timeout decides how long a message stays invisible.
package queues
