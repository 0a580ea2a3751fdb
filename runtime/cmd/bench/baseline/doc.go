// Package baseline is a queue-claim design, built to be measured beside the platform and for nothing else.
//
//	user ──► FIFO queue ──► function ──► finds an idle worker among all workers' keys, writes its assignment
//	                                                                                │
//	                        worker ◄── asks for its own key, again and again ◄──────┘
//
// Each worker has one key, worker:ID, that holds its state and its last heartbeat, and that the worker writes itself.
// Whoever looks for an idle worker, or for a dead one, walks over all keys. An assignment is a key that is written without
// any fence, and what a worker is called by when it is dead nobody checks.
//
// It is as good as that design allows: the queue is first in, first out by user, the walk reads a page of keys in one round
// trip unless it is told not to, stops at the first page with an idle worker, and begins where the last one stopped. There is no
// function to be started, and no network between the parts but the store's socket.
package baseline
