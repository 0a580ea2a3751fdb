// Package fifo keeps first-in, first-out queues within one process and answers for them as SQS does, so that a machine
// without an account runs the programs that ship.
//
// It keeps SQS's laws for queues in high-throughput mode, where deduplication and order belong to a message group:
//
//  1. A group with a hidden message yields nothing.
//  2. Within a group, messages are received in the order in which they were sent.
//  3. A message that is not deleted comes again when its timeout is over, under a new receipt; the old one is dead.
//  4. A deduplication id is delivered once in five minutes from its sending, whether its message was deleted or not.
//  5. Sequence numbers rise.
//  6. After so many receives a message moves to the dead-letter queue, and its group goes on.
//  7. One receive may hand out several messages of a group, in order.
//
// A queue is a value that is told the time; [Server] guards several of them, waits, and speaks SQS's protocol. Nothing
// survives the process, messages carry no attributes of their own, and queues are made with the server and not by a call.
package fifo
