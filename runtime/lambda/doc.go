// Package lambda knows the events that start a function: batches of a queue's messages, and ticks of a clock. It turns
// them into the core's words, and what became of them into the answer that Lambda expects.
//
//	queue ─ mapping ─► {"Records": […]}               ─► handler, message by message ─► {"batchItemFailures": […]}
//	clock ─ rule ────► {"detail-type": "Scheduled …"} ─► pass ─► nothing, or the error
//
// Only what is listed as failed comes again; an error of the whole event would bring every message back, the done ones
// too. Package emulator plays Lambda's part on one machine.
package lambda
