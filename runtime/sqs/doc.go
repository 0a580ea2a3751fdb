// Package sqs puts tasks into SQS's FIFO queues, and hands messages out for tools and for the local event source. On AWS
// itself Lambda receives and deletes; nothing that ships polls a queue.
//
// A queue is known by its URL, whose host is also the endpoint that is called: another region's queue, and one of this
// machine, need nothing else.
package sqs
